"""Several channels of one night: their probabilities averaged, and where they dissent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.recording import EpochedRecording, Source
from mc2sleepnet.core.stages import N_STAGES, UNSCORED
from mc2sleepnet.inference import stages_of


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredChannel:
    """One channel as the model scored it by itself.

    Attributes
    ----------
    recording
        N epochs of signal, and where they came from.
    hypnodensity
        Shape ``[N, 5]``: calibrated probability of W, N1, N2, N3, R; NaN where the channel cannot be scored.
    out_of_range
        In which of its spectral statistics it lies outside the model's training recordings.
    is_doubtful
        Shape ``[N]``: epochs with the spectrum of noise, where they are many, those that are louder than any
        sleep, and those that are mostly bridges.
    """

    recording: EpochedRecording
    hypnodensity: NDArray[np.float64]
    out_of_range: tuple[str, ...] = ()
    is_doubtful: NDArray[np.bool_]

    def __repr__(self) -> str:
        n_scored = np.count_nonzero(~np.isnan(self.hypnodensity).any(axis=1))
        return f"<ScoredChannel {self.recording.channel}: {n_scored} of {len(self.recording)} epochs scored>"

    @property
    def stage(self) -> NDArray[np.int8]:
        """Shape ``[N]``: the most probable stage, -1 where the channel cannot be scored."""
        return stages_of(self.hypnodensity)


def averaged(channels: Sequence[ScoredChannel]) -> NDArray[np.float64]:
    """Mean hypnodensity over the channels that can be scored, epoch by epoch. Shape: [N, 5], NaN where none can.

    Where a channel is doubtful the others speak, if any of them can.
    """
    every = np.stack([channel.hypnodensity for channel in channels])
    is_doubtful = np.stack([channel.is_doubtful for channel in channels])
    others_speak = (~np.isnan(every).any(axis=2) & ~is_doubtful).any(axis=0)
    every[is_doubtful & others_speak] = np.nan
    n_known = (~np.isnan(every).any(axis=2)).sum(axis=0)
    mean = np.full((len(n_known), N_STAGES), np.nan)
    mean[n_known > 0] = np.nansum(every, axis=0)[n_known > 0] / n_known[n_known > 0, None]
    return mean


def sources_of(channels: Sequence[ScoredChannel]) -> tuple[Source, ...]:
    """``model`` where any channel can be scored, else why the first cannot."""
    per_epoch = zip(*(channel.recording.source for channel in channels), strict=True)
    return tuple(Source.MODEL if Source.MODEL in sources else sources[0] for sources in per_epoch)


def dissent(channels: Sequence[ScoredChannel], stage: NDArray[np.int8]) -> dict[str, Any] | None:
    """How far the channels stand apart, for provenance and report; None where there is one channel alone.

    Parameters
    ----------
    channels
        Two or more, or one.
    stage
        Shape ``[N]``: the stages of their averaged probabilities.

    Returns
    -------
    dissent
        ``n_epochs`` in which any channel by itself says another stage than the average, their ``percent`` of the
        scored epochs, and of each channel (``channels``) its ``label``, the ``reason`` it was used, ``sampling_hz``,
        ``n_scored``, and ``agreement_percent`` with the average.
    """
    if len(channels) < 2:
        return None
    every = np.stack([channel.stage for channel in channels])
    is_scored = np.not_equal(every, UNSCORED)
    differs = is_scored & (every != stage)
    n_differing = int(differs.any(axis=0).sum())
    n_epochs = int(np.count_nonzero(stage != UNSCORED))
    return {
        "n_epochs": n_differing,
        "percent": round(100 * n_differing / n_epochs, 2) if n_epochs else None,
        "channels": [
            {
                "label": channel.recording.channel,
                "reason": channel.recording.channel_reason,
                "sampling_hz": channel.recording.source_sampling_hz,
                "n_scored": int(known.sum()),
                "agreement_percent": round(100 * (1 - other.sum() / known.sum()), 2) if known.any() else None,
            }
            for channel, known, other in zip(channels, is_scored, differs, strict=True)
        ],
    }
