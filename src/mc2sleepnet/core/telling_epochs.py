"""Which epochs of a recording tell its level: those of the night, not an electrode's noise nor a day of wake.

Networks that read a recording by its own statistics learned from nights. Where a recorder ran on all day, or for hours
without a head, statistics of everything it wrote are not those of a night, and the night itself is misread.
"""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.recording_statistics import BIN_HZ
from mc2sleepnet.core.stages import EPOCH_S

EPOCHS_PER_MINUTE = 60 // EPOCH_S

# Noise is as loud at 18–30 Hz as at 1–8 Hz. EEG is louder below by 6 dB and more; with muscle it may lie in between for
# minutes, or be louder above. Both bands lie below the low-pass of every recorder in use.
LOW_HZ, HIGH_HZ = (1, 8), (18, 30)
EVEN_DB = 2.0
# It counts where nine tenths of 20 minutes are even, and where a recording holds much of it in all.
EVEN_EPOCHS, EVEN_SHARE, MUCH_NOISE = 20 * EPOCHS_PER_MINUTE, 0.9, 0.2
# Sleep is where half of the half hour around is scored as such; an hour on either side belongs to the night.
DENSE_EPOCHS, BESIDE_EPOCHS = 30 * EPOCHS_PER_MINUTE, 60 * EPOCHS_PER_MINUTE
DENSE_SHARE = 0.5
# Of nights for training, one in twenty has nearly as much beside its sleep.
MUCH_BESIDE = 1 / 3
# Fewer epochs than these, 20 minutes, do not speak for a night.
FEWEST = 20 * EPOCHS_PER_MINUTE
# Between the median of a night and its loudest epoch lie 13 dB in `ucddb022`, at most 19 among W and N3 of 23 other
# UCDDB subjects, and 20 in 72 synthetic nights (docs/log.md, 2026-12-01, smoothing).
SLEEP_HZ, DROWNED_DB = (0.5, 20.0), 21.0


def has_noise(decibels: NDArray[np.float32], is_scorable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Scorable epochs of stretches of noise, where they are many but not (nearly) all; none otherwise.

    Shape: [N, K] spectra of epochs (`recording_statistics.epoch_decibels`), [N] → [N]
    """
    is_even = np.zeros(len(decibels), np.bool_)
    is_even[is_scorable] = np.abs(spectral_tilt(decibels[is_scorable])) < EVEN_DB
    even, known = (_in_window(marks, EVEN_EPOCHS) for marks in (is_even, is_scorable))
    is_steady = is_even & (even >= EVEN_SHARE * known)
    noise = is_even & (_in_window(is_steady, EVEN_EPOCHS + 1) > 0)
    n_noise, n_scorable = np.count_nonzero(noise), np.count_nonzero(is_scorable)
    if n_noise > MUCH_NOISE * n_scorable and n_scorable - n_noise >= FEWEST:
        return noise
    return np.zeros(len(decibels), np.bool_)


def drowned(decibels: NDArray[np.float32], tells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Epochs that are louder than any sleep is beside the middle of its night; none where nothing tells.

    Shape: [N, K] spectra of epochs, [N] → [N]
    """
    sleep = (SLEEP_HZ[0] <= BIN_HZ) & (SLEEP_HZ[1] > BIN_HZ)
    level_db = 10 * np.log10((10 ** (decibels[:, sleep].astype(np.float64) / 10)).sum(axis=1))
    known = level_db[tells & ~np.isnan(level_db)]
    if not len(known):
        return np.zeros(len(decibels), np.bool_)
    is_loud: NDArray[np.bool_] = level_db > np.median(known) + DROWNED_DB
    return is_loud


def spectral_tilt(decibels: NDArray[np.float32]) -> NDArray[np.float32]:
    """By how many dB 1–8 Hz is louder than 18–30 Hz. Shape: [M, K] spectra of epochs, dB → [M]"""
    low, high = (decibels[:, (a <= BIN_HZ) & (b > BIN_HZ)].mean(axis=1) for a, b in (LOW_HZ, HIGH_HZ))
    tilt: NDArray[np.float32] = low - high
    return tilt


def around_sleep(is_asleep: NDArray[np.bool_], is_scorable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The scorable epochs with sleep in an hour's reach, where much lies beyond; all of them otherwise.

    Parameters
    ----------
    is_asleep
        Shape ``[N]``: what a first look at the recording found; False where not scorable.
    is_scorable
        Shape ``[N]``.
    """
    asleep, scorable = (_in_window(marks, DENSE_EPOCHS) for marks in (is_asleep & is_scorable, is_scorable))
    is_dense = is_scorable & (asleep >= DENSE_SHARE * scorable)
    near = is_scorable & (_in_window(is_dense, 2 * BESIDE_EPOCHS + 1) > 0)
    n_beside = np.count_nonzero(is_scorable & ~near)
    if n_beside > MUCH_BESIDE * np.count_nonzero(is_scorable) and np.count_nonzero(near) >= FEWEST:
        return near
    return is_scorable


def _in_window(marks: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """How many marks lie in the window around each place. Shape: [N] → [N]"""
    counts = np.concatenate([[0], np.cumsum(marks, dtype=np.int64)])
    place = np.arange(len(marks))
    first = np.maximum(place - length // 2, 0)
    stop = np.minimum(place - length // 2 + length, len(marks))
    number: NDArray[np.int64] = counts[stop] - counts[first]
    return number
