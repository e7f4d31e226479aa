"""One scorer against the reference on one night, as counts that add up over nights and subjects."""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.metrics.confusions import confusion_matrix
from mc2sleepnet.metrics.sleep_statistics import sleep_statistics
from mc2sleepnet.metrics.stage_changes import errors_by_distance, matched_changes, transition_matrix

STATISTICS: Final = tuple(sleep_statistics(Hypnogram(stage=np.zeros(1, np.int8))))


@dataclass(frozen=True, kw_only=True, eq=False)
class NightAgreement:
    """Counts of R nights.

    Attributes
    ----------
    confusion
        Shape ``[R, 5, 5]``, over the epochs both sides scored.
    n_reference_scored
        Shape ``[R]``: epochs the reference scored.
    transitions_reference, transitions_scored
        Shape ``[R, 5, 5]``: neighbouring epochs of each side, where both sides scored both of them.
    changes
        Shape ``[R, 6]``: as `matched_changes` counts them.
    errors_by_distance
        Shape ``[R, 11, 2]``: as `errors_by_distance` counts them.
    statistics_reference, statistics_scored
        Shape ``[R, Q]``: `STATISTICS` over the span that both hypnograms cover; NaN where undefined.
    """

    confusion: NDArray[np.int64]
    n_reference_scored: NDArray[np.int64]
    transitions_reference: NDArray[np.int64]
    transitions_scored: NDArray[np.int64]
    changes: NDArray[np.int64]
    errors_by_distance: NDArray[np.int64]
    statistics_reference: NDArray[np.float64]
    statistics_scored: NDArray[np.float64]

    @classmethod
    def of(cls, reference: NDArray[np.int8], scored: NDArray[np.int8], covered: slice) -> Self:
        """Count one night, without the axis R.

        Parameters
        ----------
        reference, scored
            Shape ``[N]``, the same epochs on both sides; -1 where unscored.
        covered
            The epochs that both hypnograms cover.
        """
        is_common = np.not_equal(reference, UNSCORED) & np.not_equal(scored, UNSCORED)
        return cls(
            confusion=confusion_matrix(reference, scored),
            n_reference_scored=np.asarray(np.count_nonzero(reference != UNSCORED)),
            transitions_reference=transition_matrix(reference, is_common),
            transitions_scored=transition_matrix(scored, is_common),
            changes=matched_changes(reference, scored),
            errors_by_distance=errors_by_distance(reference, scored),
            statistics_reference=_statistics(reference[covered]),
            statistics_scored=_statistics(scored[covered]),
        )

    @classmethod
    def stack(cls, nights: "list[Self]") -> Self:
        """Several nights with a first axis over them."""
        return cls(**{field.name: np.stack([getattr(night, field.name) for night in nights]) for field in fields(cls)})

    def of_nights(self, is_in: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Only some of the nights."""
        return type(self)(**{field.name: getattr(self, field.name)[is_in] for field in fields(self)})

    def __len__(self) -> int:
        return len(self.n_reference_scored)


def _statistics(stage: NDArray[np.int8]) -> NDArray[np.float64]:
    if not len(stage):
        return np.full(len(STATISTICS), np.nan)
    values = sleep_statistics(Hypnogram(stage=stage, start=None))
    return np.array([np.nan if values[key] is None else values[key] for key in STATISTICS], dtype=np.float64)
