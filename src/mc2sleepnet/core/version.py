"""Which version of this program runs."""

from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    """As it was installed; ``"not installed"`` where it runs from a checkout, as on a machine lent for an hour."""
    try:
        return version("mc2sleepnet")
    except PackageNotFoundError:
        return "not installed"
