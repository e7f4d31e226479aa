"""Any number of scorers against a reference, over any number of nights: everything `evaluate` tells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.cluster import run_jobs
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.evaluation.night import Night, NightFiles, count_night, system_pairs
from mc2sleepnet.evaluation.pairing import Paired, pair
from mc2sleepnet.evaluation.subjects_table import SubjectsTable, read_subjects, without_table
from mc2sleepnet.metrics.calibrated import Calibration, calibrate
from mc2sleepnet.metrics.confusions import accuracies, kappas, macro_f1s
from mc2sleepnet.metrics.estimate import by_subject
from mc2sleepnet.metrics.intervals import N_RESAMPLES, Subjects
from mc2sleepnet.metrics.night_agreement import NightAgreement
from mc2sleepnet.metrics.paired import SIGNIFICANT, Difference, holm, paired_difference
from mc2sleepnet.metrics.pooled import PooledAgreement, group_names, pool, pool_groups
from mc2sleepnet.metrics.probability_counts import ProbabilityCounts
from mc2sleepnet.metrics.several_scorers import SeveralScorers, pool_scorers

FIGURES = {"accuracy": accuracies, "macro_f1": macro_f1s, "kappa": kappas}
_NIGHTS_PER_JOB = 25


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
    groups
        By column of the subjects table, and by group.
    """

    label: str
    is_machine: bool
    nights: NDArray[np.intp]
    counts: NightAgreement
    pooled: PooledAgreement
    calibration: Calibration | None
    groups: Mapping[str, Mapping[str, PooledAgreement]]


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

    @property
    def labels(self) -> tuple[str, ...]:
        """All scorers, the reference first."""
        return (self.reference, *(scorer.label for scorer in self.scorers))


def evaluate_paths(
    reference: str,
    predicted: Sequence[str] = (),
    *,
    subjects_table: Path | None = None,
    by: Sequence[str] = (),
    person: str | None = None,
    machines: Sequence[str] = (),
    workers: int = 1,
    seed: int = 0,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> tuple[Evaluation, Paired]:
    """Compare hypnogram files or folders.

    Parameters
    ----------
    reference, predicted
        Files or folders of any format, ``PATH`` or ``PATH:COLUMN``; see `scorers_of` and `pair`.
    subjects_table, by, person
        A table about them, its columns to group by, and its column that names the person; see `read_subjects`.
    machines
        Labels of scorers that are no people; those that write probabilities are known to be none.
    workers
        Processes that read side by side.
    seed
        Of the resamples.
    progress
        Told nights done, nights in all, and the name of one.

    Returns
    -------
    evaluation, paired
        The result, and the files it is of.

    Raises
    ------
    InputError
        If nothing could be compared; what could not be read beside others is in `Evaluation.failures`.
    """
    if by and subjects_table is None:
        raise InputError("--by", f"there is no table with a column '{by[0]}'", "Name the table with --subjects")
    paired = pair(reference, predicted, machines=machines)
    if subjects_table is not None:  # before the nights are read: a wrong column should not cost minutes
        read_subjects(subjects_table, [night.name for night in paired.nights], by=by, person=person)
    nights, failures = _count(paired.nights, workers, progress)
    if not any(one is not None for night in nights for one in night.scored):
        raise (failures or [InputError(reference, "nothing could be compared with it", "Check the files")])[0]
    names = [night.name for night in nights]
    table = (
        without_table(names) if subjects_table is None else read_subjects(subjects_table, names, by=by, person=person)
    )
    evaluation = summarise(
        nights,
        labels=[scorer.label for scorer in paired.scorers],
        is_machine=paired.is_machine,
        table=table,
        unpaired=paired.unpaired,
        failures=(*paired.failures, *failures),
        seed=seed,
    )
    return evaluation, paired


def _count(
    files: Sequence[NightFiles], workers: int, progress: Callable[[int, int, str], None]
) -> tuple[list[Night], list[InputError]]:
    edges = [*range(0, len(files), _NIGHTS_PER_JOB), len(files)]
    jobs = [tuple(files[first:end]) for first, end in pairwise(edges)]
    found: list[list[Night | InputError] | InputError] = [[] for _ in jobs]
    done = 0
    for ended in run_jobs(_count_nights, jobs, workers=workers, name_of=lambda job: str(job[0].reference)):
        value = ended.value if ended.error is None else ended.error
        assert value is not None
        found[ended.index] = value
        done += len(jobs[ended.index])
        progress(done, len(files), jobs[ended.index][-1].name)
    outcomes = [one for group in found for one in ([group] if isinstance(group, InputError) else group)]
    nights = [one for one in outcomes if isinstance(one, Night)]
    failures = [one for one in outcomes if isinstance(one, InputError)]
    return nights, [*failures, *(error for night in nights for error in night.errors)]


def _count_nights(files: Sequence[NightFiles]) -> list[Night | InputError]:
    outcomes: list[Night | InputError] = []
    for one in files:
        try:
            outcomes.append(count_night(one))
        except InputError as error:
            outcomes.append(error)
    return outcomes


def summarise(
    nights: Sequence[Night],
    *,
    labels: Sequence[str],
    is_machine: Sequence[bool],
    table: SubjectsTable,
    unpaired: Mapping[str, Sequence[str]] | None = None,
    failures: Sequence[InputError] = (),
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Evaluation:
    """Every figure over nights that are counted.

    Parameters
    ----------
    nights
        As `count_night` gives them, the same scorers in each.
    labels, is_machine
        Of the reference and the others.
    table
        Subjects and groups of the nights.
    unpaired, failures
        Handed on.
    n_resamples, seed
        Of the bootstrap over subjects.
    """
    scorers = []
    for index, label in enumerate(labels[1:]):
        which = np.array([i for i, night in enumerate(nights) if night.scored[index] is not None], dtype=np.intp)
        own = [one for night in nights if (one := night.scored[index]) is not None]
        if not own:
            continue
        subject, subjects = _resamples(table.subjects, which, n_resamples, seed)
        counts = NightAgreement.stack([one.agreement for one in own])
        has_probabilities = np.array([one.probabilities is not None for one in own])
        calibration = None
        if has_probabilities.any():
            with_subject, with_subjects = _resamples(table.subjects, which[has_probabilities], n_resamples, seed)
            stacked = ProbabilityCounts.stack([one.probabilities for one in own if one.probabilities is not None])
            calibration = calibrate(stacked, with_subject, with_subjects)
        scorers.append(
            ScorerResult(
                label=label,
                is_machine=is_machine[index + 1],
                nights=which,
                counts=counts,
                pooled=pool(counts, subject, subjects),
                calibration=calibration,
                groups={
                    column: pool_groups(counts, subject, [groups[i] for i in which], seed=seed)
                    for column, groups in table.groups.items()
                },
            )
        )

    def together(which: Sequence[int]) -> SeveralScorers | None:
        kept = [i for i in which if nights[i].scorers is not None]
        if not kept:
            return None
        subject, subjects = _resamples(table.subjects, np.array(kept), n_resamples, seed)
        counted = [scorers for i in kept if (scorers := nights[i].scorers) is not None]
        return pool_scorers(counted, np.array(is_machine), subject, subjects)

    several_groups = {
        column: {
            group: one
            for group in group_names(groups)
            if (one := together([i for i, name in enumerate(groups) if name == group])) is not None
        }
        for column, groups in table.groups.items()
    }
    return Evaluation(
        reference=labels[0],
        scorers=tuple(scorers),
        nights=tuple(nights),
        subjects=table.subjects,
        several=together(range(len(nights))),
        several_groups=several_groups,
        systems=_systems(nights, labels[1:], table.subjects, n_resamples, seed),
        groups=table.groups,
        unpaired=unpaired or {},
        failures=tuple(failures),
        is_synthetic=any(night.is_synthetic for night in nights),
    )


def _resamples(
    names: Sequence[str], which: NDArray[np.intp], n_resamples: int, seed: int
) -> tuple[NDArray[np.intp], Subjects]:
    """Index of the subject of some of the nights, and the resamples of these subjects."""
    found, subject = np.unique(np.array(names)[which], return_inverse=True)
    return subject.astype(np.intp), Subjects(len(found), n=n_resamples, seed=seed)


def _systems(
    nights: Sequence[Night], others: Sequence[str], names: Sequence[str], n_resamples: int, seed: int
) -> tuple[SystemsResult, ...]:
    pairs = system_pairs(len(others))
    if not pairs:
        return ()
    counts = np.stack([night.systems for night in nights])
    found: list[tuple[int, int, int, int, dict[str, Difference]]] = []
    for index, (first, second) in enumerate(pairs):
        # Subjects without an epoch in common would only pretend that there are more of them.
        which = np.flatnonzero(counts[:, index, 0].sum(axis=(1, 2)))
        if not len(which):
            continue
        subject, subjects = _resamples(names, which, n_resamples, seed)
        a, b = (
            by_subject(counts[which, index, side], subject, subjects.n_subjects).astype(np.int64) for side in (0, 1)
        )
        differences = {
            name: paired_difference(a, b, statistic, subjects=subjects, seed=seed)
            for name, statistic in FIGURES.items()
        }
        found.append((first, second, subjects.n_subjects, int(a.sum()), differences))
    adjusted = {name: holm(np.array([differences[name].p for *_, differences in found])) for name in FIGURES}
    return tuple(
        SystemsResult(
            first=others[first],
            second=others[second],
            n_subjects=n_subjects,
            n_epochs=n_epochs,
            differences=differences,
            adjusted_p={name: float(adjusted[name][row]) for name in FIGURES},
        )
        for row, (first, second, n_subjects, n_epochs, differences) in enumerate(found)
    )
