"""Everything an evaluation tells: each scorer against the reference, all together, and two against each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.evaluation.night import Night
from mc2sleepnet.metrics.agreement import Agreement, agreement_from_confusion
from mc2sleepnet.metrics.calibrated import Calibration
from mc2sleepnet.metrics.night_agreement import NightAgreement
from mc2sleepnet.metrics.paired import SIGNIFICANT, Difference
from mc2sleepnet.metrics.pooled import PooledAgreement
from mc2sleepnet.metrics.several_scorers import SeveralScorers

POOLED_FIGURES: Final = ("accuracy", "macro_f1", "kappa", "coverage", "accuracy_unscored_as_wrong")
STAGE_FIGURES: Final = ("f1", "precision", "recall")


@dataclass(frozen=True, kw_only=True, eq=False)
class ScorerResult:
    """One scorer against the reference.

    Attributes
    ----------
    label
        The scorer.
    is_machine
        Whether no person scored.
    nights
        Indices of the nights it has, into `Evaluation.nights`.
    counts
        Of these nights.
    pooled
        Over them.
    calibration
        Of its probabilities; None where it has none.
    group_calibration
        The same by column of the subjects table, and by group.
    groups
        By column of the subjects table, and by group.
    """

    label: str
    is_machine: bool
    nights: NDArray[np.intp]
    counts: NightAgreement
    pooled: PooledAgreement
    calibration: Calibration | None
    group_calibration: Mapping[str, Mapping[str, Calibration | None]]
    groups: Mapping[str, Mapping[str, PooledAgreement]]

    def __repr__(self) -> str:
        return f"<ScorerResult {self.label}: {self.pooled.told}>"


@dataclass(frozen=True, kw_only=True)
class SystemsResult:
    """Two scorers judged by the reference on the same epochs.

    Attributes
    ----------
    first, second
        Their labels.
    n_subjects, n_epochs
        What it rests on.
    differences
        By figure: accuracy, macro_f1, kappa.
    adjusted_p
        By figure: p adjusted for the number of pairs of systems (Holm).
    """

    first: str
    second: str
    n_subjects: int
    n_epochs: int
    differences: Mapping[str, Difference]
    adjusted_p: Mapping[str, float]

    def verdict(self, figure: str) -> str:
        """Which of the two is higher, or that no difference is shown."""
        difference = self.differences[figure]
        if self.adjusted_p[figure] < SIGNIFICANT and (difference.low > 0 or difference.high < 0):
            return f"{self.second if difference.difference > 0 else self.first} higher"
        return "no difference shown"


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """Agreement of scorers with a reference.

    Attributes
    ----------
    reference
        Label of the scorer that is taken as right.
    scorers
        The others.
    nights
        What was compared.
    subjects
        Of each night.
    several
        All of them together; None with fewer than two scorers on every night.
    several_groups
        The same by column of the subjects table, and by group.
    systems
        Every two of the others; empty with one.
    groups
        By column of the subjects table: each night's group.
    unpaired
        By label, recordings without a counterpart.
    failures
        What could not be read.
    is_synthetic
        Whether any file says that no person was recorded.
    """

    reference: str
    scorers: tuple[ScorerResult, ...]
    nights: tuple[Night, ...]
    subjects: tuple[str, ...]
    several: SeveralScorers | None
    several_groups: Mapping[str, Mapping[str, SeveralScorers]]
    systems: tuple[SystemsResult, ...]
    groups: Mapping[str, Sequence[str]]
    unpaired: Mapping[str, Sequence[str]]
    failures: tuple[InputError, ...]
    is_synthetic: bool

    def __repr__(self) -> str:
        scorers = "; ".join(f"{scorer.label} {scorer.pooled.told}" for scorer in self.scorers) or "nobody"
        synthetic = ", synthetic" if self.is_synthetic else ""
        return f"<Evaluation against {self.reference}{synthetic}: {scorers}>"

    @property
    def labels(self) -> tuple[str, ...]:
        """All scorers, the reference first."""
        return (self.reference, *(scorer.label for scorer in self.scorers))

    @property
    def first(self) -> ScorerResult:
        """The first scorer beside the reference.

        Raises
        ------
        InputError
            If nothing could be compared.
        """
        if not self.scorers:
            fault, remedy = "nothing could be compared with it", "Check the files"
            raise next(iter(self.failures), InputError(self.reference, fault, remedy))
        return self.scorers[0]

    @property
    def agreement(self) -> Agreement:
        """Of the first scorer over the pooled epochs, without intervals."""
        return agreement_from_confusion(self.first.pooled.confusion)

    @property
    def accuracy(self) -> float:
        """Of the first scorer, pooled; its interval is in `intervals`, as those of all the following."""
        return float(self.first.pooled.accuracy)

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the stages that occur."""
        return float(self.first.pooled.macro_f1)

    @property
    def kappa(self) -> float:
        """Cohen's κ."""
        return float(self.first.pooled.kappa)

    @property
    def coverage(self) -> float:
        """Share of the epochs the reference scored that the first scorer scored too."""
        return float(self.first.pooled.coverage)

    @property
    def accuracy_unscored_as_wrong(self) -> float:
        """Accuracy with the epochs the first scorer left out counted as wrong."""
        return float(self.first.pooled.accuracy_unscored_as_wrong)

    @property
    def f1(self) -> dict[str, float]:
        """By stage."""
        return dict(zip(STAGES, self.first.pooled.f1.value.tolist(), strict=True))

    @property
    def precision(self) -> dict[str, float]:
        """By stage."""
        return dict(zip(STAGES, self.first.pooled.precision.value.tolist(), strict=True))

    @property
    def recall(self) -> dict[str, float]:
        """By stage."""
        return dict(zip(STAGES, self.first.pooled.recall.value.tolist(), strict=True))

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Counts, shape ``[5, 5]``: rows the reference, columns the first scorer."""
        return self.first.pooled.confusion

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % intervals over subjects by figure, those of a stage as ``f1_N1``; NaN for fewer than two subjects."""
        pooled = self.first.pooled
        found = {name: getattr(pooled, name).interval for name in POOLED_FIGURES}
        for name in STAGE_FIGURES:
            found |= {f"{name}_{stage}": getattr(pooled, name).interval[i] for i, stage in enumerate(STAGES)}
        return {name: (float(low), float(high)) for name, (low, high) in found.items()}

    def to_json(self) -> dict[str, object]:
        """Plain numbers, lists and dicts, with None for NaN; the keys are in docs/contract.md."""
        from mc2sleepnet.evaluation.as_json import evaluation_json

        return evaluation_json(self)

    def to_text(self) -> str:
        """Aligned plain text for a terminal, without a last line end."""
        from mc2sleepnet.evaluation.text import evaluation_text

        return evaluation_text(self)

    def to_csv(self) -> str:
        """One row for all, each group, each subject and each recording."""
        from mc2sleepnet.evaluation.rows import table_csv

        return table_csv(self)
