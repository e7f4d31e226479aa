"""Statistics of recordings as training meets them: of the whole, or of random parts of it.

A network that normalises by the recording's own statistics has to cope with recordings of half an hour, and with
nights of which some stretches cannot be read. So while training, a sequence may be normalised by a stretch around it,
20 min to all of the night, or by the epochs of some stages only, the others then being holes. Stretches of every length
lie one behind the other through the whole night: drawn anywhere, short ones would hold hardly any sequence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mc2sleepnet.core.progress import Advance
from mc2sleepnet.core.recording_statistics import (
    FRAME_STEP,
    N_STATISTICS,
    SAMPLE_STEP,
    frame_decibels,
    statistics_of_frames,
)
from mc2sleepnet.core.stages import EPOCH_S, N3, N_STAGES, W
from mc2sleepnet.core.statistics_range import StatisticsRange
from mc2sleepnet.inference import EPOCHS_PER_CALL, Stager
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.statistics_completion import StatisticsCompletion
from mc2sleepnet.store import PADDING, Store
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.seeding import keyed_generator

SHORTEST_EPOCHS = 20 * 60 // EPOCH_S
# Lengths of stretches, and choices of stages, besides the whole of a recording.
N_LENGTHS, N_SELECTIONS = 5, 3
# Consecutive epochs that share a part where a whole recording is encoded, and how many of them a stretch must have.
PIECE_EPOCHS, SHARE_OF_PIECE = 32, 0.75


@dataclass(frozen=True, kw_only=True)
class RecordingParts:
    """Parts of recordings and their statistics, by the recording's number in the store; the whole one first.

    Attributes
    ----------
    store
        Where the recordings lie.
    is_in
        Shape ``[P, N]``: which epochs of the recording each part has.
    kind
        Shape ``[P]``: 0 for the whole, 1 to N_LENGTHS for stretches from short to long, then a choice of stages each.
    statistics
        Shape ``[P, N_STATISTICS]``.
    """

    store: Store
    is_in: dict[int, NDArray[np.bool_]]
    kind: dict[int, NDArray[np.int64]]
    statistics: dict[int, NDArray[np.float32]]

    @property
    def range(self) -> StatisticsRange:
        """Where the whole recordings' statistics lie."""
        return StatisticsRange.of(np.stack([rows[0] for rows in self.statistics.values()]))

    def teach(self, completion: StatisticsCompletion) -> None:
        """Let it learn what whole recordings are like from their parts; every kind of part counts as much."""
        part = np.concatenate(list(self.statistics.values()))
        whole = np.concatenate([np.repeat(rows[:1], len(rows), axis=0) for rows in self.statistics.values()])
        kind = np.concatenate(list(self.kind.values()))
        counts = 1 / np.bincount(kind)[kind]
        completion.fit(part, whole, counts / counts.mean())

    def draw(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """For each sequence a random part that has some of its epochs: the others become padding.

        Every kind of part is as likely as every other that is to be had; a stretch has all of a sequence's epochs.

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
            part = self._drawn(recording, piece, float(torch.rand((), generator=generator)), share=SHARE_OF_PIECE)
            encoded.append(stager.encode(signal_uv[piece], self.statistics[recording][part]))
        if not encoded:
            return np.zeros((len(is_readable), 2, 0), np.float32)
        tokens = np.zeros((len(is_readable), *encoded[0].shape[1:]), np.float32)
        tokens[readable] = np.concatenate(encoded)
        return tokens

    def _drawn(self, recording: int, epochs: NDArray[np.int64], u: float, share: float = 1.0) -> int:
        """Number of one of the parts that may stand for some epochs; `u` in [0, 1) chooses the kind, then the part.

        Stretches may that have at least a share of the epochs.
        """
        n_in, kind = self.is_in[recording][:, epochs].sum(axis=1), self.kind[recording]
        may = np.where(kind <= N_LENGTHS, n_in >= share * len(epochs), n_in > 0)
        if not may.any():
            return 0
        kinds = np.unique(kind[may])
        place = u * len(kinds)
        among = np.flatnonzero(may & (kind == kinds[int(place)]))
        return int(among[int(place % 1 * len(among))])


def _pieces(readable: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    assert PIECE_EPOCHS <= EPOCHS_PER_CALL
    for start in range(0, len(readable), PIECE_EPOCHS):
        yield readable[start : start + PIECE_EPOCHS]


def parts_for(config: NetworkConfig, data: FoldData, loop: LoopOptions, advance: Advance) -> RecordingParts | None:
    """Parts of the training recordings as the options ask for them; None where the network reads no statistics."""
    if not config.needs_statistics:
        return None
    return recording_parts(data, data.training, kind=loop.statistics_window, seed=loop.seed, advance=advance)


def recording_parts(
    data: FoldData,
    recordings: list[int],
    *,
    kind: Literal["recording", "random"],
    seed: int,
    advance: Advance = lambda *_: None,
) -> RecordingParts:
    """Draw parts of training recordings and compute their statistics from the readable epochs in each.

    Parameters
    ----------
    data, recordings
        Which recordings.
    kind
        ``"recording"``: the whole of each. ``"random"``: stretches of five lengths and three choices of stages too.
    seed
        Of the draws.
    advance
        Told recordings done, all of them, and the last one's name.
    """
    store = data.store
    is_in, kinds, statistics = {}, {}, {}
    for done, recording in enumerate(recordings, start=1):
        epochs = store.epochs_of(recording)
        is_readable = store.is_readable[epochs]
        if is_readable.any():
            signal_uv = data.signal_uv(epochs[is_readable], "training")
            decibels, samples_uv = frame_decibels(signal_uv, FRAME_STEP), signal_uv[:, ::SAMPLE_STEP]
            parts, kind_of = [np.ones(len(epochs), np.bool_)], [0]
            if kind == "random":
                generator = keyed_generator(seed, "parts", recording)
                for own, part in _random_parts(data.stage(epochs, "training"), generator):
                    if (part & is_readable).sum() >= min(SHORTEST_EPOCHS, is_readable.sum()):
                        parts.append(part)
                        kind_of.append(own)
            is_in[recording], kinds[recording] = np.stack(parts), np.array(kind_of)
            rows = [_statistics_in(part[is_readable], decibels, samples_uv) for part in parts]
            statistics[recording] = np.stack(rows)
        advance(done, len(recordings), store.recordings[recording].name)
    return RecordingParts(store=store, is_in=is_in, kind=kinds, statistics=statistics)


def _statistics_in(
    part: NDArray[np.bool_], decibels: NDArray[np.float32], samples_uv: NDArray[np.float32]
) -> NDArray[np.float32]:
    return statistics_of_frames(decibels[part], samples_uv[part])


def _random_parts(stage: NDArray[np.int8], generator: torch.Generator) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Kind and epochs of stretches, log-uniform in length, and of three choices of stages. Shape: [N] → [N] each"""
    n_epochs, place = len(stage), np.arange(len(stage))
    shortest = min(SHORTEST_EPOCHS, n_epochs)
    for index, (share, offset) in enumerate(torch.rand(N_LENGTHS, 2, generator=generator).tolist()):
        # Half of the lengths are below two hours.
        length = round(shortest * (n_epochs / shortest) ** ((index + share) / N_LENGTHS))
        hop = max(1, length // 2)
        for start in np.unique(np.arange(-int(offset * hop), n_epochs, hop).clip(0, n_epochs - length)).tolist():
            yield 1 + index, (place >= start) & (place < start + length)
    for index, draws in enumerate(torch.rand(N_SELECTIONS - 1, N_STAGES, generator=generator).tolist()):
        yield 1 + N_LENGTHS + index, np.isin(stage, np.flatnonzero(np.array(draws) < 0.5))
    # Wake and deep sleep alone: what is left where only sure epochs are kept, and hardest for relative views.
    yield N_LENGTHS + N_SELECTIONS, np.isin(stage, (W, N3))
