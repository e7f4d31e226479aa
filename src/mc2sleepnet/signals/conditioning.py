"""From a file's sampling rate to the network's 100 Hz."""

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Recording
from mc2sleepnet.core.stages import SAMPLING_HZ

MIN_SAMPLING_HZ: Final = 50
# Each stretch is continued by its end values for some seconds before resampling: against silence, which is what a
# resampler assumes beyond the ends, an electrode offset would ring.
_PADDING_S: Final = 4


def check_sampling(where: str | Path, channel: str, sampling_hz: float) -> None:
    """Refuse a rate that lacks the frequencies which stages are told by.

    Raises
    ------
    InputError
        Below 50 Hz: spindles and beta would be missing.
    """
    if sampling_hz < MIN_SAMPLING_HZ:
        fault = f"channel '{channel}' has {sampling_hz:g} samples a second"
        raise InputError(where, fault, f"Choose one with at least {MIN_SAMPLING_HZ} Hz")


def to_100_hz(recording: Recording) -> Recording:
    """Resample a recording to 100 Hz, every recorded stretch by itself.

    Parameters
    ----------
    recording
        Shape ``[samples]``, any rate from 50 Hz, NaN in gaps.

    Returns
    -------
    Recording
        Shape ``[round(100 · duration)]``; gaps keep their place to half a sample (5 ms). Already at 100 Hz, it
        is returned as it is.

    Raises
    ------
    InputError
        If the rate is below 50 Hz.
    """
    check_sampling(recording.name, recording.channel, recording.sampling_hz)
    if recording.sampling_hz == SAMPLING_HZ:
        return recording
    signal = recording.signal_uv
    ratio = SAMPLING_HZ / recording.sampling_hz
    resampled = np.full(round(len(signal) * ratio), np.nan, dtype=np.float32)
    # A stretch begins where NaN stops: +1, and ends where it starts again: -1.
    edges = np.flatnonzero(np.diff(np.isfinite(signal), prepend=False, append=False))
    for first, end in edges.reshape(-1, 2).tolist():
        # Python rounds halves to even, as `round` did for the length, so that both always agree.
        to = slice(round(first * ratio), round(end * ratio))
        resampled[to] = _resample(signal[first:end], recording.sampling_hz, to.stop - to.start)
    return replace(recording, signal_uv=resampled, sampling_hz=float(SAMPLING_HZ))


def _resample(stretch: NDArray[np.float32], sampling_hz: float, length: int) -> NDArray[np.float32]:
    """One gapless stretch at 100 Hz, cut to `length` samples."""
    # A whole number of seconds that is a whole number of samples, so that nothing shifts.
    rate = Fraction(sampling_hz).limit_denominator(100)
    padding_s = rate.denominator * math.ceil(_PADDING_S / rate.denominator)
    padding = int(padding_s * rate)
    padded = np.pad(stretch, padding, mode="edge")
    output = soxr.resample(padded, sampling_hz, SAMPLING_HZ, quality="HQ")
    first = padding_s * SAMPLING_HZ
    return np.asarray(output[first : first + length], dtype=np.float32)
