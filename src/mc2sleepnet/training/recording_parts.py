"""Statistics of recordings as training meets them: of the whole, or of random parts of it.

A network that normalises by the recording's own statistics has to cope with recordings of half an hour, and with
nights of which some stretches cannot be read. So while training, a sequence may be normalised by a random stretch
around it, 20 min to all of the night, or by the epochs of some stages only, the others then being holes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mc2sleepnet.core.completion import Completion
from mc2sleepnet.core.dead_stretches import bridged, speaks
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.core.recording_statistics import (
    N_STATISTICS,
    statistics_of_frames,
    thinned,
)
from mc2sleepnet.core.stages import EPOCH_S, N3, N_STAGES, W
from mc2sleepnet.core.statistics_range import StatisticsRange
from mc2sleepnet.inference import EPOCHS_PER_CALL, Stager
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.store import PADDING, Store
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.seeding import keyed_generator

SHORTEST_EPOCHS = 20 * 60 // EPOCH_S
# Random parts of each recording, besides the whole of it.
N_STRETCHES, N_SELECTIONS = 5, 3
# Consecutive epochs that share a part where a whole recording is encoded.
PIECE_EPOCHS = 48


@dataclass(frozen=True, kw_only=True)
class RecordingParts:
    """Parts of recordings and their statistics, by the recording's number in the store; the whole one first.

    Attributes
    ----------
    store
        Where the recordings lie.
    is_in
        Shape ``[P, N]``: which epochs of the recording each part has.
    statistics
        Shape ``[P, N_STATISTICS]``: what the network is given of each part.
    n_epochs
        Shape ``[P]``: of how many epochs they are.
    """

    store: Store
    is_in: dict[int, NDArray[np.bool_]]
    statistics: dict[int, NDArray[np.float32]]
    n_epochs: dict[int, NDArray[np.int64]]

    @property
    def range(self) -> StatisticsRange:
        """Where the whole recordings' statistics lie; asked before `completed`."""
        return StatisticsRange.of(np.stack([rows[0] for rows in self.statistics.values()]))

    def completed(self, completion: Completion | None) -> "RecordingParts":
        """The same parts for a network whose statistics are completed: by them alone, no part is looked at twice."""
        if completion is None:
            return self
        found = {one: completion.of_parts(rows, self.n_epochs[one]) for one, rows in self.statistics.items()}
        return replace(self, statistics=found)

    def draw(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """For each sequence a random part that has some of its epochs: the others become padding.

        A stretch is drawn only where it has all of them.

        Shape: [B, L] numbers in the store, -1 padding → [B, L], [B, N_STATISTICS]
        """
        wanted = indices.numpy().copy()
        rows = np.empty((len(wanted), N_STATISTICS), np.float32)
        for sequence, u in enumerate(torch.rand(len(wanted), generator=generator).tolist()):
            is_real = wanted[sequence] >= 0
            recording = int(self.store.recording_of(wanted[sequence][is_real][:1])[0])
            local = wanted[sequence][is_real] - self.store.first_epoch[recording]
            part = self._drawn(recording, local, u)
            rows[sequence] = self.statistics[recording][part]
            kept = is_real.copy()
            kept[is_real] = self.is_in[recording][part, local]
            wanted[sequence] = np.where(kept, wanted[sequence], PADDING)
        return torch.from_numpy(wanted), torch.from_numpy(rows)

    def encode(
        self, stager: Stager, signal_uv: NDArray[np.float32], is_readable: NDArray[np.bool_], recording: int
    ) -> NDArray[np.float32]:
        """Tokens of a recording whose pieces are each normalised by a part that has most of them.

        Shape: [N, T] µV, [N] → [N, S, D]
        """
        generator = keyed_generator(recording, "pieces of a recording")
        readable = np.flatnonzero(is_readable)
        encoded = []
        for piece in _pieces(readable):
            part = self._drawn(recording, piece, float(torch.rand((), generator=generator)))
            encoded.append(stager.encode(signal_uv[piece], self.statistics[recording][part]))
        if not encoded:
            return np.zeros((len(is_readable), 2, 0), np.float32)
        tokens = np.zeros((len(is_readable), *encoded[0].shape[1:]), np.float32)
        tokens[readable] = np.concatenate(encoded)
        return tokens

    def _drawn(self, recording: int, epochs: NDArray[np.int64], u: float) -> int:
        """Number of one of the parts that may stand for some epochs; `u` in [0, 1) chooses."""
        n_in = self.is_in[recording][:, epochs].sum(axis=1)
        is_stretch = np.arange(len(n_in)) <= N_STRETCHES
        may = np.flatnonzero(np.where(is_stretch, n_in == len(epochs), n_in > 0))
        return int(may[int(u * len(may))]) if len(may) else 0


def _pieces(readable: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    assert PIECE_EPOCHS <= EPOCHS_PER_CALL
    for start in range(0, len(readable), PIECE_EPOCHS):
        yield readable[start : start + PIECE_EPOCHS]


def parts_for(config: NetworkConfig, data: FoldData, loop: LoopOptions, advance: Advance) -> RecordingParts | None:
    """Parts of the training recordings as the options ask for them; None where the network reads no statistics."""
    if not config.needs_statistics:
        return None
    return recording_parts(
        data,
        data.training,
        kind=loop.statistics_window,
        seed=loop.seed,
        removes_drift=config.removes_drift,
        advance=advance,
    )


def recording_parts(
    data: FoldData,
    recordings: list[int],
    *,
    kind: Literal["recording", "random"],
    seed: int,
    removes_drift: bool = False,
    advance: Advance = lambda *_: None,
) -> RecordingParts:
    """Draw parts of training recordings and compute their statistics from the readable epochs in each.

    Parameters
    ----------
    data, recordings
        Which recordings.
    kind
        ``"recording"``: the whole of each. ``"random"``: besides, five stretches and three choices of stages.
    seed
        Of the draws.
    removes_drift
        Whether the network reads epochs without slow drift.
    advance
        Told recordings done, all of them, and the last one's name.
    """
    is_in, statistics, n_epochs = {}, {}, {}
    for night in thinned_recordings(data, recordings, removes_drift=removes_drift, advance=advance):
        parts = [np.ones(len(night.epochs), np.bool_)]
        if kind == "random":
            generator = keyed_generator(seed, "parts", night.recording)
            parts += _random_parts(data.stage(night.epochs, "training"), generator)
        rows = []
        for index, part in enumerate(parts):
            if (part & night.is_readable).sum() < min(SHORTEST_EPOCHS, night.is_readable.sum()):
                parts[index] = parts[0]
            rows.append(night.statistics(parts[index][night.is_readable]))
        is_in[night.recording], statistics[night.recording] = np.stack(parts), np.stack(rows)
        n_epochs[night.recording] = np.stack(parts)[:, night.is_readable].sum(axis=1)
    return RecordingParts(store=data.store, is_in=is_in, statistics=statistics, n_epochs=n_epochs)


@dataclass(frozen=True, kw_only=True)
class ThinnedRecording:
    """What tells a training recording's statistics.

    Attributes
    ----------
    recording
        Its number in the store.
    epochs
        Shape ``[N]``: numbers of its epochs in the store.
    is_readable
        Shape ``[N]``: the M that tell.
    decibels
        Shape ``[M, F, K]``: frames of theirs.
    samples_uv
        Shape ``[M, samples]``, µV.
    """

    recording: int
    epochs: NDArray[np.int64]
    is_readable: NDArray[np.bool_]
    decibels: NDArray[np.float32]
    samples_uv: NDArray[np.float32]

    def statistics(self, chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Of some of the epochs that tell. Shape: [M] → [N_STATISTICS]"""
        return statistics_of_frames(self.decibels[chosen], self.samples_uv[chosen])


def thinned_recordings(
    data: FoldData, recordings: list[int], *, removes_drift: bool, advance: Advance
) -> Iterator[ThinnedRecording]:
    """Training recordings of which an epoch can be read, one by one; `advance` is told of every one that is done."""
    for done, recording in enumerate(recordings, start=1):
        epochs = data.store.epochs_of(recording)
        is_readable, signal_uv = speaking_epochs(data, epochs)
        if is_readable.any():
            decibels, samples_uv = thinned(signal_uv, removes_drift=removes_drift)
            yield ThinnedRecording(
                recording=recording, epochs=epochs, is_readable=is_readable, decibels=decibels, samples_uv=samples_uv
            )
        advance(done, len(recordings), data.store.recordings[recording].name)


def speaking_epochs(data: FoldData, epochs: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which epochs of a training recording tell its statistics, and their signal: readable ones, not mostly dead.

    Dead stretches of the others are bridged, as where a recording is scored.

    Shape: [N] → [N], [M, T] µV
    """
    is_telling = data.store.is_readable[epochs].copy()
    signal_uv = bridged(data.signal_uv(epochs[is_telling], "training"))
    enough = speaks(signal_uv)
    is_telling[is_telling] = enough
    return is_telling, signal_uv[enough]


def _random_parts(stage: NDArray[np.int8], generator: torch.Generator) -> list[NDArray[np.bool_]]:
    """Five stretches, log-uniform in length, and three choices of stages. Shape: [N] → 8 times [N]"""
    n_epochs, place = len(stage), np.arange(len(stage))
    shortest = min(SHORTEST_EPOCHS, n_epochs)
    parts = []
    for share, offset in torch.rand(N_STRETCHES, 2, generator=generator).tolist():
        # Half of the stretches are shorter than two hours.
        length = round(shortest * (n_epochs / shortest) ** share)
        start = round(offset * (n_epochs - length))
        parts.append((place >= start) & (place < start + length))
    for draws in torch.rand(N_SELECTIONS - 1, N_STAGES, generator=generator).tolist():
        parts.append(np.isin(stage, np.flatnonzero(np.array(draws) < 0.5)))
    # Wake and deep sleep alone: what is left where only sure epochs are kept, and hardest for relative views.
    parts.append(np.isin(stage, (W, N3)))
    return parts
