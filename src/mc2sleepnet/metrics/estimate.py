"""A figure with its interval over subjects."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.metrics.confusions import ratio
from mc2sleepnet.metrics.intervals import Subjects, percentile_interval

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """One figure, or several in an array.

    Attributes
    ----------
    value
        Shape ``[...]``; NaN where it has none.
    interval
        Shape ``[..., 2]``: 95 % bootstrap interval over subjects; NaN for fewer than two subjects.
    """

    value: NDArray[np.float64]
    interval: NDArray[np.float64]

    def __getitem__(self, index: int | tuple[int, ...]) -> "Estimate":
        return Estimate(value=np.asarray(self.value[index]), interval=self.interval[index])

    def __float__(self) -> float:
        return float(self.value)


def estimate(statistic: Statistic, per_subject: NDArray[np.generic], subjects: Subjects) -> Estimate:
    """A figure of all subjects together, and its interval.

    Parameters
    ----------
    statistic
        From sums ``[..., *count]`` to figures ``[..., *figure]``.
    per_subject
        Shape ``[S, *count]``: what adds up over subjects.
    subjects
        Their resamples.
    """
    value = np.asarray(statistic(per_subject.sum(axis=0)), dtype=np.float64)
    if not subjects.n:
        return Estimate(value=value, interval=np.full((*value.shape, 2), np.nan))
    return Estimate(value=value, interval=percentile_interval(statistic(subjects.sums(per_subject))))


def estimate_mean(values: NDArray[np.float64], subject: NDArray[np.intp], subjects: Subjects) -> Estimate:
    """Mean over nights, NaN left out.

    Parameters
    ----------
    values
        Shape ``[R, ...]``: one figure, or several, a night.
    subject
        Shape ``[R]``: index of each night's subject.
    subjects
        Their resamples, which draw all nights of a subject together.
    """
    is_known = ~np.isnan(values)
    sums = np.stack([np.where(is_known, values, 0), is_known.astype(np.float64)], axis=-1)

    def mean(total: NDArray[np.float64]) -> NDArray[np.float64]:
        return ratio(total[..., 0], total[..., 1])

    return estimate(mean, by_subject(sums, subject, subjects.n_subjects), subjects)


def by_subject(values: NDArray[np.generic], subject: NDArray[np.intp], n_subjects: int) -> NDArray[np.float64]:
    """Sums over each subject's nights, shape ``[S, ...]`` of ``[R, ...]``."""
    sums = np.zeros((n_subjects, *values.shape[1:]), dtype=np.float64)
    order = np.argsort(subject, kind="stable")
    found, first = np.unique(subject[order], return_index=True)
    if len(found):
        sums[found] = np.add.reduceat(values[order], first, axis=0)
    return sums
