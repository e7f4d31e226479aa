"""Two measurements of the same nights: bias and limits of agreement (Bland and Altman 1986)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.metrics.confusions import ratio
from mc2sleepnet.metrics.intervals import Subjects, percentile_interval

# 95 % of a normal distribution lie within so many deviations.
_DEVIATIONS = 1.96


@dataclass(frozen=True, kw_only=True, eq=False)
class Differences:
    """Scorer minus reference, of Q quantities.

    Attributes
    ----------
    n_nights
        Shape ``[Q]``: nights where both sides have a value.
    bias, low, high
        Shape ``[Q]``: mean difference, and the limits of agreement ``bias -+ 1.96 SD`` within which 95 % of the
        differences of normally distributed ones lie. Limits are NaN for fewer than two nights.
    bias_interval, low_interval, high_interval
        Shape ``[Q, 2]``: bootstrap over subjects, 95 %; NaN for fewer than two subjects.
    """

    n_nights: NDArray[np.int64]
    bias: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    bias_interval: NDArray[np.float64]
    low_interval: NDArray[np.float64]
    high_interval: NDArray[np.float64]


def differences(
    reference: NDArray[np.float64], scored: NDArray[np.float64], subject: NDArray[np.intp], subjects: Subjects
) -> Differences:
    """Bias and limits of agreement of each quantity.

    Parameters
    ----------
    reference, scored
        Shape ``[R, Q]``, one row a night; NaN where a side has no value, and the night is left out of that quantity.
    subject
        Shape ``[R]``: index of each night's subject.
    subjects
        Their resamples.
    """
    difference = scored - reference
    is_known = ~np.isnan(difference)
    known = np.where(is_known, difference, 0)
    # About a middle value, so that squares of large numbers do not cancel.
    middle = ratio(known.sum(axis=0), is_known.sum(axis=0))
    moved = np.where(is_known, difference - middle, 0)
    moments = np.stack([is_known.astype(np.float64), moved, moved**2], axis=1)
    per_subject = np.zeros((subjects.n_subjects, *moments.shape[1:]))
    np.add.at(per_subject, subject, moments)
    bias, low, high = (middle + moment for moment in _limits(moments.sum(axis=0)))
    resampled = [middle + moment for moment in _limits(subjects.sums(per_subject))]
    return Differences(
        n_nights=is_known.sum(axis=0),
        bias=bias,
        low=low,
        high=high,
        bias_interval=percentile_interval(resampled[0]),
        low_interval=percentile_interval(resampled[1]),
        high_interval=percentile_interval(resampled[2]),
    )


def _limits(moments: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean and limits, each ``[..., Q]``, from count, sum and sum of squares ``[..., 3, Q]``."""
    n, total, squares = moments[..., 0, :], moments[..., 1, :], moments[..., 2, :]
    mean = ratio(total, n)
    variance = ratio(squares - np.nan_to_num(mean) * total, np.maximum(n - 1, 0))
    reach = _DEVIATIONS * np.sqrt(np.maximum(variance, 0))
    return mean, mean - reach, mean + reach
