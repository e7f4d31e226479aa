"""A night's power over time and frequency, coarse enough to look at."""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.dead_stretches import DEAD_UV
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH, SAMPLING_HZ

WINDOW_S = 2
WINDOW_SAMPLES = WINDOW_S * SAMPLING_HZ
WINDOWS_PER_EPOCH = SAMPLES_PER_EPOCH // WINDOW_SAMPLES
BIN_HZ = 1 / WINDOW_S
N_BINS = 60
MOST_FRAMES = 1200
EPOCHS_AT_ONCE = 512  # keeps memory flat in the length of the recording


def night_spectrogram(signal_uv: NDArray[np.floating]) -> tuple[NDArray[np.float32], float, float]:
    """Power density of a night for a picture: mean periodograms of 2-s Hann windows.

    Parameters
    ----------
    signal_uv
        Shape ``[N, 3000]``, µV at 100 Hz, N at least 1. Windows that span less than 0.5 µV hold nothing recorded.

    Returns
    -------
    spectrogram_db
        Shape ``[frames, 60]``, dB of 1 µV²/Hz, at most 1,200 frames; NaN where nothing was recorded.
    frame_s
        Seconds a frame stands for; the last may reach past the end of the recording.
    bin_hz
        Hertz from bin to bin; the first lies at 0 Hz.
    """
    windows = signal_uv.reshape(-1, WINDOW_SAMPLES)
    per_frame = -(-len(windows) // MOST_FRAMES)
    n_frames = -(-len(windows) // per_frame)
    power = np.zeros((n_frames, N_BINS))
    n_recorded = np.zeros(n_frames)
    # A Hann window by its formula: importing scipy.signal for it would take as long as scoring the night.
    taper = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)).astype(np.float32)
    to_density = 2 / (SAMPLING_HZ * np.sum(taper**2))
    at_once = EPOCHS_AT_ONCE * WINDOWS_PER_EPOCH
    for first in range(0, len(windows), at_once):
        some = windows[first : first + at_once].astype(np.float32)
        frame_of = np.arange(first, first + len(some)) // per_frame
        is_recorded = np.ptp(some, axis=1) >= DEAD_UV
        density = np.abs(np.fft.rfft((some - some.mean(axis=1, keepdims=True)) * taper)[:, :N_BINS]) ** 2 * to_density
        np.add.at(power, frame_of, density * is_recorded[:, None])
        np.add.at(n_recorded, frame_of, is_recorded)
    spectrogram_db = np.full((n_frames, N_BINS), np.nan, dtype=np.float32)
    has_power = n_recorded > 0
    mean_density = power[has_power] / n_recorded[has_power, None]
    spectrogram_db[has_power] = 10 * np.log10(mean_density)
    return spectrogram_db, float(per_frame * WINDOW_S), BIN_HZ
