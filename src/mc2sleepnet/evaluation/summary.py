"""From counted nights to every figure: pooled, by group, all scorers together, and every two of them."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.evaluation.night import Night, system_pairs
from mc2sleepnet.evaluation.result import Evaluation, ScorerResult, SystemsResult
from mc2sleepnet.evaluation.subjects_table import SubjectsTable
from mc2sleepnet.metrics.calibrated import Calibration, calibrate
from mc2sleepnet.metrics.confusions import accuracies, kappas, macro_f1s
from mc2sleepnet.metrics.estimate import by_subject
from mc2sleepnet.metrics.intervals import N_RESAMPLES, Subjects
from mc2sleepnet.metrics.night_agreement import NightAgreement
from mc2sleepnet.metrics.paired import Difference, holm, paired_difference
from mc2sleepnet.metrics.pooled import group_names, pool, pool_groups
from mc2sleepnet.metrics.probability_counts import ProbabilityCounts
from mc2sleepnet.metrics.several_scorers import SeveralScorers, pool_scorers

FIGURES: Final = {"accuracy": accuracies, "macro_f1": macro_f1s, "kappa": kappas}


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
    results = []
    for index, label in enumerate(labels[1:]):
        which = np.array([i for i, night in enumerate(nights) if night.scored[index] is not None], dtype=np.intp)
        own = [one for night in nights if (one := night.scored[index]) is not None]
        if not own:
            continue
        subject, subjects = _resamples(table.subjects, which, n_resamples, seed)
        counts = NightAgreement.stack([one.agreement for one in own])

        def calibration_of(nights_in: Sequence[int], index: int = index) -> Calibration | None:
            kept = [(i, scored.probabilities) for i in nights_in if (scored := nights[i].scored[index]) is not None]
            known = [(i, one) for i, one in kept if one is not None]
            if not known:
                return None
            subject, subjects = _resamples(table.subjects, np.array([i for i, _ in known]), n_resamples, seed)
            return calibrate(ProbabilityCounts.stack([one for _, one in known]), subject, subjects)

        results.append(
            ScorerResult(
                label=label,
                is_machine=is_machine[index + 1],
                nights=which,
                counts=counts,
                pooled=pool(counts, subject, subjects),
                calibration=calibration_of(which.tolist()),
                group_calibration={
                    column: {
                        group: calibration_of([i for i in which.tolist() if groups[i] == group])
                        for group in group_names([groups[i] for i in which.tolist()])
                    }
                    for column, groups in table.groups.items()
                },
                groups={
                    column: pool_groups(counts, subject, [groups[i] for i in which], seed=seed)
                    for column, groups in table.groups.items()
                },
            )
        )

    def together(which: Sequence[int]) -> SeveralScorers | None:
        kept = [i for i in which if nights[i].scorers is not None]
        if not kept or not results:
            return None
        subject, subjects = _resamples(table.subjects, np.array(kept), n_resamples, seed)
        counted = [scorers for i in kept if (scorers := nights[i].scorers) is not None]
        return pool_scorers(counted, np.array(is_machine), subject, subjects)

    several_groups = {
        column: {
            group: pooled
            for group in group_names(groups)
            if (pooled := together([i for i, name in enumerate(groups) if name == group])) is not None
        }
        for column, groups in table.groups.items()
    }
    return Evaluation(
        reference=labels[0],
        scorers=tuple(results),
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
    return subject.astype(np.intp), _subjects(len(found), n_resamples, seed)


@lru_cache(maxsize=8)
def _subjects(n_subjects: int, n_resamples: int, seed: int) -> Subjects:
    """The same resamples for every figure of as many subjects: to draw them takes a while."""
    return Subjects(n_subjects, n=n_resamples, seed=seed)


def _systems(
    nights: Sequence[Night], others: Sequence[str], names: Sequence[str], n_resamples: int, seed: int
) -> tuple[SystemsResult, ...]:
    pairs = system_pairs(len(others))
    if not pairs or not nights:
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
