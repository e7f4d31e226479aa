"""What one recording's own epochs say of its level: robust statistics that training and scoring share.

They make a montage, a gain or an electrode unlike the training set's look like any other. Computed from the readable
epochs of the recording alone, in numpy, whatever engine runs the network.
"""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.dead_stretches import speaks
from mc2sleepnet.core.slow_drift import drift_free
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH, SAMPLING_HZ

WINDOW_SAMPLES = 2 * SAMPLING_HZ
HOP_SAMPLES = WINDOW_SAMPLES // 2
FFT_SAMPLES = 256
N_FRAMES = (SAMPLES_PER_EPOCH - WINDOW_SAMPLES) // HOP_SAMPLES + 1
N_BINS = FFT_SAMPLES // 2  # 0 Hz is dropped, 50 Hz is kept
BIN_HZ = np.arange(1, N_BINS + 1) * SAMPLING_HZ / FFT_SAMPLES
POWER_FLOOR_UV2 = 1e-2

# Two vectors over bins, median and deviation in dB, then the raw signal's median and deviation in µV.
N_STATISTICS = 2 * N_BINS + 2
# Half the range from the 10th to the 90th percentile of a normal distribution, in deviations.
TEN_PERCENT_Z = 1.2816
# Neighbouring frames say nearly the same: one in three, and one sample in eight, will do.
FRAME_STEP, SAMPLE_STEP = 3, 8
EPOCHS_PER_PIECE = 256


def frame_decibels(signal_uv: NDArray[np.float32], frame_step: int = 1) -> NDArray[np.float32]:
    """Power of every `frame_step`-th 2-s frame, dB re 1 µV²: the network's own front end before normalisation.

    Shape: [M, T] µV → [M, F, K]
    """
    starts = np.arange(0, N_FRAMES, frame_step) * HOP_SAMPLES
    frames = np.lib.stride_tricks.sliding_window_view(signal_uv, WINDOW_SAMPLES, axis=1)[:, starts]
    frames = frames - frames.mean(axis=2, keepdims=True)
    spectra = np.fft.rfft(frames * np.hamming(WINDOW_SAMPLES).astype(np.float32), n=FFT_SAMPLES)[..., 1:]
    power_uv2 = np.maximum(spectra.real**2 + spectra.imag**2, POWER_FLOOR_UV2)
    decibels: NDArray[np.float32] = (10 * np.log10(power_uv2)).astype(np.float32)
    return decibels


def epoch_decibels(signal_uv: NDArray[np.float32], is_scorable: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The spectrum of each scorable epoch, by the mean of its frames in dB; NaN for the others.

    Shape: [N, T] µV, [N] → [N, K]
    """
    decibels = np.full((len(signal_uv), N_BINS), np.nan, np.float32)
    scorable = np.flatnonzero(is_scorable)
    for start in range(0, len(scorable), EPOCHS_PER_PIECE):
        piece = scorable[start : start + EPOCHS_PER_PIECE]
        decibels[piece] = frame_decibels(signal_uv[piece], FRAME_STEP).mean(axis=1)
    return decibels


def statistics_of_frames(decibels: NDArray[np.float32], samples_uv: NDArray[np.float32]) -> NDArray[np.float32]:
    """Medians and robust deviations, half the range from the 10th to the 90th percentile in units of 1.28 deviations.

    Parameters
    ----------
    decibels
        Frames of the recording in any shape ``[..., K]``.
    samples_uv
        Its samples, any shape.

    Returns
    -------
    numpy.ndarray
        Shape ``[N_STATISTICS]``, float32: K medians dB, K deviations dB, median µV, deviation µV.
    """
    low, middle, high = np.quantile(decibels.reshape(-1, N_BINS), (0.1, 0.5, 0.9), axis=0)
    low_uv, middle_uv, high_uv = np.quantile(samples_uv, (0.1, 0.5, 0.9))
    deviation, deviation_uv = (high - low) / (2 * TEN_PERCENT_Z), (high_uv - low_uv) / (2 * TEN_PERCENT_Z)
    return np.concatenate([middle, deviation, [middle_uv, deviation_uv]]).astype(np.float32)


def thinned(signal_uv: NDArray[np.float32], *, removes_drift: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The frames and samples of epochs that statistics are taken from, of their signal or of it without slow drift.

    Shape: [M, T] µV → [M, F, K] dB, [M, samples] µV
    """
    if removes_drift:
        signal_uv = drift_free(signal_uv)
    return frame_decibels(signal_uv, FRAME_STEP), signal_uv[:, ::SAMPLE_STEP]


def epochs_measured(signal_uv: NDArray[np.float32], is_readable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The epochs that statistics are taken from: readable ones, without those that are mostly dead unless all are.

    Shape: [N, T] µV, [N] → [M]
    """
    readable = np.flatnonzero(is_readable)
    assert len(readable) > 0
    enough = speaks(signal_uv)[readable]
    return readable[enough] if enough.any() else readable


def recording_statistics(
    signal_uv: NDArray[np.float32], is_readable: NDArray[np.bool_] | None = None, *, removes_drift: bool = False
) -> NDArray[np.float32]:
    """Statistics of a recording's readable epochs; what `statistics_of_frames` makes of a thinned set of frames.

    Epochs that are mostly dead are left out: a store holds those too, as an expert may have scored them.

    Shape: [N, T] µV, [N] or None for all → [N_STATISTICS]
    """
    readable = epochs_measured(signal_uv, np.ones(len(signal_uv), np.bool_) if is_readable is None else is_readable)
    decibels = np.empty((len(readable), len(range(0, N_FRAMES, FRAME_STEP)), N_BINS), np.float32)
    samples_uv = np.empty((len(readable), len(range(0, SAMPLES_PER_EPOCH, SAMPLE_STEP))), np.float32)
    # Piece by piece: windowed frames of a whole recording would be many times its size.
    for start in range(0, len(readable), EPOCHS_PER_PIECE):
        piece = readable[start : start + EPOCHS_PER_PIECE]
        place = slice(start, start + len(piece))
        decibels[place], samples_uv[place] = thinned(signal_uv[piece], removes_drift=removes_drift)
    return statistics_of_frames(decibels, samples_uv)
