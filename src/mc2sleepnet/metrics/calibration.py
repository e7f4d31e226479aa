"""Probabilities that mean what they say."""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import UNSCORED

TEMPERATURE_BOUNDS = (0.05, 20.0)
# Standard deviation of ln temperature before any epoch was seen: a few nights without an error must not make a stager
# that is sure of everything; thousands of epochs outweigh it.
PRIOR_DEVIATION = 0.25
SMALLEST_LOG_PROB = float(np.log(1e-12))  # one certain error must not decide the temperature alone


def fit_temperature(log_probs: NDArray[np.floating], stage: NDArray[np.int8]) -> float:
    """Most probable temperature of the scored epochs.

    ``p = softmax(log_probs / temperature)`` (Guo et al. 2017, arXiv 1706.04599): above 1 the stager was too
    sure, below 1 not sure enough. It changes no stage, only the confidence. Before the epochs speak, ln temperature
    is taken to be normal around 0 with a deviation of `PRIOR_DEVIATION`: where they are few, or hold no error, it
    stays near 1.

    Parameters
    ----------
    log_probs
        Shape ``[N, 5]``: log-probabilities, or logits.
    stage
        Shape ``[N]``: the reference's stages, -1 where unscored.

    Returns
    -------
    temperature
        Between 0.05 and 20; 1 where no epoch is scored.
    """
    from scipy.optimize import minimize_scalar  # a third of a second that scoring does not need

    is_scored = np.not_equal(stage, UNSCORED)
    if not is_scored.any():
        return 1.0
    logits = _log_softmax(log_probs[is_scored].astype(np.float64))
    logits = np.maximum(logits, SMALLEST_LOG_PROB)
    wanted = stage[is_scored].astype(np.intp)[:, None]

    def cost(log_temperature: float) -> float:
        log_p = _log_softmax(logits / np.exp(log_temperature))
        unlikely = -float(np.take_along_axis(log_p, wanted, axis=1).sum())
        return (unlikely + 0.5 * (log_temperature / PRIOR_DEVIATION) ** 2) / len(wanted)

    found = minimize_scalar(cost, bounds=tuple(np.log(TEMPERATURE_BOUNDS)), method="bounded")
    return float(np.exp(found.x))


def apply_temperature(log_probs: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Calibrated probabilities, ``softmax(log_probs / temperature)``, shape ``[N, 5]``; NaN rows stay NaN."""
    probs: NDArray[np.float64] = np.exp(_log_softmax(log_probs.astype(np.float64) / temperature))
    return probs


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits of each row less the logarithm of their exponentials' sum."""
    below_largest = logits - logits.max(axis=1, keepdims=True)
    log_probs: NDArray[np.float64] = below_largest - np.log(np.exp(below_largest).sum(axis=1, keepdims=True))
    return log_probs


def expected_calibration_error(
    confidence: NDArray[np.floating], is_right: NDArray[np.bool_], n_bins: int = 15
) -> float:
    """Mean distance between confidence and accuracy over bins of equal width, weighted by their epochs.

    ``ECE = sum_b (n_b / n) |accuracy_b - confidence_b|`` (Naeini et al. 2015). With few epochs it is biased
    upwards: a bin's accuracy scatters even where the probabilities are right.

    Parameters
    ----------
    confidence
        Shape ``[N]``, probability of the stage chosen; epochs with NaN are left out.
    is_right
        Shape ``[N]``: True where the stage chosen is the reference's.
    n_bins
        Bins between 0 and 1.

    Returns
    -------
    error
        Between 0 and 1; NaN without epochs.
    """
    is_known = ~np.isnan(confidence)
    if not is_known.any():
        return np.nan
    sure, right = confidence[is_known].astype(np.float64), is_right[is_known].astype(np.float64)
    inner_edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    bin_of = np.digitize(sure, inner_edges, right=True)
    surplus = np.bincount(bin_of, weights=sure - right, minlength=n_bins)
    return float(np.abs(surplus).sum() / len(sure))
