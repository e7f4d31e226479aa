"""mc2sleepnet: from one EEG channel of a night to a hypnogram you can trust and check.

>>> import mc2sleepnet as mc2
>>> night = mc2.score("night.edf", model="model/")
>>> night.stages, night.hypnodensity, night.confidence, night.review, night.statistics()
>>> mc2.evaluate("expert.edf", "hypnogram.csv").to_text()
"""

from typing import TYPE_CHECKING

from mc2sleepnet.core.version import own_version

if TYPE_CHECKING:
    from mc2sleepnet.api import evaluate, score
    from mc2sleepnet.core.errors import InputError

__version__ = own_version()
__all__ = ["InputError", "__version__", "evaluate", "score"]


def __getattr__(name: str) -> object:
    """Load the interface when it is first asked for, so that `import mc2sleepnet` costs nothing."""
    if name in ("evaluate", "score"):
        from mc2sleepnet import api

        return getattr(api, name)
    if name == "InputError":
        from mc2sleepnet.core.errors import InputError

        return InputError
    raise AttributeError(f"module 'mc2sleepnet' has no attribute '{name}'")


def __dir__() -> list[str]:
    """What can be asked for, loaded or not, so that it is found by completion."""
    return sorted({*globals(), *__all__})
