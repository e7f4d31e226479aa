"""One row a recording, a subject, a group, and all of them: what `--csv` writes."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.evaluation.result import Evaluation, ScorerResult
from mc2sleepnet.metrics.confusions import accuracies, kappas, macro_f1s, precisions, ratio, recalls, stage_f1s
from mc2sleepnet.metrics.estimate import by_subject
from mc2sleepnet.metrics.night_agreement import STATISTICS, NightAgreement
from mc2sleepnet.metrics.pooled import PooledAgreement

Row = dict[str, object]

_FIGURES: Final = ("accuracy", "macro_f1", "kappa", "coverage", "accuracy_unscored_as_wrong")
_STAGE_FIGURES: Final = tuple(f"{figure}_{stage}" for figure in ("f1", "precision", "recall") for stage in STAGES)
_WITH_INTERVAL: Final = tuple(
    column for name in (*_FIGURES, *_STAGE_FIGURES) for column in (name, f"{name}_low", f"{name}_high")
)
_MOVED: Final = ("n_reference_epochs", "n_scorer_epochs", "shift_epochs", "remainder_s", "n_outside")
COLUMNS: Final = (
    *(
        "level",
        "name",
        "scorer",
        "reference",
        "subject",
        "n_recordings",
        "n_subjects",
        "n_epochs",
        "n_reference_scored",
    ),
    *_WITH_INTERVAL,
    *(f"n_{reference}_{scored}" for reference in STAGES for scored in STAGES),
    *(f"{side}_{name}" for name in STATISTICS for side in ("reference", "scored")),
    *_MOVED,
    "notes",
)


def night_rows(evaluation: Evaluation, scorer: ScorerResult) -> list[Row]:
    """One scorer's recordings: figures, and how its hypnogram lies against the reference's."""
    index = evaluation.labels.index(scorer.label) - 1
    figures = _figures(scorer.counts)
    rows: list[Row] = []
    for row, night_index in enumerate(scorer.nights):
        night = evaluation.nights[night_index]
        one = night.scored[index]
        assert one is not None
        rows.append(
            {
                "recording": night.name,
                "subject": evaluation.subjects[night_index],
                **{name: _item(values[row]) for name, values in figures.items()},
                **_matrices(scorer.counts, row),
                "sleep_statistics": _statistics(
                    scorer.counts.statistics_reference[row], scorer.counts.statistics_scored[row]
                ),
                "n_reference_epochs": night.n_epochs,
                "n_scorer_epochs": one.n_epochs,
                "shift_epochs": one.shift_epochs,
                "remainder_s": one.remainder_s,
                "n_outside": one.n_outside,
                "notes": list(one.notes),
            }
        )
    return rows


def subject_rows(evaluation: Evaluation, scorer: ScorerResult) -> list[Row]:
    """One scorer's subjects, all their recordings added."""
    names, subject = np.unique(np.array(evaluation.subjects)[scorer.nights], return_inverse=True)
    n_recordings = np.bincount(subject)
    counts = scorer.counts
    sums: dict[str, Any] = {
        name: by_subject(getattr(counts, name), subject, len(names)) for name in NightAgreement.__dataclass_fields__
    }
    summed = NightAgreement(**sums)
    figures = _figures(summed)
    means = []
    for values in (counts.statistics_reference, counts.statistics_scored):
        is_known = ~np.isnan(values)
        total = by_subject(np.where(is_known, values, 0), subject, len(names))
        means.append(ratio(total, by_subject(is_known.astype(np.int64), subject, len(names))))
    return [
        {
            "subject": str(name),
            "n_recordings": int(n_recordings[row]),
            **{key: _item(values[row]) for key, values in figures.items()},
            **_matrices(summed, row),
            "sleep_statistics": _statistics(means[0][row], means[1][row]),
        }
        for row, name in enumerate(names)
    ]


def table_csv(evaluation: Evaluation) -> str:
    """All rows of all scorers as CSV with the columns `COLUMNS`; empty where a figure has no value.

    `level` is ``pooled``, ``group`` (`name` then is ``COLUMN=GROUP``), ``subject`` or ``recording``; intervals stand
    in the first two.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for scorer in evaluation.scorers:
        own: Row = {"scorer": scorer.label, "reference": evaluation.reference}
        writer.writerow(_cells({"level": "pooled", "name": "all", **own, **_pooled(scorer.pooled)}))
        for column, groups in scorer.groups.items():
            for group, pooled in groups.items():
                writer.writerow(_cells({"level": "group", "name": f"{column}={group}", **own, **_pooled(pooled)}))
        for row in subject_rows(evaluation, scorer):
            writer.writerow(_cells({"level": "subject", "name": row["subject"], **own, "n_subjects": 1, **_flat(row)}))
        for row in night_rows(evaluation, scorer):
            name = row.pop("recording")
            one = {"level": "recording", "name": name, **own, "n_recordings": 1, "n_subjects": 1, **_flat(row)}
            writer.writerow(_cells(one))
    return text.getvalue()


def _matrices(counts: NightAgreement, row: int) -> Row:
    """Confusion and transitions as counts, and changes of stage, of one recording or subject."""
    return {
        name: getattr(counts, name)[row].astype(np.int64).tolist()
        for name in ("confusion", "transitions_reference", "transitions_scored", "changes")
    }


def _statistics(reference: NDArray[np.float64], scored: NDArray[np.float64]) -> Row:
    """Both sides' sleep statistics."""
    return {name: {"reference": _item(reference[i]), "scored": _item(scored[i])} for i, name in enumerate(STATISTICS)}


def _figures(counts: NightAgreement) -> dict[str, NDArray[np.generic]]:
    """Figures of many recordings or subjects, by name, each of shape ``[R]``."""
    confusion, n_reference_scored = counts.confusion, counts.n_reference_scored
    n_epochs = np.asarray(confusion.sum(axis=(1, 2)))
    n_right = np.trace(confusion, axis1=1, axis2=2)
    stages = {"f1": stage_f1s(confusion), "precision": precisions(confusion), "recall": recalls(confusion)}
    return {
        "n_epochs": n_epochs.astype(np.int64),
        "n_reference_scored": n_reference_scored.astype(np.int64),
        "accuracy": accuracies(confusion),
        "macro_f1": macro_f1s(confusion),
        "kappa": kappas(confusion),
        "coverage": ratio(n_epochs, n_reference_scored),
        "accuracy_unscored_as_wrong": ratio(n_right, n_reference_scored),
        **{f"{name}_{stage}": values[:, i] for name, values in stages.items() for i, stage in enumerate(STAGES)},
    }


def _pooled(pooled: PooledAgreement) -> Row:
    row: Row = {
        "n_recordings": pooled.n_nights,
        "n_subjects": pooled.n_subjects,
        "n_epochs": pooled.n_epochs,
        "n_reference_scored": pooled.n_reference_scored,
        **_confusion_cells(pooled.confusion.tolist()),
    }
    estimates = {
        **{name: getattr(pooled, name) for name in _FIGURES},
        **{
            f"{figure}_{stage}": getattr(pooled, figure)[i]
            for figure in ("f1", "precision", "recall")
            for i, stage in enumerate(STAGES)
        },
    }
    for name, found in estimates.items():
        row |= {name: float(found.value), f"{name}_low": float(found.interval[0])}
        row[f"{name}_high"] = float(found.interval[1])
    return row


def _flat(row: Row) -> Row:
    """The row with a column for each cell of the confusion matrix and each sleep statistic."""
    confusion, statistics = row["confusion"], row["sleep_statistics"]
    assert isinstance(confusion, list)
    assert isinstance(statistics, dict)
    left_out = {"confusion", "sleep_statistics", "transitions_reference", "transitions_scored", "changes"}
    return {
        **{key: value for key, value in row.items() if key not in left_out},
        **_confusion_cells(confusion),
        **{f"{side}_{name}": both[side] for name, both in statistics.items() for side in ("reference", "scored")},
    }


def _confusion_cells(confusion: Sequence[Sequence[int]]) -> Row:
    return {
        f"n_{reference}_{scored}": confusion[i][j]
        for i, reference in enumerate(STAGES)
        for j, scored in enumerate(STAGES)
    }


def _item(value: np.generic) -> float | int | None:
    """Return a number, None for NaN."""
    item: float | int = value.item()
    return None if item != item else item  # noqa: PLR0124


def _cells(row: Mapping[str, object]) -> dict[str, object]:
    return {key: _cell(value) for key, value in row.items()}


def _cell(value: object) -> object:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return " ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else value
