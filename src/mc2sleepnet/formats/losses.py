"""What a dialect cannot carry, named instead of dropped in silence."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from mc2sleepnet.formats.nsrr import has_edf_year
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram

DETAILS: Final = frozenset({"confidence", "probabilities", "review", "source"})
CLOCK: Final = frozenset({"date", "time", "fraction"})
# What each dialect carries besides the stages themselves.
CARRIES: Final[Mapping[str, frozenset[str]]] = {
    "csv": CLOCK | DETAILS,
    "edf": CLOCK | {"synthetic"},
    "bids": CLOCK | DETAILS | {"synthetic"},
    "luna": CLOCK | {"synthetic"},
    "nsrr": frozenset({"date", "time", "synthetic"}),
    "profusion": frozenset({"synthetic"}),
    "json": CLOCK | DETAILS | {"scorer", "synthetic"},
    "text": frozenset(),
}
_WORDS: Final = {
    "date": "the start date",
    "time": "the start time",
    "fraction": "fractions of a second of the start time",
    "confidence": "confidence",
    "probabilities": "stage probabilities",
    "review": "which epochs to review",
    "source": "why epochs are unscored (source)",
    "scorer": "the scorer's name",
    "synthetic": "that the recording is synthetic",
}


def losses(scored: ScoredHypnogram, dialect: str) -> tuple[str, ...]:
    """Return what of a hypnogram a dialect does not carry, in words; empty where nothing is lost."""
    carried = CARRIES[dialect]
    start = scored.hypnogram.start
    review, source = scored.review, scored.source
    has = {
        "date": start is not None,
        "time": start is not None,
        "fraction": start is not None and bool(start.microsecond) and "time" in carried,
        "confidence": scored.confidence is not None and bool(np.isfinite(scored.confidence).any()),
        "probabilities": scored.hypnodensity is not None and bool(np.isfinite(scored.hypnodensity).any()),
        "review": review is not None and bool(review.any()),
        "source": source is not None and any(source),
        "scorer": bool(scored.scorer),
        "synthetic": scored.is_synthetic,
    }
    lost = [_WORDS[what] for what, is_there in has.items() if is_there and what not in carried]
    if dialect == "nsrr" and start is not None and not has_edf_year(start):
        lost.append("the start date (its two digits of a year say 1985 to 2084)")
    return tuple(lost)
