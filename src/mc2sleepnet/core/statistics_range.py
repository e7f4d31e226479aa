"""Whether a recording's spectral statistics lie where those of the training recordings did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.recording_statistics import BIN_HZ, N_BINS

# Upper edges of the bands in which medians and deviations are compared.
EDGES_HZ = (2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 42.0)
# Dropped of the training recordings at either end, and then allowed beyond it.
TRIMMED_SHARE, MARGIN_DB = 0.01, 3.0


@dataclass(frozen=True, kw_only=True)
class StatisticsRange:
    """From the least to the greatest value met in training, dB, in each feature of `features`."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    @staticmethod
    def of(statistics: NDArray[np.float32]) -> "StatisticsRange":
        """Range of training recordings. Shape: [R, N_STATISTICS]"""
        of_each = np.stack([features(row) for row in statistics])
        low, high = np.quantile(of_each, (TRIMMED_SHARE, 1 - TRIMMED_SHARE), axis=0)
        return StatisticsRange(
            low=tuple((low - MARGIN_DB).round(2).tolist()), high=tuple((high + MARGIN_DB).round(2).tolist())
        )

    @staticmethod
    def from_json(content: Mapping[str, Sequence[float]]) -> "StatisticsRange":
        """The inverse of `to_json`."""
        return StatisticsRange(low=tuple(content["low"]), high=tuple(content["high"]))

    def joined(self, other: "StatisticsRange | None") -> "StatisticsRange":
        """What lies in either, or between the two."""
        if other is None:
            return self
        low, high = map(min, self.low, other.low), map(max, self.high, other.high)
        return StatisticsRange(low=tuple(low), high=tuple(high))

    def to_json(self) -> dict[str, list[float]]:
        """Both ends by name."""
        return {"low": list(self.low), "high": list(self.high)}

    def what_is_outside(self, statistics: NDArray[np.float32]) -> tuple[str, ...]:
        """Names of the features outside, such as ``"level"`` or ``"2–4 Hz"``. Shape: [N_STATISTICS]"""
        own = features(statistics)
        outside = np.flatnonzero((own < np.array(self.low)) | (own > np.array(self.high)))
        return tuple(dict.fromkeys(FEATURES[index] for index in outside.tolist()))


def _bands() -> tuple[str, ...]:
    return tuple(f"{low:g}–{high:g} Hz" for low, high in zip((0.0, *EDGES_HZ[:-1]), EDGES_HZ, strict=True))


FEATURES = ("level", *_bands(), *_bands())


def features(statistics: NDArray[np.float32]) -> NDArray[np.float64]:
    """Level, the spectrum's shape about it, and how much each band varies through the night, all in dB.

    Shape: [N_STATISTICS] → [1 + 2 · bands]
    """
    band = np.searchsorted(EDGES_HZ, BIN_HZ)
    median, deviation = (
        np.array([part[band == index].mean() for index in range(len(EDGES_HZ))], np.float64)
        for part in (statistics[:N_BINS], statistics[N_BINS : 2 * N_BINS])
    )
    level = median.mean()
    return np.concatenate([[level], median - level, deviation])
