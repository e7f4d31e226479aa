"""One channel of one night: as read from a file, and cut into epochs."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A named repair or doubt about an input file, told in doctor's output and in provenance."""

    id: str
    message: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """One continuous channel in microvolts.

    Attributes
    ----------
    name
        Stem of the file it came from.
    signal_uv
        Shape ``[samples]``, float32, µV. NaN where nothing was recorded (the gaps of an EDF+D file).
    sampling_hz
        Samples per second.
    channel
        Label of the channel as the file spells it.
    channel_reason
        Why this channel was used, for people.
    start
        Local clock time of the first sample; None where the file does not say.
    findings
        Repairs and doubts met while reading.
    is_synthetic
        True where the file's header says that no person was recorded.
    after_header_s
        Seconds from the header's start time to the first sample, which the time stamps of EDF+ and BDF+ tell; `start`
        counts them.
    """

    name: str
    signal_uv: NDArray[np.float32]
    sampling_hz: float
    channel: str
    channel_reason: str
    start: datetime | None
    findings: tuple[Finding, ...] = ()
    is_synthetic: bool = False
    after_header_s: float = 0.0

    def __repr__(self) -> str:
        minutes = len(self.signal_uv) / self.sampling_hz / 60
        return f"<Recording {self.name}: {minutes:.1f} min of {self.channel} at {self.sampling_hz:g} Hz>"


class Source(StrEnum):
    """Why an epoch carries the stage it has; the `source` column of `hypnogram.csv`."""

    MODEL = "model"
    FLAT = "flat"
    GAP = "gap"
    PARTIAL = "partial"
    CONTEXT = "context"


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochedRecording:
    """A recording at 100 Hz, cut into 30-s epochs on the grid of its first sample.

    Attributes
    ----------
    signal_uv
        Shape ``[N, 3000]``, float32, µV, finite: gaps and the missing end of a partial epoch are zeros.
    source
        N values of `Source`: ``MODEL`` where the signal can be scored, else why it cannot.
    source_sampling_hz
        Sampling rate of the file, before conversion to 100 Hz.
    after_header_s
        As of the `Recording`.
    """

    signal_uv: NDArray[np.float32]
    source: tuple[Source, ...]
    name: str
    channel: str
    channel_reason: str
    source_sampling_hz: float
    start: datetime | None
    findings: tuple[Finding, ...] = ()
    is_synthetic: bool = False
    after_header_s: float = 0.0

    def __post_init__(self) -> None:
        assert self.signal_uv.ndim == 2
        assert self.signal_uv.shape == (len(self.source), SAMPLES_PER_EPOCH)

    def __len__(self) -> int:
        return len(self.source)

    def __repr__(self) -> str:
        n_scorable = self.source.count(Source.MODEL)
        return f"<EpochedRecording {self.name}: {len(self)} epochs of {self.channel}, {n_scorable} to score>"

    @property
    def is_scorable(self) -> NDArray[np.bool_]:
        """Shape ``[N]``: True where the epoch holds signal that a stager can read."""
        return np.array([source is Source.MODEL for source in self.source], dtype=np.bool_)
