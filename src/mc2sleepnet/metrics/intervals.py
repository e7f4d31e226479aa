"""How sure a figure is, given the subjects it comes from."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

LEVEL_PERCENT = 95.0


def bootstrap_over_subjects(
    confusions: NDArray[np.int64],
    statistic: Callable[[NDArray[np.int64]], float],
    *,
    n: int,
    seed: int,
) -> tuple[float, float]:
    """95 % percentile interval of a pooled statistic, resampling subjects with replacement.

    Epochs of one night are not independent, subjects are: each resample draws S subjects, adds their
    confusion matrices and takes the statistic of the sum (Efron and Tibshirani 1993, chapter 13).

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
    n_subjects = len(confusions)
    if n_subjects < 2:
        return np.nan, np.nan
    times_drawn = np.random.default_rng(seed).multinomial(n_subjects, np.full(n_subjects, 1 / n_subjects), n)
    pooled = np.tensordot(times_drawn, confusions, axes=1)
    values = np.array([statistic(confusion) for confusion in pooled])
    values = values[~np.isnan(values)]
    if not len(values):
        return np.nan, np.nan
    tail = (100 - LEVEL_PERCENT) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)
