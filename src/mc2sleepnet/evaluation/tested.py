"""Held-out recordings as they were scored, and what they say together: pooled figures with intervals over subjects."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.metrics.agreement import (
    Agreement,
    accuracy,
    agreement_from_confusion,
    kappa,
    macro_f1,
    none_for_nan,
    stage_f1,
)
from mc2sleepnet.metrics.intervals import bootstrap_over_subjects

BOOTSTRAP_RESAMPLES = 2000
BOOTSTRAP_SEED = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOutRecording:
    """One held-out recording.

    Attributes
    ----------
    name, subject
        As the store names them.
    fold
        Number of the fold that held it out.
    n_epochs, n_reference_scored
        Epochs of the recording, and how many of them the reference scored.
    confusion
        Shape ``[5, 5]``, counts: rows reference, columns scored.
    """

    name: str
    subject: str
    fold: int
    n_epochs: int
    n_reference_scored: int
    confusion: NDArray[np.int64]

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and lists."""
        return {
            "name": self.name,
            "subject": self.subject,
            "fold": self.fold,
            "n_epochs": self.n_epochs,
            "n_reference_scored": self.n_reference_scored,
            "confusion": self.confusion.tolist(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "HeldOutRecording":
        """Rebuild from `to_json`."""
        return cls(**{**content, "confusion": np.array(content["confusion"], np.int64)})


@dataclass(frozen=True, kw_only=True, eq=False)
class Pooled:
    """What held-out recordings say together.

    Attributes
    ----------
    agreement
        Over all their epochs.
    intervals
        95 % intervals over subjects by figure: ``accuracy``, ``macro_f1``, ``kappa``, ``f1_W`` … ``f1_R``.
    per_subject
        Agreement of each subject's recordings.
    n_recordings, n_epochs, n_reference_scored
        What it rests on.
    """

    agreement: Agreement
    intervals: Mapping[str, tuple[float, float]]
    per_subject: Mapping[str, Agreement]
    n_recordings: int
    n_epochs: int
    n_reference_scored: int

    @property
    def coverage(self) -> float:
        """Share of the epochs the reference scored that we scored too."""
        return self.agreement.n_epochs / self.n_reference_scored if self.n_reference_scored else float("nan")

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, lists and dicts, with None for NaN."""
        return {
            "n_recordings": self.n_recordings,
            "n_subjects": len(self.per_subject),
            "coverage": none_for_nan(self.coverage),
            **self.agreement.to_json(),
            "intervals": {name: [none_for_nan(bound) for bound in pair] for name, pair in self.intervals.items()},
        }


def pool(recordings: Sequence[HeldOutRecording]) -> Pooled:
    """Pool held-out recordings; a subject tested by several seeds counts once, with all its matrices added."""
    confusions = subject_confusions(recordings)
    stacked = np.stack(list(confusions.values()))
    statistics = {"accuracy": accuracy, "macro_f1": macro_f1, "kappa": kappa}

    def interval(statistic: Any) -> tuple[float, float]:
        return bootstrap_over_subjects(stacked, statistic, n=BOOTSTRAP_RESAMPLES, seed=BOOTSTRAP_SEED)

    intervals = {name: interval(statistic) for name, statistic in statistics.items()}
    for stage, name in enumerate(STAGES):
        intervals[f"f1_{name}"] = interval(lambda confusion, stage=stage: float(stage_f1(confusion)[stage]))
    return Pooled(
        agreement=agreement_from_confusion(stacked.sum(axis=0)),
        intervals=intervals,
        per_subject={subject: agreement_from_confusion(confusion) for subject, confusion in confusions.items()},
        n_recordings=len(recordings),
        n_epochs=sum(recording.n_epochs for recording in recordings),
        n_reference_scored=sum(recording.n_reference_scored for recording in recordings),
    )


def subject_confusions(recordings: Iterable[HeldOutRecording]) -> dict[str, NDArray[np.int64]]:
    """Confusion matrix of each subject, all its recordings added, in order of the subjects' numbers."""
    confusions: dict[str, NDArray[np.int64]] = {}
    for recording in recordings:
        none_yet = np.zeros_like(recording.confusion)
        confusions[recording.subject] = confusions.get(recording.subject, none_yet) + recording.confusion
    return dict(sorted(confusions.items(), key=lambda item: (len(item[0]), item[0])))
