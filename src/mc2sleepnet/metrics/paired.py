"""Do two systems really differ? Both judged by one reference on the same epochs of the same subjects."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.metrics.intervals import Subjects, percentile_interval

N_PERMUTATIONS: Final = 4000
_MOST_EXACT: Final = 11  # up to 2048 ways to swap: all of them are tried
_AT_A_TIME: Final = 128
SIGNIFICANT: Final = 0.05

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Second system minus first.

    Attributes
    ----------
    first, second
        The figure of each.
    difference, low, high
        Their difference, and its 95 % paired bootstrap interval over subjects; NaN for fewer than two subjects.
    p
        Two-sided permutation test; NaN where the figures have no value.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float


def paired_difference(
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    statistic: Statistic,
    *,
    subjects: Subjects,
    seed: int = 0,
) -> Difference:
    """Difference of a pooled figure between two systems, with interval and test over subjects.

    The bootstrap draws subjects, each with both systems' epochs. The permutation test swaps the two systems
    within subjects: if neither is better, which is which means nothing. All ways to swap up to 11 subjects, else
    4000 random ones; ``p = (1 + as large) / (1 + tried)`` for random ones (Phipson and Smyth 2010).

    Parameters
    ----------
    first, second
        Shape ``[S, 5, 5]``: confusion matrices with the reference, one per subject, over the same epochs.
    statistic
        From confusion matrices ``[..., 5, 5]`` to figures ``[...]``, such as `confusions.kappas`.
    subjects
        Their resamples.
    seed
        Of the random swaps.
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    of_first, of_second = float(statistic(a.sum(axis=0))), float(statistic(b.sum(axis=0)))
    observed = of_second - of_first
    low, high = percentile_interval(statistic(subjects.sums(b)) - statistic(subjects.sums(a)))
    return Difference(
        first=of_first,
        second=of_second,
        difference=observed,
        low=float(low),
        high=float(high),
        p=_p_by_swapping(a, b, statistic, observed, seed),
    )


def _p_by_swapping(
    a: NDArray[np.float64], b: NDArray[np.float64], statistic: Statistic, observed: float, seed: int
) -> float:
    if np.isnan(observed):
        return np.nan
    n_subjects = len(a)
    is_exact = n_subjects <= _MOST_EXACT
    n_swaps = 2**n_subjects if is_exact else N_PERMUTATIONS
    more = (b - a).reshape(n_subjects, -1)
    rng = np.random.default_rng(seed)
    n_as_large = n_tried = 0
    for start in range(0, n_swaps, _AT_A_TIME):
        swaps = np.arange(start, min(start + _AT_A_TIME, n_swaps))
        if is_exact:
            is_swapped = (swaps[:, None] >> np.arange(n_subjects)) & 1
        else:
            is_swapped = rng.integers(0, 2, (len(swaps), n_subjects), dtype=np.uint8)
        moved = (is_swapped.astype(np.float64) @ more).reshape(-1, *a.shape[1:])
        difference = statistic(b.sum(axis=0) - moved) - statistic(a.sum(axis=0) + moved)
        n_tried += int(np.count_nonzero(~np.isnan(difference)))
        n_as_large += int(np.count_nonzero(np.abs(difference) >= abs(observed) - 1e-12))
    return n_as_large / n_tried if is_exact else (1 + n_as_large) / (1 + n_tried)


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """P values adjusted for their number (Holm 1979), shape ``[M]``; NaN stays and is not counted."""
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    ordered = known[np.argsort(p[known], kind="stable")]
    factors = np.arange(len(ordered), 0, -1)
    adjusted[ordered] = np.minimum(np.maximum.accumulate(p[ordered] * factors), 1)
    return adjusted
