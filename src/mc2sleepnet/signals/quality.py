"""What the converter's own numbers tell of a signal: clipping, and bytes that are no samples."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.recording import Finding
from mc2sleepnet.core.stages import EPOCH_S
from mc2sleepnet.signals.doubts import Doubt

# Fewer steps of the converter than these are what an electrode that is off leaves.
FLAT_STEPS: Final = 16
# A signal that stays at its own extreme for three samples running does not turn there: it is cut off.
_RUN: Final = 3
# Share of an epoch's samples that end such a run: some clipping, and so much that the epoch is lost.
_SOME_SHARE, _LARGE_SHARE = 0.01, 0.05
_MANY_RUNS, _MOST = 5, 0.5
# Bytes that are no samples look like white noise that fills the range evenly: its deviation is 0.29 of the range, and
# a sample tells nothing of the next two, which it does in EEG, and in mains hum of an electrode that is off. Judged in
# pieces of so many samples at least, a whole number to a stretch: noise of less than an epoch would drown in the rest.
_SCRAMBLED_DEVIATION, _SCRAMBLED_CORRELATION = (0.2, 0.36), 0.3
_SCRAMBLED_SAMPLES: Final = 256
_SCRAMBLED_SHARE: Final = 0.02
# More samples beyond the header's digital range than this share, and the header tells another calibration.
_BEYOND_SHARE: Final = 0.05
# A last stretch shorter than this share of an epoch is not judged.
_SHORTEST_SHARE: Final = 0.5


class ConverterStatistics:
    """Statistics of 30-s stretches of a signal in steps of the converter, gathered as the samples arrive.

    Parameters
    ----------
    sampling_hz
        Samples per second.
    n_bits
        Of a sample: 16 or 24.
    digital_range
        The header's digital minimum and maximum.
    """

    def __init__(self, sampling_hz: float, n_bits: int, digital_range: tuple[int, int]) -> None:
        self._length = max(_RUN + 1, int(EPOCH_S * sampling_hz))
        self._hz = sampling_hz
        self._range = 2.0**n_bits
        self._limits = min(digital_range), max(digital_range)
        self._held: list[NDArray[np.float32]] = []
        self._n_held = 0
        self._is_clipped: list[bool] = []
        self._is_lost: list[bool] = []
        self._piece = max(_SCRAMBLED_SAMPLES, int(sampling_hz))
        self._is_scrambled: list[bool] = []
        self.n_samples = self.n_beyond = 0
        self.largest_span = 0.0

    def feed(self, steps: NDArray[np.float32]) -> None:
        """The next samples, shape ``[samples]``."""
        self.n_samples += len(steps)
        self.n_beyond += int(np.count_nonzero((steps < self._limits[0]) | (steps > self._limits[1])))
        self._held.append(steps)
        self._n_held += len(steps)
        if self._n_held >= self._length:
            together = np.concatenate(self._held)
            n_whole = len(together) // self._length * self._length
            self._look_for_noise(together[:n_whole])
            self._judge(together[:n_whole].reshape(-1, self._length))
            self._held, self._n_held = [together[n_whole:]], len(together) - n_whole

    def findings(self, channel: str) -> tuple[Finding, ...]:
        """Findings ``clipping`` and ``beyond-range``, which may be a doubt, as ``mostly-clipped`` and others are."""
        self._finish()
        findings: list[Finding] = []
        n_scrambled = sum(self._is_scrambled)
        if n_scrambled > _SCRAMBLED_SHARE * len(self._is_scrambled):
            seconds = n_scrambled * self._piece / self._hz
            message = (
                f"channel '{channel}' holds bytes that are no samples for about {seconds:.0f} s: "
                "white noise over its whole range"
            )
            remedy = "Export the file again; its bytes may be swapped or some missing"
            findings.append(Doubt(id="samples-scrambled", message=message, remedy=remedy))
        n_clipped, n_lost, n = sum(self._is_clipped), sum(self._is_lost), len(self._is_lost)
        if n_lost > _MOST * n:
            message = f"channel '{channel}' is clipped in {n_lost} of {n} epochs: it stays at its limits"
            remedy = "Choose another with --channel"
            findings.append(Doubt(id="mostly-clipped", message=message, remedy=remedy))
        elif n_clipped:
            message = f"channel '{channel}' is clipped in {n_clipped} of {n} epochs, in {n_lost} of them much"
            findings.append(Finding(id="clipping", message=message))
        if self.n_beyond:
            message = f"{self.n_beyond} samples of channel '{channel}' lie beyond its header's digital range"
            remedy = "Correct the digital range in the EDF header, or export the file again"
            is_much = self.n_beyond > _BEYOND_SHARE * self.n_samples
            doubt = Doubt(id="beyond-range", message=message, remedy=remedy)
            findings.append(doubt if is_much else Finding(id="beyond-range", message=message))
        return tuple(findings)

    def _finish(self) -> None:
        """Judge what is left, if it is enough."""
        left = np.concatenate(self._held) if self._held else np.zeros(0, np.float32)
        self._look_for_noise(left)
        if len(left) > _RUN and (len(left) >= _SHORTEST_SHARE * self._length or not self._is_lost):
            self._judge(left[None])
        self._held, self._n_held = [], 0

    def _judge(self, stretches: NDArray[np.float32]) -> None:
        """Judge stretches, shape ``[N, samples]``."""
        low, high = stretches.min(axis=1, keepdims=True), stretches.max(axis=1, keepdims=True)
        span = (high - low)[:, 0]
        is_alive = span > FLAT_STEPS
        runs_end = np.zeros(len(stretches))
        runs = np.zeros(len(stretches))
        for limit in (low, high):
            is_at = stretches == limit
            ends = is_at[:, 2:] & is_at[:, 1:-1] & is_at[:, :-2]
            runs_end += ends.sum(axis=1)
            runs += ends[:, 0] + (ends[:, 1:] > ends[:, :-1]).sum(axis=1)
        share = runs_end / stretches.shape[1]
        is_clipped = is_alive & (share >= _SOME_SHARE) & ((runs >= _MANY_RUNS) | (share >= _MOST))
        self._is_clipped += is_clipped.tolist()
        self._is_lost += (is_clipped & (share >= _LARGE_SHARE)).tolist()
        self.largest_span = max(self.largest_span, float(span.max()))

    def _look_for_noise(self, samples: NDArray[np.float32]) -> None:
        """Whether pieces of the samples, shape ``[samples]``, are no samples; what is left over is not judged."""
        pieces = samples[: len(samples) // self._piece * self._piece].reshape(-1, self._piece)
        deviation = pieces.std(axis=1, dtype=np.float64)
        low_share, high_share = _SCRAMBLED_DEVIATION
        is_wide = (deviation > low_share * self._range) & (deviation < high_share * self._range)
        self._is_scrambled += [bool(wide) and _is_white(piece) for wide, piece in zip(is_wide, pieces, strict=True)]


def _is_white(stretch: NDArray[np.float32]) -> bool:
    """Whether a sample tells nothing of the next two."""
    centred = stretch.astype(np.float64) - stretch.mean(dtype=np.float64)
    power = centred @ centred
    return all(abs(centred[lag:] @ centred[:-lag]) < _SCRAMBLED_CORRELATION * power for lag in (1, 2))
