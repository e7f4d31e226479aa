"""What is slower than the slowest wave that is scored: sweat and breathing under an electrode, taken out by epoch.

The least-squares fit of cosines below 0.4 Hz is subtracted from each epoch. Slow waves are scored from 0.5 Hz on and
EEG is displayed from 0.3 Hz on (AASM manual); cosines, because they end level at an epoch's edges and need nothing of
its neighbours, of which a broken night has none. In numpy for recordings' statistics; `model.network` does the same in
its graph.
"""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import EPOCH_S, SAMPLES_PER_EPOCH

DRIFT_BELOW_HZ = 0.4


def drift_cosines() -> NDArray[np.float64]:
    """Orthonormal cosines that drift is made of, the constant first. Shape: [] → [T, drift]"""
    order = np.arange(round(2 * EPOCH_S * DRIFT_BELOW_HZ))
    phase = np.pi * (np.arange(SAMPLES_PER_EPOCH) + 0.5)[:, None] * order / SAMPLES_PER_EPOCH
    waves = np.cos(phase)
    cosines: NDArray[np.float64] = waves / np.linalg.norm(waves, axis=0)
    return cosines


def drift_free(signal_uv: NDArray[np.float32]) -> NDArray[np.float32]:
    """Epochs less their drift. Shape: [M, T] µV → [M, T] µV"""
    cosines = drift_cosines()
    rest: NDArray[np.float32] = (signal_uv - (signal_uv @ cosines) @ cosines.T).astype(np.float32)
    return rest
