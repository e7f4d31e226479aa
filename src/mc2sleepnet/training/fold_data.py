"""The nights a phase learns from and is judged by: one fold of a store, test subjects left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.inference import Stager, encode_night, relate_night
from mc2sleepnet.metrics.agreement import Agreement, agreement
from mc2sleepnet.store import Store, sequences


@dataclass(frozen=True, kw_only=True)
class FoldData:
    """One fold's training and validation recordings in a store. The test subjects are never looked at here."""

    store: Store
    fold: Fold

    def __post_init__(self) -> None:
        for side, recordings in (("training", self.training), ("validation", self.validation)):
            epochs = self.epochs(recordings)
            if not ((self.store.stage[epochs] != UNSCORED) & self.store.is_readable[epochs]).any():
                raise InputError(
                    self.store.path,
                    f"fold {self.fold.name} has no {side} epoch that is both recorded and scored",
                    "Prepare recordings that are scored, or choose another fold",
                )

    @property
    def training(self) -> list[int]:
        """Recordings of the training subjects."""
        return [int(index) for index in self.store.recordings_of(self.fold.train)]

    @property
    def validation(self) -> list[int]:
        """Recordings of the validation subjects."""
        return [int(index) for index in self.store.recordings_of(self.fold.validation)]

    def epochs(self, recordings: list[int]) -> NDArray[np.int64]:
        """All epochs of some recordings, as numbers in the store."""
        return np.concatenate([np.zeros(0, np.int64), *map(self.store.epochs_of, recordings)])

    def names_of(self, epochs: NDArray[np.int64]) -> list[str]:
        """Names of the recordings some epochs belong to, each once, in order; padding belongs to none."""
        recordings = np.unique(self.store.recording_of(epochs[epochs >= 0]))
        return [self.store.recordings[index].name for index in recordings.tolist()]

    def training_sequences(self, *, length: int, stride: int) -> NDArray[np.int64]:
        """Sequences of the training recordings. Shape: [S, L]; -1 where padded."""
        return sequences(self.store, self.training, length=length, stride=stride)

    def encode(
        self, stager: Stager, recordings: list[int], advance: Advance = lambda *_: None
    ) -> dict[int, NDArray[np.float32]]:
        """Tokens of whole recordings, by recording, each [N, 2, D]."""
        tokens = {}
        for done, index in enumerate(recordings, start=1):
            epochs = self.epochs([index])
            signal_uv = self.store.signal_uv(epochs)
            tokens[index] = encode_night(stager, signal_uv, self.store.is_readable[epochs])
            advance(done, len(recordings), self.store.recordings[index].name)
        return tokens

    def relate(
        self, stager: Stager, tokens: dict[int, NDArray[np.float32]], *, stride: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
        """Log-probabilities and reference stages of recordings whose tokens are known. Shapes: [N, 5], [N]"""
        epochs = [self.epochs([index]) for index in tokens]
        log_probabilities = [
            relate_night(stager, night, self.store.is_readable[places], stride=stride)
            for night, places in zip(tokens.values(), epochs, strict=True)
        ]
        return np.concatenate(log_probabilities), self.store.stage[np.concatenate(epochs)]

    def refuse_leak_from(self, provenance: Mapping[str, Any], start: Path) -> None:
        """Refuse a network, or an ancestor of it, that has learned from subjects this fold holds out.

        Raises
        ------
        InputError
            If a test subject trained or stopped it, or a validation subject trained it, or nobody knows.
        """
        ancestor: Mapping[str, Any] | None = provenance
        while ancestor is not None:
            if not {"fold", "store"} <= ancestor.keys():
                fault = "its config.json does not say whom it learned from"
                raise InputError(start, fault, "Start from a run of `pretrain` or `finetune`")
            earlier = ancestor["fold"]
            seen = {*self.fold.test} & {*earlier["train"], *earlier["validation"]}
            seen |= {*self.fold.validation} & {*earlier["train"]}
            if seen and _same_people(self.store, ancestor["store"]):
                fault = f"learned from subjects that {self.fold.name} holds out: {', '.join(sorted(seen))}"
                raise InputError(start, fault, "Start from a network pre-trained on the same fold")
            ancestor = ancestor.get("parent")

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
        }


def _same_people(store: Store, learned_from: Mapping[str, Any]) -> bool:
    """Whether subjects of the same name in two stores are the same people."""
    if store.content_hash == learned_from["content_hash"]:
        return True
    # Sleep-EDF-20 and -78 number the same people; two synthetic cohorts share numbers and nobody.
    family, other = (corpus.rpartition("-")[0] or corpus for corpus in (store.corpus, learned_from["corpus"]))
    return family == other and not (store.is_synthetic or learned_from["is_synthetic"])


def stages_of(log_probabilities: NDArray[np.float64]) -> NDArray[np.int8]:
    """The likeliest stage of every epoch, unscored where nothing could be read. Shape: [N, 5] → [N]"""
    is_scored = ~np.isnan(log_probabilities).any(axis=1)
    stage = np.full(len(log_probabilities), UNSCORED, np.int8)
    stage[is_scored] = log_probabilities[is_scored].argmax(axis=1)
    return stage


def figures_of(log_probabilities: NDArray[np.float64], reference: NDArray[np.int8]) -> dict[str, float]:
    """Validation's figures: accuracy, macro-F1 and κ over the epochs both sides scored."""
    found: Agreement = agreement(reference, stages_of(log_probabilities))
    return {"accuracy": found.accuracy, "macro_f1": found.macro_f1, "kappa": found.kappa}
