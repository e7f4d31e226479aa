"""Where a recording becomes louder or quieter bit by bit, at all frequencies alike: a gain or an electrode that drifts.

Levels change with the stages, so only epochs that a first look called alike are compared. What is left over half an
hour belongs to the recorder, if low, middle and high frequencies all say so: in 12 real subjects (UCDDB), those of whom
two hours and more are at hand, one of the three always stays within 4.3 dB. A network that reads a recording by its own
statistics misreads both ends of such a night.
"""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.spectral_bands import bins_between
from mc2sleepnet.core.stages import EPOCH_S, N_STAGES

# Slow waves; theta, alpha and slow spindles; spindles, beta and muscle.
EDGES_HZ = (0.3, 3.5, 11.0, 42.0)
# From the lowest to the highest level, and from the 10th to the 90th percentile of epochs: an hour alone is no drift.
LEAST_DB, LEAST_OF_MOST_DB = 5.0, 2.5
# The level is the median of half an hour, taken every five minutes where a quarter of it is known.
WINDOW_EPOCHS, STEP_EPOCHS = 30 * 60 // EPOCH_S, 5 * 60 // EPOCH_S
FEWEST_IN_WINDOW = WINDOW_EPOCHS // 4
# Shorter recordings say too little of what belongs to a stage, and stages of fewer epochs as well.
FEWEST_EPOCHS, FEWEST_OF_STAGE = 2 * 3600 // EPOCH_S, 10


def level_drift(
    decibels: NDArray[np.float32], stage: NDArray[np.int8], tells: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """By how many dB each epoch is louder than most of the recording for no stage's sake; None where that is little.

    Parameters
    ----------
    decibels
        Shape ``[N, K]``: spectra of the epochs (`recording_statistics.epoch_decibels`); NaN where there is none.
    stage
        Shape ``[N]``: what a first look called them, negative for nothing.
    tells
        Shape ``[N]``: the epochs that hold signal of the night.

    Returns
    -------
    numpy.ndarray or None
        Shape ``[N]``.
    """
    number = np.bincount(stage[tells & (stage >= 0)], minlength=N_STAGES)
    is_known = tells & (stage >= 0) & (number[stage] >= FEWEST_OF_STAGE) & np.isfinite(decibels[:, 0])
    if np.count_nonzero(is_known) < FEWEST_EPOCHS:
        return None
    place = np.flatnonzero(is_known)
    excess = decibels[place] @ bins_between(EDGES_HZ)
    for each in np.unique(stage[place]):
        own = stage[place] == each
        excess[own] -= np.median(excess[own], axis=0)
    middles, levels = [], []
    for middle in range(0, len(stage) + STEP_EPOCHS, STEP_EPOCHS):
        first, stop = np.searchsorted(place, (middle - WINDOW_EPOCHS // 2, middle + WINDOW_EPOCHS // 2))
        if stop - first >= FEWEST_IN_WINDOW:
            middles.append(middle)
            levels.append(np.median(excess[first:stop], axis=0))
    if len(levels) < 2 or np.ptp(levels, axis=0).min() < LEAST_DB:
        return None
    at_known = np.stack([np.interp(place, middles, level) for level in np.transpose(levels)])
    if np.diff(np.quantile(at_known, (0.1, 0.9), axis=1), axis=0).min() < LEAST_OF_MOST_DB:
        return None
    drift: NDArray[np.float64] = np.interp(np.arange(len(stage)), middles, np.median(levels, axis=1))
    return drift - float(np.median(drift[place]))


def without_drift_of_level(signal_uv: NDArray[np.float32], drift_db: NDArray[np.float64]) -> NDArray[np.float32]:
    """The signal with all epochs as loud as most of it. Shape: [N, T] µV, [N] dB → [N, T] µV"""
    return signal_uv * (10 ** (-drift_db / 20)).astype(np.float32)[:, None]
