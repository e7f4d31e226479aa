"""An evaluation for machines. The keys are a promise: docs/contract.md lists them, and a test compares."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.evaluation.result import Evaluation, ScorerResult, SystemsResult
from mc2sleepnet.evaluation.rows import night_rows, subject_rows
from mc2sleepnet.metrics.calibrated import COVERAGES, Calibration
from mc2sleepnet.metrics.estimate import Estimate
from mc2sleepnet.metrics.night_agreement import STATISTICS
from mc2sleepnet.metrics.pooled import PooledAgreement
from mc2sleepnet.metrics.several_scorers import SeveralScorers

Json = dict[str, object]


def evaluation_json(evaluation: Evaluation) -> Json:
    """Plain numbers, lists and dicts, with None for NaN."""
    return {
        "reference": evaluation.reference,
        "is_synthetic": evaluation.is_synthetic,
        "n_recordings": len(evaluation.nights),
        "n_subjects": len(set(evaluation.subjects)),
        "scorers": [_scorer(evaluation, scorer) for scorer in evaluation.scorers],
        "several_scorers": None if evaluation.several is None else _several(evaluation.labels, evaluation.several),
        "several_scorers_by_group": {
            column: {group: _several(evaluation.labels, one) for group, one in groups.items()}
            for column, groups in evaluation.several_groups.items()
        },
        "systems": [_systems(one) for one in evaluation.systems],
        "unpaired": {label: list(names) for label, names in evaluation.unpaired.items()},
        "failures": [str(error) for error in evaluation.failures],
    }


def _scorer(evaluation: Evaluation, scorer: ScorerResult) -> Json:
    pooled = scorer.pooled
    return {
        "scorer": scorer.label,
        "is_machine": scorer.is_machine,
        **_headline(pooled),
        "mean_over_recordings": {
            **_with_interval("accuracy", pooled.mean_accuracy),
            **_with_interval("macro_f1", pooled.mean_macro_f1),
            **_with_interval("kappa", pooled.mean_kappa),
        },
        "confusion": pooled.confusion.tolist(),
        **_with_interval("confusion_shares", pooled.confusion_shares),
        "transitions": {
            **_with_interval("reference", pooled.transitions_reference),
            **_with_interval("scored", pooled.transitions_scored),
            "changes": {
                key: value
                for index, name in enumerate(("exact", "within_one_epoch"))
                for part, figure in enumerate(("recall", "precision", "f1"))
                for key, value in _with_interval(f"{figure}_{name}", pooled.changes[3 * index + part]).items()
            },
        },
        "error_by_distance": {
            "n_epochs": pooled.n_by_distance.tolist(),
            **_with_interval("error", pooled.error_by_distance),
        },
        "sleep_statistics": _statistics(pooled),
        "probabilities": _calibration(scorer.calibration),
        "groups": {
            column: {
                group: {**_headline(one), "probabilities": _calibration(scorer.group_calibration[column][group])}
                for group, one in groups.items()
            }
            for column, groups in scorer.groups.items()
        },
        "subjects": subject_rows(evaluation, scorer),
        "recordings": night_rows(evaluation, scorer),
    }


def _headline(pooled: PooledAgreement) -> Json:
    return {
        "n_recordings": pooled.n_nights,
        "n_subjects": pooled.n_subjects,
        "n_epochs": pooled.n_epochs,
        "n_reference_scored": pooled.n_reference_scored,
        **_with_interval("accuracy", pooled.accuracy),
        **_with_interval("macro_f1", pooled.macro_f1),
        **_with_interval("kappa", pooled.kappa),
        **_with_interval("coverage", pooled.coverage),
        **_with_interval("accuracy_unscored_as_wrong", pooled.accuracy_unscored_as_wrong),
        "stages": {
            name: {
                **_with_interval("f1", pooled.f1[stage]),
                **_with_interval("precision", pooled.precision[stage]),
                **_with_interval("recall", pooled.recall[stage]),
                "support": int(pooled.support[stage]),
            }
            for stage, name in enumerate(STAGES)
        },
    }


def _statistics(pooled: PooledAgreement) -> Json:
    found = pooled.statistics
    return {
        name: {
            "n_recordings": int(found.n_nights[index]),
            "bias": plain(found.bias[index]),
            "bias_interval": plain(found.bias_interval[index]),
            "low": plain(found.low[index]),
            "low_interval": plain(found.low_interval[index]),
            "high": plain(found.high[index]),
            "high_interval": plain(found.high_interval[index]),
        }
        for index, name in enumerate(STATISTICS)
    }


def _calibration(found: Calibration | None) -> Json | None:
    if found is None:
        return None
    return {
        "n_epochs": found.n_epochs,
        **_with_interval("ece", found.ece),
        "ece_by_chance": plain(np.asarray(found.ece_by_chance)),
        **_with_interval("brier", found.brier),
        **_with_interval("aurc", found.aurc),
        "risk_at_coverage": [
            {"coverage": coverage, **_with_interval("risk", found.risk_at[index])}
            for index, coverage in enumerate(COVERAGES)
        ],
        "reliability": {
            "n_epochs": found.n_in_bin.tolist(),
            "confidence": plain(found.confidence_in_bin),
            **_with_interval("accuracy", found.accuracy_in_bin),
        },
    }


def _several(labels: Sequence[str], found: SeveralScorers) -> Json:
    return {
        "n_recordings": found.n_nights,
        "n_epochs": found.n_epochs,
        "panel": [label for label, is_in in zip(labels, found.is_panel, strict=True) if is_in],
        **_with_interval("mean_pairwise_agreement", found.mean_pairwise),
        **_with_interval("fleiss_kappa", found.fleiss_kappa),
        **_with_interval("krippendorff_alpha", found.krippendorff_alpha),
        "human_ceiling": {
            **_with_interval("accuracy", found.ceiling_accuracy),
            **_with_interval("kappa", found.ceiling_kappa),
        },
        "against_consensus": [
            {
                "scorer": label,
                "is_machine": bool(found.is_machine[index]),
                **_with_interval("accuracy", found.accuracy[index]),
                **_with_interval("macro_f1", found.macro_f1[index]),
                **_with_interval("kappa", found.kappa[index]),
                **_with_interval("mean_accuracy_over_recordings", found.mean_accuracy[index]),
                **_with_interval("soft_agreement", found.soft_agreement[index]),
                **_with_interval("above_others", found.above_ceiling[index]),
                "place": int(found.place[index]),
            }
            for index, label in enumerate(labels)
        ],
        "scorers": list(labels),
        **_with_interval("pairwise_agreement", found.pairwise),
        "disagreement": {name: _with_interval("share", found.disagreement[stage]) for stage, name in enumerate(STAGES)},
    }


def _systems(one: SystemsResult) -> Json:
    return {
        "first": one.first,
        "second": one.second,
        "n_subjects": one.n_subjects,
        "n_epochs": one.n_epochs,
        **{
            name: {
                "first": none_for_nan(difference.first),
                "second": none_for_nan(difference.second),
                "difference": none_for_nan(difference.difference),
                "difference_interval": [none_for_nan(difference.low), none_for_nan(difference.high)],
                "p": none_for_nan(difference.p),
                "p_adjusted": none_for_nan(one.adjusted_p[name]),
                "verdict": one.verdict(name),
            }
            for name, difference in one.differences.items()
        },
    }


def _with_interval(name: str, found: Estimate) -> Json:
    return {name: plain(found.value), f"{name}_interval": plain(found.interval)}


def none_for_nan(value: float) -> float | None:
    """Return a number as JSON can carry it."""
    return None if math.isnan(value) else float(value)


def plain(values: NDArray[np.float64]) -> object:
    """Return nested lists of numbers, or one number, with None for NaN."""
    if np.ndim(values) == 0:
        return none_for_nan(float(values))
    return [plain(one) for one in values]
