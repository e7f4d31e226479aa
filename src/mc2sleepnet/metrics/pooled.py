"""One scorer against the reference over all nights: every figure with its interval over subjects."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.metrics.confusions import (
    accuracies,
    kappas,
    macro_f1s,
    precisions,
    ratio,
    recalls,
    row_shares,
    stage_f1s,
)
from mc2sleepnet.metrics.differences import Differences, differences
from mc2sleepnet.metrics.estimate import Estimate, by_subject, estimate, estimate_mean
from mc2sleepnet.metrics.intervals import Subjects
from mc2sleepnet.metrics.night_agreement import NightAgreement


@dataclass(frozen=True, kw_only=True, eq=False)
class PooledAgreement:
    """Agreement over R nights of S subjects.

    Attributes
    ----------
    n_nights, n_subjects, n_epochs, n_reference_scored
        What it rests on: nights, subjects, epochs both sides scored, epochs the reference scored.
    accuracy, macro_f1, kappa, coverage, accuracy_unscored_as_wrong
        Over the pooled epochs.
    f1, precision, recall
        Shape ``[5]``.
    support
        Shape ``[5]``: epochs of each stage in the reference.
    confusion, confusion_shares
        Shape ``[5, 5]``: counts; and each reference stage's row as shares.
    mean_accuracy, mean_macro_f1, mean_kappa
        Means over nights, each night weighing the same.
    transitions_reference, transitions_scored
        Shape ``[5, 5]``: probability of the next epoch's stage after each.
    changes
        Shape ``[6]``: recall, precision and F1 of stage changes placed exactly; the same within one epoch.
    error_by_distance, n_by_distance
        Shape ``[11]``: share of errors at 0 to 9 and 10 or more epochs from a change in the reference, and epochs.
    statistics
        Bias and limits of agreement of the sleep statistics.
    """

    n_nights: int
    n_subjects: int
    n_epochs: int
    n_reference_scored: int
    accuracy: Estimate
    macro_f1: Estimate
    kappa: Estimate
    coverage: Estimate
    accuracy_unscored_as_wrong: Estimate
    f1: Estimate
    precision: Estimate
    recall: Estimate
    support: NDArray[np.int64]
    confusion: NDArray[np.int64]
    confusion_shares: Estimate
    mean_accuracy: Estimate
    mean_macro_f1: Estimate
    mean_kappa: Estimate
    transitions_reference: Estimate
    transitions_scored: Estimate
    changes: Estimate
    error_by_distance: Estimate
    n_by_distance: NDArray[np.int64]
    statistics: Differences

    @property
    def told(self) -> str:
        """The least that can be said of it, on one line."""
        figures = f"κ {float(self.kappa):.3f}, accuracy {float(self.accuracy):.3f}, {self.n_epochs} epochs"
        return f"{figures} (recordings: {self.n_nights}, subjects: {self.n_subjects})"

    def __repr__(self) -> str:
        return f"<PooledAgreement {self.told}>"


def pool(nights: NightAgreement, subject: NDArray[np.intp], subjects: Subjects) -> PooledAgreement:
    """Pool nights.

    Parameters
    ----------
    nights
        R nights.
    subject
        Shape ``[R]``: index of each night's subject.
    subjects
        Their resamples.
    """

    def per_subject(values: NDArray[np.generic]) -> NDArray[np.float64]:
        return by_subject(values, subject, subjects.n_subjects)

    confusions = per_subject(nights.confusion)
    n_common = nights.confusion.sum(axis=(1, 2))
    n_right = np.trace(nights.confusion, axis1=1, axis2=2)
    shares = per_subject(np.stack([n_common, n_right, nights.n_reference_scored], axis=1))
    return PooledAgreement(
        n_nights=len(nights),
        n_subjects=subjects.n_subjects,
        n_epochs=int(n_common.sum()),
        n_reference_scored=int(nights.n_reference_scored.sum()),
        accuracy=estimate(accuracies, confusions, subjects),
        macro_f1=estimate(macro_f1s, confusions, subjects),
        kappa=estimate(kappas, confusions, subjects),
        coverage=estimate(lambda sums: ratio(sums[..., 0], sums[..., 2]), shares, subjects),
        accuracy_unscored_as_wrong=estimate(lambda sums: ratio(sums[..., 1], sums[..., 2]), shares, subjects),
        f1=estimate(stage_f1s, confusions, subjects),
        precision=estimate(precisions, confusions, subjects),
        recall=estimate(recalls, confusions, subjects),
        support=nights.confusion.sum(axis=(0, 2)),
        confusion=nights.confusion.sum(axis=0),
        confusion_shares=estimate(row_shares, confusions, subjects),
        mean_accuracy=estimate_mean(accuracies(nights.confusion), subject, subjects),
        mean_macro_f1=estimate_mean(macro_f1s(nights.confusion), subject, subjects),
        mean_kappa=estimate_mean(kappas(nights.confusion), subject, subjects),
        transitions_reference=estimate(row_shares, per_subject(nights.transitions_reference), subjects),
        transitions_scored=estimate(row_shares, per_subject(nights.transitions_scored), subjects),
        changes=estimate(_changes, per_subject(nights.changes), subjects),
        error_by_distance=estimate(
            lambda sums: ratio(sums[..., 1], sums[..., 0]), per_subject(nights.errors_by_distance), subjects
        ),
        n_by_distance=nights.errors_by_distance[:, :, 0].sum(axis=0),
        statistics=differences(nights.statistics_reference, nights.statistics_scored, subject, subjects),
    )


def pool_groups(
    nights: NightAgreement, subject: NDArray[np.intp], groups: Sequence[str], *, seed: int
) -> dict[str, PooledAgreement]:
    """Pool the nights of each group by itself, in order of the groups' names.

    Parameters
    ----------
    nights, subject
        As in `pool`.
    groups
        R names, one a night; empty where a night's group is not known, which is left out.
    """
    pooled = {}
    names = np.array(groups)
    for group in group_names(groups):
        is_in = names == group
        found, own = np.unique(subject[is_in], return_inverse=True)
        pooled[group] = pool(nights.of_nights(is_in), own.astype(np.intp), Subjects(len(found), seed=seed))
    return pooled


def group_names(groups: Sequence[str]) -> list[str]:
    """The groups there are, those that begin with numbers in their order."""
    return sorted({name for name in groups if name}, key=_in_order_of_numbers)


def _in_order_of_numbers(name: str) -> tuple[float, str]:
    number = name.lstrip("<≤ ").split("–")[0].split(" ")[0]
    try:
        return (float(number) - (0.5 if name.startswith("<") else 0), name)
    except ValueError:
        return (np.inf, name)


def _changes(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Recall, precision and F1, exactly and within one epoch, from `matched_changes`."""
    n_reference, n_scored = sums[..., 0], sums[..., 1]
    figures = []
    for first in (2, 4):
        found, met = sums[..., first], sums[..., first + 1]
        recall, precision = ratio(found, n_reference), ratio(met, n_scored)
        f1 = ratio(found + met, n_reference + n_scored)
        figures += [recall, precision, f1]
    return np.stack(figures, axis=-1)
