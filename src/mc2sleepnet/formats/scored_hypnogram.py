"""A hypnogram with whatever else its file tells of each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import N_STAGES


class HasHypnogram(Protocol):
    """What `as_scored` takes: a `ScoredHypnogram`, or a scored night."""

    @property
    def hypnogram(self) -> Hypnogram:
        """N epochs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredHypnogram:
    """What a hypnogram file holds.

    Attributes
    ----------
    hypnogram
        N epochs.
    hypnodensity
        Shape ``[N, 5]``: stage probabilities, NaN in unscored epochs; None where the file has none.
    confidence
        Shape ``[N]``: probability of the stage, NaN in unscored epochs; None where the file has none.
    review
        Shape ``[N]``: True where a person should look again; None where the file does not say.
    source
        N words saying where each stage comes from, such as ``model`` or ``gap``; None where the file does not say.
    scorer
        Who scored, where the file itself says so; else empty.
    is_synthetic
        True where the file says that no person was recorded.
    """

    hypnogram: Hypnogram
    hypnodensity: NDArray[np.float64] | None = None
    confidence: NDArray[np.float64] | None = None
    review: NDArray[np.bool_] | None = None
    source: Sequence[str] | None = None
    scorer: str = ""
    is_synthetic: bool = False

    def __post_init__(self) -> None:
        n_epochs = len(self.hypnogram)
        assert self.hypnodensity is None or self.hypnodensity.shape == (n_epochs, N_STAGES)
        assert self.confidence is None or self.confidence.shape == (n_epochs,)
        assert self.review is None or self.review.shape == (n_epochs,)
        assert self.source is None or len(self.source) == n_epochs

    def __repr__(self) -> str:
        known = [name for name in ("hypnodensity", "confidence", "review", "source") if getattr(self, name) is not None]
        return f"<ScoredHypnogram {' + '.join([repr(self.hypnogram), *known])}>"


def as_scored(given: Any) -> ScoredHypnogram:
    """A hypnogram, or whatever has one, such as a scored night, with what else is known of each epoch.

    Raises
    ------
    InputError
        If it is none, and has none.
    """
    if isinstance(given, ScoredHypnogram):
        return given
    if isinstance(given, Hypnogram):
        return ScoredHypnogram(hypnogram=given)
    hypnogram = getattr(given, "hypnogram", None)
    if not isinstance(hypnogram, Hypnogram):
        remedy = "Give a Hypnogram, a ScoredHypnogram, or a scored night"
        raise InputError("hypnogram", f"a {type(given).__name__} is none", remedy)
    return ScoredHypnogram(
        hypnogram=hypnogram,
        hypnodensity=getattr(given, "hypnodensity", None),
        confidence=getattr(given, "confidence", None),
        review=getattr(given, "review", None),
        source=getattr(given, "source", None),
        scorer=hypnogram.scorer,
        is_synthetic=bool(getattr(given, "is_synthetic", False)),
    )
