"""A scorer's probabilities over all nights: every figure with its interval over subjects."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.metrics.confusions import ratio
from mc2sleepnet.metrics.estimate import Estimate, by_subject, estimate
from mc2sleepnet.metrics.intervals import Subjects
from mc2sleepnet.metrics.probability_counts import (
    ProbabilityCounts,
    area_under_risk_coverage,
    brier_score,
    calibration_error,
    calibration_error_by_chance,
    risk_coverage,
)

COVERAGES = (0.5, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """How far probabilities can be believed.

    Attributes
    ----------
    n_epochs
        Epochs both sides scored that carry probabilities.
    ece, ece_by_chance
        Expected calibration error, and what it would be by chance were every probability true: its bias.
    brier
        Brier score, 0 to 2.
    aurc
        Area under the risk-coverage curve.
    n_in_bin, confidence_in_bin, accuracy_in_bin
        Shape ``[15]``: the reliability diagram.
    coverage, risk
        Shape ``[121]``: share of epochs kept, surest first, and the error among them.
    risk_at
        Shape ``[6]``: the error among the surest epochs at `COVERAGES`.
    """

    n_epochs: int
    ece: Estimate
    ece_by_chance: float
    brier: Estimate
    aurc: Estimate
    n_in_bin: NDArray[np.int64]
    confidence_in_bin: NDArray[np.float64]
    accuracy_in_bin: Estimate
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    risk_at: Estimate


def calibrate(counts: ProbabilityCounts, subject: NDArray[np.intp], subjects: Subjects) -> Calibration:
    """Pool nights.

    Parameters
    ----------
    counts
        R nights, a first axis in every field.
    subject
        Shape ``[R]``: index of each night's subject.
    subjects
        Their resamples.
    """
    bins = by_subject(counts.bins, subject, subjects.n_subjects)
    levels = by_subject(counts.levels, subject, subjects.n_subjects)
    pooled = counts.bins.sum(axis=0)
    coverage, risk = risk_coverage(counts.levels.sum(axis=0))
    return Calibration(
        n_epochs=int(counts.brier[:, 0].sum()),
        ece=estimate(calibration_error, bins, subjects),
        ece_by_chance=float(calibration_error_by_chance(pooled)),
        brier=estimate(brier_score, by_subject(counts.brier, subject, subjects.n_subjects), subjects),
        aurc=estimate(area_under_risk_coverage, levels, subjects),
        n_in_bin=pooled[:, 0].astype(np.int64),
        confidence_in_bin=ratio(pooled[:, 1], pooled[:, 0]),
        accuracy_in_bin=estimate(lambda sums: ratio(sums[..., 2], sums[..., 0]), bins, subjects),
        coverage=coverage,
        risk=risk,
        risk_at=estimate(_risk_at, levels, subjects),
    )


def _risk_at(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Error among the surest share of epochs, within a level in proportion."""
    flat = levels.reshape(-1, *levels.shape[-2:])
    risks = np.full((len(flat), len(COVERAGES)), np.nan)
    for row, one in enumerate(np.cumsum(flat, axis=1)):
        total = one[-1, 0]
        if total > 0:
            wanted = np.array(COVERAGES) * total
            n_kept, n_wrong = np.concatenate([[0.0], one[:, 0]]), np.concatenate([[0.0], one[:, 1]])
            is_new = np.concatenate([[True], np.diff(n_kept) > 0])
            risks[row] = np.interp(wanted, n_kept[is_new], n_wrong[is_new]) / wanted
    return risks.reshape(*levels.shape[:-2], len(COVERAGES))
