"""What a recorder's low-pass, or a low sampling rate, took away, put back as noise for networks that miss it.

A recording that was filtered at 30 Hz has bands in which nothing is left, 40 dB and more below any living EEG. A scorer
does not look there; a network that compares bands, by statistics of the recording, is led astray. So these bands get
noise as loud, epoch by epoch, as the band below the cut-off lets expect.
"""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.recording_statistics import BIN_HZ, EPOCHS_PER_PIECE, WINDOW_SAMPLES
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH, SAMPLING_HZ

# In 24 real subjects (UCDDB) no band of 1 Hz below 46 Hz lies more than 28 dB below 8–14 Hz. What lies 33 dB below, up
# to the end, was cut off, and the cut is where it is last less than 28 dB.
COMPARED_HZ = slice(8, 14)
CUT_DB, EDGE_DB = 33.0, 28.0
# The recording's end is from here on. A cut above the second leaves scores as they are (at 40 Hz noise in its place
# costs .01 of κ, at 35 Hz it gives .06 back), and one below the third leaves too little to go by.
END_HZ, HIGHEST_HZ, LOWEST_HZ = 46, 38, 15
# One epoch in four tells a filter.
EPOCH_STEP = 4
# A filter bends what is just below its cut-off. The bands below that tell how loud an epoch was, and from there on EEG
# falls by as much a hertz in the mean of those subjects, from 20 to 45 Hz.
BESIDE_HZ, WIDTH_HZ, FALL_DB_PER_HZ = 4.0, 4.0, 0.45


def cut_off_hz(signal_uv: NDArray[np.float32], tells: NDArray[np.bool_]) -> int | None:
    """Where a recording's low-pass begins to take everything away, to a hertz; None if it has none below 38 Hz.

    Shape: [N, T] µV, [N] → []
    """
    chosen = signal_uv[np.flatnonzero(tells)[::EPOCH_STEP]]
    if not len(chosen):
        return None
    decibels = np.median(_band_decibels(chosen), axis=0)
    below_db = decibels[COMPARED_HZ].mean() - decibels
    if below_db[END_HZ:].min() < CUT_DB:
        return None
    edge = 1 + int(np.flatnonzero(below_db < EDGE_DB)[-1])
    return edge if LOWEST_HZ <= edge < HIGHEST_HZ else None


def _band_decibels(signal_uv: NDArray[np.float32]) -> NDArray[np.float64]:
    """Power in bands of 1 Hz. The frames' own window would leak slow waves all over them. Shape: [M, T] → [M, 50] dB"""
    window = np.hanning(SAMPLES_PER_EPOCH)
    power = [np.abs(np.fft.rfft(epoch_uv * window)[1:]) ** 2 for epoch_uv in signal_uv]
    bands = np.reshape(power, (len(signal_uv), SAMPLING_HZ // 2, -1)).mean(axis=2)
    decibels: NDArray[np.float64] = 10 * np.log10(bands + np.finfo(np.float64).tiny)
    return decibels


def refilled(signal_uv: NDArray[np.float32], decibels: NDArray[np.float32], cut_off_hz: float) -> NDArray[np.float32]:
    """The signal with noise above the cut-off, the same noise in every call.

    Parameters
    ----------
    signal_uv
        Shape ``[N, T]``, µV.
    decibels
        Shape ``[N, K]``: its epochs' spectra; those that are NaN get no noise.
    cut_off_hz
        Where nothing is left.
    """
    begins_hz = cut_off_hz - BESIDE_HZ
    told_db = decibels[:, _in(begins_hz - WIDTH_HZ, begins_hz)].mean(axis=1)
    hertz = np.fft.rfftfreq(SAMPLES_PER_EPOCH, 1 / SAMPLING_HZ)
    fall_db = np.where(hertz >= begins_hz, FALL_DB_PER_HZ * (hertz - begins_hz + WIDTH_HZ / 2), np.inf)
    # White noise of 1 µV has the window's energy in every bin of a frame; the mean of dB is less than the mean's dB.
    noise_db = 10 * np.log10((np.hamming(WINDOW_SAMPLES) ** 2).sum()) - 10 * np.euler_gamma / np.log(10)
    generator = np.random.default_rng(0)
    filled_uv = np.empty_like(signal_uv)
    for start in range(0, len(signal_uv), EPOCHS_PER_PIECE):
        piece = slice(start, start + EPOCHS_PER_PIECE)
        white = np.fft.rfft(generator.standard_normal(signal_uv[piece].shape))
        level_db = np.nan_to_num(told_db[piece], nan=-np.inf)[:, None] - fall_db - noise_db
        filled_uv[piece] = signal_uv[piece] + np.fft.irfft(white * 10 ** (level_db / 20), n=SAMPLES_PER_EPOCH)
    return filled_uv


def _in(low_hz: float, high_hz: float) -> NDArray[np.bool_]:
    """Which bins lie in a band. Shape: [] → [K]"""
    return (low_hz <= BIN_HZ) & (high_hz > BIN_HZ)
