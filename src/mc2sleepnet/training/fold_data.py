"""The nights a phase learns from and is judged by: one fold of a store, test subjects left out."""

import hashlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.margins import with_margins
from mc2sleepnet.core.progress import Advance, Step
from mc2sleepnet.core.stages import STAGES, UNSCORED
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.inference import Aggregation, Stager, encode_night, relate_night, smoothed_night, stages_of
from mc2sleepnet.metrics.agreement import Agreement, agreement
from mc2sleepnet.store import PADDING, Store, sequences
from mc2sleepnet.training.leaks import LeakError, refuse_people_on_two_sides

Side = Literal["training", "validation"]


class PartEncoder(Protocol):
    """Encodes a recording by statistics of parts of it: `recording_parts`."""

    def encode(
        self, stager: Stager, signal_uv: NDArray[np.float32], is_readable: NDArray[np.bool_], recording: int
    ) -> NDArray[np.float32]:
        """Tokens of a recording. Shape: [N, T] µV, [N] → [N, S, D]"""


class TokenKeeper(Protocol):
    """Keeps tokens of finished recordings where a run that goes on finds them: `kept_tokens`."""

    def read(self, recording: int) -> NDArray[np.float32] | None:
        """Tokens that were kept, [N, S, D]; None where there are none."""

    def keep(self, recording: int, tokens: NDArray[np.float32]) -> None:
        """Keep a recording's tokens."""


@dataclass(frozen=True, kw_only=True)
class FoldData:
    """One fold's training and validation recordings in a store, and the only door to their epochs.

    Every reader says on which side it stands; an epoch of another side, or of a test subject, is a `LeakError`.

    Attributes
    ----------
    store, fold
        Recordings, and whose are on which side.
    needs_stages
        Whether both sides must hold scored epochs; self-supervised pre-training does without.
    nights
        Training recordings to use, 0 for all: of every subject one, before any gives a second. More of them always
        include the fewer.
    labelled_nights
        The first of these whose stages are known, 0 for all; those of the others are hidden.
    validation_recordings
        Validation recordings that judge, chosen likewise; 0 for all.
    """

    store: Store
    fold: Fold
    needs_stages: bool = True
    nights: int = 0
    labelled_nights: int = 0
    validation_recordings: int = 0

    def __post_init__(self) -> None:
        sides: tuple[tuple[Side, list[int]], ...] = ("training", self.training), ("validation", self.validation)
        for side, recordings in sides:
            epochs = self.epochs(recordings)
            is_usable = self.store.is_readable[epochs]
            if self.needs_stages:
                is_usable = is_usable & (self.stage(epochs, side) != UNSCORED)
            if not is_usable.any():
                kind = "both recorded and scored" if self.needs_stages else "recorded"
                raise InputError(
                    self.store.path,
                    f"fold {self.fold.name} has no {side} epoch that is {kind}",
                    "Prepare recordings that are scored, or choose another fold",
                )
        refuse_people_on_two_sides(self.store, self.fold)

    @cached_property
    def training(self) -> list[int]:
        """Recordings of the training subjects."""
        return self._first(self.store.recordings_of(self.fold.train), self.nights, "--nights")

    @cached_property
    def validation(self) -> list[int]:
        """Recordings of the validation subjects."""
        found = self.store.recordings_of(self.fold.validation)
        return self._first(found, min(self.validation_recordings, len(found)), "--set validation_recordings")

    @cached_property
    def labelled(self) -> list[int]:
        """Training recordings whose stages may be read."""
        return self._first(np.array(self.training), self.labelled_nights, "--labelled-nights")

    def _first(self, recordings: NDArray[np.int64], n: int, asked_by: str) -> list[int]:
        """The first `n` of some recordings in an order that mixes the subjects; 0 for all. In the store's order."""
        if n > len(recordings):
            fault = f"{n} nights, but fold {self.fold.name} has {len(recordings)}"
            raise InputError(asked_by, fault, "Ask for fewer, or prepare more")
        nights_before = Counter[str]()
        order = []
        for index in recordings.tolist():
            subject = self.store.recordings[index].subject
            # By a hash: the first subjects of a corpus may be all young, or all of one place.
            order.append((nights_before[subject], hashlib.sha256(subject.encode()).digest(), index))
            nights_before[subject] += 1
        return sorted(index for _, _, index in sorted(order)[: n or None])

    def check_signals(self, step: Step) -> None:
        """Refuse signals of training or validation that are no longer those that were prepared.

        Raises
        ------
        InputError
            With the file named.
        """
        self.store.check_signals([*self.training, *self.validation], step)

    def epochs(self, recordings: list[int]) -> NDArray[np.int64]:
        """All epochs of some recordings, as numbers in the store."""
        return np.concatenate([np.zeros(0, np.int64), *map(self.store.epochs_of, recordings)])

    def names_of(self, epochs: NDArray[np.int64]) -> list[str]:
        """Names of the recordings some epochs belong to, each once, in order; padding belongs to none."""
        recordings = np.unique(self.store.recording_of(epochs[epochs >= 0]))
        return [self.store.recordings[index].name for index in recordings.tolist()]

    def signal_uv(self, epochs: NDArray[np.int64], side: Side, *, margin: int = 0) -> NDArray[np.float32]:
        """Signals of epochs of one side, with the edges of their neighbours; zeros for padding, -1.

        Shape: [...] → [..., margin + 3000 + margin] µV
        """
        self.refuse_others(self.store.recording_of(epochs), side)
        own = self.store.signal_uv(epochs)
        if margin == 0:
            return own
        flat = epochs.ravel()
        (before, has_before), (after, has_after) = (self.neighbours(flat, step) for step in (-1, 1))
        wide = with_margins(
            self.store.signal_uv(before),
            own.reshape(flat.size, -1),
            self.store.signal_uv(after),
            has_before=has_before,
            has_after=has_after,
            margin=margin,
        )
        return wide.reshape(*epochs.shape, -1)

    def neighbours(self, epochs: NDArray[np.int64], step: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The epochs one before or after, -1 where there is no readable one in the same recording; where there is."""
        beside = np.clip(epochs + step, 0, self.store.n_epochs - 1)
        is_there = (beside == epochs + step) & (self.store.recording_of(beside) == self.store.recording_of(epochs))
        is_there &= (epochs >= 0) & self.store.is_readable[beside]
        return np.where(is_there, beside, PADDING), is_there

    def stage(self, epochs: NDArray[np.int64], side: Side) -> NDArray[np.int8]:
        """Stages of epochs of one side; unscored for padding, -1. Any shape."""
        self.refuse_others(self.store.recording_of(epochs), side)
        is_known = epochs >= 0
        if side == "training" and self.labelled_nights:
            is_known &= np.isin(self.store.recording_of(epochs), self.labelled)
        return np.where(is_known, self.store.stage[epochs], UNSCORED).astype(np.int8)

    def refuse_others(self, recordings: Collection[int] | NDArray[np.int64], *sides: Side) -> None:
        """Refuse recordings that are not on one of the sides; -1, padding, is on every side.

        Raises
        ------
        LeakError
            With the first of them named.
        """
        own = {"training": self.training, "validation": self.validation}
        allowed = [-1, *(recording for side in sides for recording in own[side])]
        found = np.unique(np.asarray(recordings, np.int64))
        others = found[~np.isin(found, allowed)]
        if others.size:
            recording = self.store.recordings[int(others[0])]
            side = next((side for side, subjects in self.fold.sides.items() if recording.subject in subjects), "no")
            fault = f"{recording.name}, of {side} subject '{recording.subject}', was asked for {' or '.join(sides)}"
            raise LeakError(self.fold.name, fault, "Read each recording on its own side of the fold only")

    def sequences(
        self, side: Side, *, length: int, stride: int | None = None, join_gaps: bool = False
    ) -> NDArray[np.int64]:
        """Sequences of one side's recordings, end to end unless `stride` is given. Shape: [S, L]; -1 where padded."""
        recordings = self.training if side == "training" else self.validation
        return sequences(self.store, recordings, length=length, stride=stride or length, join_gaps=join_gaps)

    def encode(
        self,
        stager: Stager,
        recordings: list[int],
        advance: Advance = lambda *_: None,
        *,
        parts: PartEncoder | None = None,
        kept: TokenKeeper | None = None,
    ) -> dict[int, NDArray[np.float32]]:
        """Tokens of whole recordings of training or validation, by recording, each [N, S, D].

        With `parts`, pieces of a recording are each normalised by a part of it that holds them. What `kept` has is not
        encoded again, and it gets the rest.

        Raises
        ------
        LeakError
            If a recording is on neither side.
        """
        self.refuse_others(recordings, "training", "validation")
        tokens = {}
        for done, index in enumerate(recordings, start=1):
            known = None if kept is None else kept.read(index)
            tokens[index] = self._encoded(stager, index, parts) if known is None else known
            if kept is not None and known is None:
                kept.keep(index, tokens[index])
            advance(done, len(recordings), self.store.recordings[index].name)
        return tokens

    def _encoded(self, stager: Stager, recording: int, parts: PartEncoder | None) -> NDArray[np.float32]:
        epochs = self.epochs([recording])
        signal_uv, is_readable = self.store.signal_uv(epochs), self.store.is_readable[epochs]
        if parts is None:
            return encode_night(stager, signal_uv, is_readable)
        return parts.encode(stager, signal_uv, is_readable, recording)

    def judge(
        self,
        stager: Stager,
        tokens: dict[int, NDArray[np.float32]],
        *,
        stride: int,
        aggregation: Aggregation = "average",
        smooth: bool = False,
    ) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
        """Log-probabilities and reference stages of validation recordings whose tokens are known.

        Early stopping reads this and nothing else: as the network answers, so that its figures are the network's own.
        So does calibration, with `smooth`, which smooths them as the model does when it scores.

        Shapes: [N, 5], [N]

        Raises
        ------
        LeakError
            If a recording is not one of validation.
        """
        self.refuse_others(list(tokens), "validation")
        epochs = [self.epochs([index]) for index in tokens]
        log_probabilities = []
        for night, places in zip(tokens.values(), epochs, strict=True):
            is_readable = self.store.is_readable[places]
            answer = relate_night(stager, night, is_readable, stride=stride, aggregation=aggregation)
            if smooth:
                answer = smoothed_night(stager, answer, self.store.signal_uv(places), is_readable)
            log_probabilities.append(answer)
        return np.concatenate(log_probabilities), self.store.stage[np.concatenate(epochs)]

    def describe(self) -> dict[str, Any]:
        """What provenance says of the data."""
        return {
            "store": {
                "corpus": self.store.corpus,
                "is_synthetic": self.store.is_synthetic,
                "content_hash": self.store.content_hash,
            },
            "fold": {
                "name": self.fold.name,
                "manifest_hash": self.fold.manifest_hash,
                "train": list(self.fold.train),
                "validation": list(self.fold.validation),
                "test": list(self.fold.test),
            },
            **self._describe_choice(),
        }

    @cached_property
    def absent_stages(self) -> list[str]:
        """Stages of which there is no training epoch, so that they cannot be learned."""
        epochs = self.epochs(self.training)
        known = self.stage(epochs, "training")[self.store.is_readable[epochs]]
        return [name for code, name in enumerate(STAGES) if not np.any(known == code)]

    def describe_absent_stages(self) -> dict[str, Any]:
        """What provenance says of them, where there are any."""
        return {"absent_stages": self.absent_stages} if self.absent_stages else {}

    def _describe_choice(self) -> dict[str, Any]:
        """Which nights were used, where not all were."""
        chosen = {
            "nights": (self.nights, self.training),
            "labelled_nights": (self.labelled_nights, self.labelled),
            "validation_recordings": (self.validation_recordings, self.validation),
        }
        names = {key: [self.store.recordings[i].name for i in indices] for key, (n, indices) in chosen.items() if n}
        return {"chosen": names} if names else {}


def figures_of(log_probabilities: NDArray[np.float64], reference: NDArray[np.int8]) -> dict[str, float]:
    """Validation's figures: accuracy, macro-F1 and κ over the epochs both sides scored."""
    found: Agreement = agreement(reference, stages_of(log_probabilities))
    return {"accuracy": found.accuracy, "macro_f1": found.macro_f1, "kappa": found.kappa}
