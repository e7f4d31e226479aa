"""From a file's sampling rate to the network's 100 Hz, piece by piece."""

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
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH, SAMPLING_HZ

MIN_SAMPLING_HZ: Final = 50
# Each stretch is continued by its end values for some seconds before resampling: against silence, which is what a
# resampler assumes beyond the ends, an electrode offset would ring.
_PADDING_S: Final = 4
_PIECE_SAMPLES: Final = 1 << 20


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
    line = Line(len(signal), recording.sampling_hz, SAMPLING_HZ)
    # A stretch begins where NaN stops: +1, and ends where it starts again: -1.
    edges = np.flatnonzero(np.diff(np.isfinite(signal), prepend=False, append=False))
    for first, end in edges.reshape(-1, 2).tolist():
        line.begin(first)
        for at in range(first, end, _PIECE_SAMPLES):
            line.feed(signal[at : min(end, at + _PIECE_SAMPLES)])
    return replace(recording, signal_uv=line.finished(), sampling_hz=float(SAMPLING_HZ))


class Line:
    """A line of time that is filled with stretches of signal as they arrive, resampled on the way.

    Parameters
    ----------
    n_samples, sampling_hz
        Length and rate of what will arrive.
    to_hz
        Rate of the line.
    """

    def __init__(self, n_samples: int, sampling_hz: Fraction | float, to_hz: Fraction | float) -> None:
        self._hz, self._ratio = Fraction(sampling_hz), Fraction(to_hz) / Fraction(sampling_hz)
        # Python rounds halves to even, here and where stretches begin and end, so that all agree.
        self._n = round(n_samples * self._ratio)
        # Room for whole epochs, so that the line can be cut into them where it lies.
        self._samples = np.full(-(-self._n // SAMPLES_PER_EPOCH) * SAMPLES_PER_EPOCH, np.nan, dtype=np.float32)
        # A whole number of seconds that is a whole number of samples, so that nothing shifts.
        whole = self._hz.limit_denominator(100)
        padding_s = whole.denominator * math.ceil(_PADDING_S / whole.denominator)
        self._padding, self._n_lead = int(padding_s * whole), round(padding_s * Fraction(to_hz))
        self._stream: soxr.ResampleStream | None = None
        self._first = self._n_fed = self._at = self._n_skip = 0
        self._last = np.float32(0)

    @property
    def last(self) -> np.float32:
        """The sample that arrived last."""
        return self._last

    def begin(self, at: int) -> None:
        """A new stretch begins at this sample of what arrives."""
        self._end()
        self._first, self._n_fed = at, 0

    def feed(self, samples: NDArray[np.float32]) -> None:
        """The next samples of the stretch, without a gap to those before."""
        if not len(samples):
            return
        if not self._n_fed:
            self._at = round(self._first * self._ratio)
            if self._ratio != 1:
                self._stream = soxr.ResampleStream(float(self._hz), float(self._hz * self._ratio), 1, "float32", "HQ")
                self._n_skip = self._n_lead
                self._put(self._resampled(np.full(self._padding, samples[0], np.float32)))
        self._n_fed += len(samples)
        self._last = samples[-1]
        self._put(samples if self._stream is None else self._resampled(samples))

    def finished(self) -> NDArray[np.float32]:
        """The line, NaN where nothing arrived; a view of whole epochs' memory, the rest of which is NaN."""
        self._end()
        return self._samples[: self._n]

    def _resampled(self, samples: NDArray[np.float32], *, is_last: bool = False) -> NDArray[np.float32]:
        assert self._stream is not None
        return np.asarray(self._stream.resample_chunk(np.ascontiguousarray(samples), last=is_last), np.float32)

    def _put(self, samples: NDArray[np.float32], end: int | None = None) -> None:
        n_skipped = min(self._n_skip, len(samples))
        self._n_skip -= n_skipped
        end = self._n if end is None else end
        samples = samples[n_skipped:][: max(0, end - self._at)]
        self._samples[self._at : self._at + len(samples)] = samples
        self._at += len(samples)

    def _end(self) -> None:
        if self._stream is not None and self._n_fed:
            tail = self._resampled(np.full(self._padding, self._last, np.float32), is_last=True)
            self._put(tail, round((self._first + self._n_fed) * self._ratio))
        self._stream, self._n_fed = None, 0
