"""How sure a figure is, given the subjects it comes from."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVEL_PERCENT: Final = 95.0
N_RESAMPLES: Final = 1000
# Resamples whose sums are taken at a time: what bounds the memory of ten thousand subjects.
_AT_A_TIME: Final = 64


class Subjects:
    """Bootstrap over subjects: the same resamples for every figure, so that figures can be set beside each other.

    Epochs of one night are not independent, subjects are: each resample draws S subjects with replacement and
    takes the figure of what they hold together (Efron and Tibshirani 1993, chapter 13).

    Parameters
    ----------
    n_subjects
        S; with fewer than two there are no intervals.
    n
        Number of resamples.
    seed
        The same seed gives the same intervals.
    """

    def __init__(self, n_subjects: int, *, n: int = N_RESAMPLES, seed: int = 0) -> None:
        self.n_subjects = n_subjects
        self.n = n if n_subjects >= 2 else 0
        shares = np.full(n_subjects, 1 / max(n_subjects, 1))
        self._times_drawn = np.empty((self.n, n_subjects), np.uint16)
        rng = np.random.default_rng(seed)
        for first in range(0, self.n, _AT_A_TIME):
            n_now = min(_AT_A_TIME, self.n - first)
            self._times_drawn[first : first + n_now] = rng.multinomial(n_subjects, shares, n_now)

    def sums(self, per_subject: NDArray[np.generic]) -> NDArray[np.float64]:
        """What each resample's subjects hold together.

        Parameters
        ----------
        per_subject
            Shape ``[S, ...]``: what adds up, such as confusion matrices.

        Returns
        -------
        sums
            Shape ``[n, ...]``.
        """
        assert len(per_subject) == self.n_subjects
        flat = per_subject.reshape(self.n_subjects, int(np.prod(per_subject.shape[1:]))).astype(np.float64)
        sums = np.empty((self.n, flat.shape[1]))
        for first in range(0, self.n, _AT_A_TIME):
            sums[first : first + _AT_A_TIME] = self._times_drawn[first : first + _AT_A_TIME].astype(np.float64) @ flat
        return sums.reshape(self.n, *per_subject.shape[1:])


def percentile_interval(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """95 % percentile interval over the first axis.

    Parameters
    ----------
    values
        Shape ``[n, ...]``: a figure of every resample; those with NaN are left out.

    Returns
    -------
    interval
        Shape ``[..., 2]``: low and high; NaN where no resample has a value.
    """
    ordered = np.sort(values, axis=0)  # NaN last
    n_known = np.sum(~np.isnan(values), axis=0)
    tail = (100 - LEVEL_PERCENT) / 200
    ends = []
    for share in (tail, 1 - tail):
        place = share * np.maximum(n_known - 1, 0)
        below = np.floor(place).astype(np.intp)
        above = np.minimum(below + 1, np.maximum(n_known - 1, 0))
        if len(values):
            low = np.take_along_axis(ordered, below[None], axis=0)[0]
            high = np.take_along_axis(ordered, above[None], axis=0)[0]
            ends.append(np.where(n_known > 0, low + (high - low) * (place - below), np.nan))
        else:
            ends.append(np.full(values.shape[1:], np.nan))
    return np.stack(ends, axis=-1)


def bootstrap_over_subjects(
    confusions: NDArray[np.int64],
    statistic: Callable[[NDArray[np.int64]], float],
    *,
    n: int,
    seed: int,
) -> tuple[float, float]:
    """95 % percentile interval of a pooled statistic, resampling subjects with replacement.

    Parameters
    ----------
    confusions
        Shape ``[S, 5, 5]``: one confusion matrix per subject, all their nights added.
    statistic
        From a confusion matrix to a number, such as `mc2sleepnet.metrics.agreement.kappa`.
    n
        Number of resamples.
    seed
        Seed of the resampling: the same seed gives the same interval.

    Returns
    -------
    low, high
        NaN for fewer than two subjects, and where no resample has a value. Resamples whose statistic is NaN
        are left out.
    """
    pooled = Subjects(len(confusions), n=n, seed=seed).sums(confusions).astype(np.int64)
    low, high = percentile_interval(np.array([statistic(confusion) for confusion in pooled]))
    return float(low), float(high)
