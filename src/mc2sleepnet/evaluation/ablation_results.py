"""The results of an ablation: every setting with its intervals, tested against the full one, noise called noise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mc2sleepnet.evaluation.crossval_results import SYNTHETIC
from mc2sleepnet.evaluation.tested import HeldOutRecording, Pooled, pool, subject_confusions
from mc2sleepnet.metrics.agreement import agreement_from_confusion, none_for_nan
from mc2sleepnet.metrics.confusions import kappas
from mc2sleepnet.metrics.intervals import Subjects
from mc2sleepnet.metrics.paired import SIGNIFICANT, Difference, holm, paired_difference

BETTER, WORSE, NOISE, REFERENCE, UNTESTED = (
    "better",
    "worse",
    "no difference beyond noise",
    "reference",
    "not tested",
)
TOO_FEW = "too few subjects to tell"


@dataclass(frozen=True, kw_only=True)
class SettingResult:
    """The finished cells of one setting.

    Attributes
    ----------
    name, beside
        Of the setting, and of the one it is tested against.
    labelled_nights
        Training nights whose stages were known; 0 for all.
    by_run
        Test recordings by fold and seed.
    seconds
        Spent on all of its cells.
    """

    name: str
    beside: str
    labelled_nights: int
    by_run: Mapping[tuple[int, int], Sequence[HeldOutRecording]]
    seconds: float

    @cached_property
    def pooled(self) -> Pooled:
        """Over all of its runs."""
        return pool([recording for run in self.by_run.values() for recording in run])

    @property
    def kappa_by_seed(self) -> dict[int, float]:
        """κ over the folds of each seed."""
        seeds = sorted({seed for _, seed in self.by_run})
        return {seed: self._kappa([run for (_, s), run in self.by_run.items() if s == seed]) for seed in seeds}

    @staticmethod
    def _kappa(runs: Sequence[Sequence[HeldOutRecording]]) -> float:
        confusions = [recording.confusion for run in runs for recording in run]
        return agreement_from_confusion(np.sum(confusions, axis=0)).kappa

    @property
    def seed_spread(self) -> float:
        """Standard deviation of κ between seeds; NaN for one."""
        values = list(self.kappa_by_seed.values())
        return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


@dataclass(frozen=True, kw_only=True)
class Row:
    """A setting beside its reference."""

    result: SettingResult
    difference: Difference | None
    p_holm: float
    verdict: str


@dataclass(frozen=True, kw_only=True)
class AblationResults:
    """What came out of an ablation or a label-efficiency study.

    Attributes
    ----------
    recipe
        Its name.
    is_label_study
        Whether settings differ by how many nights are labelled.
    settings
        Finished ones, the full one first.
    n_unfinished
        Cells that are not in.
    is_synthetic
        True where no person was recorded.
    facts
        What made this.
    """

    recipe: str
    is_label_study: bool
    settings: Sequence[SettingResult]
    n_unfinished: int
    is_synthetic: bool
    facts: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Of the tables."""
        return f"{'Label efficiency' if self.is_label_study else 'Ablation'}: {self.recipe}"

    @cached_property
    def rows(self) -> list[Row]:
        """Every setting with its test against its reference, p values adjusted for how many tests there are."""
        of_name = {setting.name: setting for setting in self.settings}
        differences = [
            None if setting.beside == setting.name else _difference(setting, of_name.get(setting.beside))
            for setting in self.settings
        ]
        p = holm(np.array([math.nan if one is None else one.p for one in differences]))
        return [
            Row(
                result=setting,
                difference=difference,
                p_holm=float(adjusted),
                verdict=_verdict(
                    setting, of_name.get(setting.beside), difference, float(adjusted), can_tell=self.can_tell
                ),
            )
            for setting, difference, adjusted in zip(self.settings, differences, p, strict=True)
        ]

    def caveats(self) -> list[str]:
        """What a reader must know before the figures, one sentence each."""
        told = [SYNTHETIC] if self.is_synthetic else []
        if self.n_unfinished:
            told.append(f"{self.n_unfinished} cells are not finished: settings with fewer runs are less sure.")
        if not self.can_tell:
            n_subjects = len(self.settings[0].pooled.per_subject)
            told.append(
                f"{n_subjects} test subjects are too few to tell any of {self.n_tests} differences from chance: the "
                "smallest p there can be is not significant."
            )
        return told

    @property
    def n_tests(self) -> int:
        """How many settings have something they can be tested against."""
        names = {setting.name for setting in self.settings}
        return sum(setting.beside != setting.name and setting.beside in names for setting in self.settings)

    @property
    def can_tell(self) -> bool:
        """Whether the smallest p of so few subjects, adjusted for so many tests, would be significant at all."""
        n_subjects = len(self.settings[0].pooled.per_subject)
        return 2 * 0.5**n_subjects * self.n_tests < SIGNIFICANT

    def to_json(self) -> dict[str, Any]:
        """All of it as plain numbers, lists and dicts."""
        return {
            "recipe": self.recipe,
            "study": "labels" if self.is_label_study else "ablation",
            "is_synthetic": self.is_synthetic,
            "n_unfinished": self.n_unfinished,
            "settings": [
                {
                    "name": row.result.name,
                    "beside": row.result.beside if row.difference else None,
                    "labelled_nights": row.result.labelled_nights or None,
                    "runs": [{"fold": fold, "seed": seed} for fold, seed in sorted(row.result.by_run)],
                    "seconds": round(row.result.seconds, 1),
                    "kappa_by_seed": {str(s): none_for_nan(k) for s, k in row.result.kappa_by_seed.items()},
                    "pooled": row.result.pooled.to_json(),
                    "difference_of_kappa": _difference_json(row),
                    "verdict": row.verdict,
                }
                for row in self.rows
            ],
            "facts": dict(self.facts),
        }


def _difference(setting: SettingResult, reference: SettingResult | None) -> Difference | None:
    """Of κ, over the runs that both have."""
    if reference is None:
        return None
    common = sorted(set(setting.by_run) & set(reference.by_run))
    if not common:
        return None
    ours, theirs = (
        subject_confusions(recording for run in common for recording in one.by_run[run]) for one in (setting, reference)
    )
    assert list(ours) == list(theirs), "the same folds have the same test subjects"
    first, second = (np.stack(list(confusions.values())) for confusions in (theirs, ours))
    return paired_difference(first, second, kappas, subjects=Subjects(len(first)))


def _verdict(
    setting: SettingResult,
    reference: SettingResult | None,
    difference: Difference | None,
    p_holm: float,
    *,
    can_tell: bool,
) -> str:
    if setting.name == setting.beside:
        return REFERENCE
    if difference is None or reference is None or math.isnan(difference.low):
        return UNTESTED
    excludes_zero = difference.low > 0 or difference.high < 0
    spread = 0.0 if math.isnan(reference.seed_spread) else reference.seed_spread
    if not (excludes_zero and abs(difference.difference) > spread):
        return NOISE
    if p_holm < SIGNIFICANT:
        return BETTER if difference.difference > 0 else WORSE
    return NOISE if can_tell else TOO_FEW


def _difference_json(row: Row) -> dict[str, float | None] | None:
    if row.difference is None:
        return None
    values = {name: none_for_nan(value) for name, value in vars(row.difference).items()}
    return values | {"p_holm": none_for_nan(row.p_holm)}
