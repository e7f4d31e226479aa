"""Which epochs a person should look at again."""

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-9


def epochs_to_review(confidence: NDArray[np.floating], *, risk: float) -> NDArray[np.bool_]:
    """Mark the smallest set of epochs such that the expected error of the rest is at most `risk`.

    The expected error of an epoch is ``1 - confidence``; of the rest, their mean. The least confident epochs
    are marked first, the earlier one where two are equal.

    Parameters
    ----------
    confidence
        Shape ``[N]``: calibrated probability of the stage chosen; NaN where unscored.
    risk
        Expected share of wrong stages that is accepted among unmarked epochs, 0 to 1.

    Returns
    -------
    is_to_review
        Shape ``[N]``; False where unscored.
    """
    expected_error = 1 - confidence.astype(np.float64)
    scored = np.flatnonzero(~np.isnan(expected_error))
    surest_first = scored[np.lexsort((-scored, expected_error[scored]))]
    mean_error = np.cumsum(expected_error[surest_first]) / np.arange(1, len(surest_first) + 1)
    n_kept = int(np.searchsorted(mean_error, risk + ROUNDING, side="right"))
    is_to_review = np.zeros(len(confidence), dtype=np.bool_)
    is_to_review[surest_first[n_kept:]] = True
    return is_to_review
