"""An evaluation as plain text, for terminals and logs."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.evaluation.result import Evaluation, ScorerResult
from mc2sleepnet.evaluation.tables import ABSENT, figure
from mc2sleepnet.metrics.calibrated import Calibration
from mc2sleepnet.metrics.estimate import Estimate
from mc2sleepnet.metrics.night_agreement import STATISTICS
from mc2sleepnet.metrics.pooled import PooledAgreement
from mc2sleepnet.metrics.several_scorers import SeveralScorers

_MOST_NOTES = 3
_MOST_ROWS = 12
_SHOWN_STATISTICS = (
    "tst_min",
    "se_percent",
    "sol_min",
    "waso_min",
    "rem_latency_onset_min",
    "n1_min",
    "n3_min",
    "r_min",
)


def evaluation_text(evaluation: Evaluation) -> str:
    """Aligned text; no last line end; an en dash where a figure has no value."""
    parts = [_scorer(evaluation, scorer) for scorer in evaluation.scorers]
    if evaluation.systems:
        parts.append(_systems(evaluation))
    if evaluation.several is not None and len(evaluation.labels) > 2:
        parts.append(_several(evaluation.labels, evaluation.several))
        for column, groups in evaluation.several_groups.items():
            parts.append(_several_groups(column, groups))
    left = [
        f"note: {len(names)} recordings of {label} without a counterpart: {_some(names)}"
        for label, names in evaluation.unpaired.items()
    ]
    if evaluation.is_synthetic:
        left.append("note: synthetic data; the figures say nothing about real sleep.")
    return "\n\n".join([*parts, *(["\n".join(left)] if left else [])])


def _scorer(evaluation: Evaluation, scorer: ScorerResult) -> str:
    pooled = scorer.pooled
    n_nights = f"{_many(pooled.n_nights, 'recording')} of {_many(pooled.n_subjects, 'subject')}: "
    lines = [
        f"{scorer.label} against {evaluation.reference}",
        f"{'' if pooled.n_nights == 1 else n_nights}{_many(pooled.n_epochs, 'epoch')} scored by both, of "
        f"{pooled.n_reference_scored} that the reference scored",
        *_notes(evaluation, scorer),
        "",
        f"accuracy {figure(float(pooled.accuracy))}   macro-F1 {figure(float(pooled.macro_f1))}"
        f"   κ {figure(float(pooled.kappa))}",
    ]
    if pooled.n_subjects > 1:
        lines[-1] = (
            f"accuracy {_interval(pooled.accuracy)}   macro-F1 {_interval(pooled.macro_f1)}"
            f"   κ {_interval(pooled.kappa)}"
        )
        lines.append("95 % intervals from a bootstrap over subjects")
    if pooled.n_nights > 1:
        lines.append(
            f"means over recordings: accuracy {figure(float(pooled.mean_accuracy))}"
            f"   macro-F1 {figure(float(pooled.mean_macro_f1))}   κ {figure(float(pooled.mean_kappa))}"
        )
    lines += ["", *_stages(scorer), "", *_confusion(scorer), ""]
    lines += [
        f"coverage                      {_interval(pooled.coverage)}",
        f"accuracy, unscored as wrong   {_interval(pooled.accuracy_unscored_as_wrong)}",
        f"stage changes found           {_interval(pooled.changes[3])} within an epoch, "
        f"{_interval(pooled.changes[0])} exactly",
        f"error beside a change         {_interval(pooled.error_by_distance[0])}, far from one "
        f"{_interval(pooled.error_by_distance[-1])}",
    ]
    if scorer.calibration is not None:
        lines += _calibration(scorer.calibration)
    if pooled.n_nights > 1:
        lines += ["", *_statistics(scorer)]
    for column, groups in scorer.groups.items():
        lines += ["", *_groups(column, groups)]
    return "\n".join(lines)


def _notes(evaluation: Evaluation, scorer: ScorerResult) -> list[str]:
    """What had to be assumed: of one recording in full, of several the most frequent notes with their number."""
    index = evaluation.labels.index(scorer.label) - 1
    named: dict[str, list[str]] = {}
    for night_index in scorer.nights:
        night = evaluation.nights[night_index]
        one = night.scored[index]
        for note in dict.fromkeys(one.notes if one is not None else ()):
            named.setdefault(note, []).append(night.name)
    if len(evaluation.nights) == 1:
        return [f"note: {note}" for note in named]
    told = [
        f"note: {names[0] if len(names) == 1 else _many(len(names), 'recording')}: {note}"
        for note, names in sorted(named.items(), key=lambda item: -len(item[1]))
    ]
    if len(told) > _MOST_NOTES:
        told = [*told[:_MOST_NOTES], f"note: {len(told) - _MOST_NOTES} more; see --json, --csv or --html"]
    return told


def _stages(scorer: ScorerResult) -> list[str]:
    pooled = scorer.pooled
    has_interval = pooled.n_subjects > 1
    head = "stage      F1" + ("  95 %          " if has_interval else "") + "  precision  recall  epochs"
    lines = [head]
    for stage, name in enumerate(STAGES):
        f1 = f"{name:<5} {figure(float(pooled.f1.value[stage])):>7}"
        if has_interval:
            f1 += f"  {_range(pooled.f1[stage]):<14}"
        lines.append(
            f"{f1} {figure(float(pooled.precision.value[stage])):>10} {figure(float(pooled.recall.value[stage])):>7}"
            f" {pooled.support[stage]:>7d}"
        )
    return lines


def _confusion(scorer: ScorerResult) -> list[str]:
    confusion = scorer.pooled.confusion
    width = max(6, len(str(confusion.max())) + 2)
    return [
        "reference \\ scored" + "".join(f"{name:>{width}}" for name in STAGES),
        *(
            f"{name:>18}" + "".join(f"{count:>{width}d}" for count in row)
            for name, row in zip(STAGES, confusion.tolist(), strict=True)
        ),
    ]


def _calibration(found: Calibration) -> list[str]:
    return [
        f"expected calibration error    {_interval(found.ece)}; {figure(found.ece_by_chance)} or more of it is chance",
        f"Brier score                   {_interval(found.brier)}",
        f"error of the surest 80 %      {_interval(found.risk_at[2])}, of all {_interval(found.risk_at[-1])}",
    ]


def _statistics(scorer: ScorerResult) -> list[str]:
    found = scorer.pooled.statistics
    lines = ["sleep statistics (scored - reference)      bias  limits of agreement"]
    for name in _SHOWN_STATISTICS:
        i = STATISTICS.index(name)
        bias, low, high = found.bias[i], found.low[i], found.high[i]
        lines.append(f"{name:<40} {_tenths(bias):>7}  {_tenths(low)} to {_tenths(high)}")
    return lines


def _groups(column: str, groups: Mapping[str, PooledAgreement]) -> list[str]:
    width = max([len(column), *(len(name) for name in groups)])
    lines = [f"{column:<{width}}  recordings  accuracy               κ"]
    lines += [
        f"{name:<{width}}  {one.n_nights:>10}  {_interval(one.accuracy):<21}  {_interval(one.kappa)}"
        for name, one in groups.items()
    ]
    return lines


def _systems(evaluation: Evaluation) -> str:
    width = max(len(f"{one.second} - {one.first}") for one in evaluation.systems)
    lines = ["two scorers judged by the reference, on the same epochs (paired over subjects, Holm-adjusted p)"]
    lines.append(f"{'':<{width}}  figure    difference                p  ")
    for one in evaluation.systems[:_MOST_ROWS]:
        for name, difference in one.differences.items():
            both = f"{one.second} - {one.first}"
            known = f"{_signed(difference.difference)} [{_signed(difference.low)}, {_signed(difference.high)}]"
            p = one.adjusted_p[name]
            shown = ABSENT if math.isnan(p) else f"{p:.4f}" if p >= 0.0001 else "<.0001"
            lines.append(f"{both:<{width}}  {name:<8}  {known:<23}  {shown:>6}  {one.verdict(name)}")
    if len(evaluation.systems) > _MOST_ROWS:
        lines.append(f"{len(evaluation.systems) - _MOST_ROWS} more pairs: see --json")
    return "\n".join(lines)


def _several(labels: Sequence[str], found: SeveralScorers) -> str:
    panel = [label for label, is_in in zip(labels, found.is_panel, strict=True) if is_in]
    lines = [
        f"{_many(len(labels), 'scorer')} on {_many(found.n_nights, 'recording')}, "
        f"{_many(found.n_epochs, 'epoch')} that all of them scored",
        f"mean pairwise agreement       {_interval(found.mean_pairwise)}   of {', '.join(panel)}",
        f"Fleiss' κ                     {_interval(found.fleiss_kappa)}",
        f"Krippendorff's α              {_interval(found.krippendorff_alpha)}",
        f"ceiling (mean against others) {_interval(found.ceiling_accuracy)}   κ {_interval(found.ceiling_kappa)}",
        "",
    ]
    width = max(len("against the others' consensus"), *(len(label) for label in labels))
    head = "against the others' consensus"
    lines.append(f"{head:<{width}}  place  accuracy              κ                     soft")
    for index in np.argsort(found.place, kind="stable"):
        label = labels[index] + (" (machine)" if found.is_machine[index] else "")
        lines.append(
            f"{label:<{width}}  {found.place[index]:>5}  {_interval(found.accuracy[index]):<20}"
            f"  {_interval(found.kappa[index]):<20}  {_interval(found.soft_agreement[index])}"
        )
    return "\n".join(lines)


def _several_groups(column: str, groups: Mapping[str, SeveralScorers]) -> str:
    width = max([len(column), *(len(name) for name in groups)])
    lines = [f"{column:<{width}}  recordings  mean pairwise          Fleiss' κ"]
    lines += [
        f"{name:<{width}}  {one.n_nights:>10}  {_interval(one.mean_pairwise):<21}  {_interval(one.fleiss_kappa)}"
        for name, one in groups.items()
    ]
    return "\n".join(lines)


def _interval(found: Estimate) -> str:
    """``0.871 [0.860, 0.881]``; without the brackets where there is no interval."""
    if math.isnan(found.interval[0]):
        return figure(float(found.value))
    return f"{figure(float(found.value))} {_range(found)}"


def _range(found: Estimate) -> str:
    return f"[{figure(float(found.interval[0]))}, {figure(float(found.interval[1]))}]"


def _tenths(value: float) -> str:
    return ABSENT if math.isnan(value) else f"{value:.1f}"


def _signed(value: float) -> str:
    return ABSENT if math.isnan(value) else f"{value:+.3f}"


def _many(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NOTES])
    return shown if len(names) <= _MOST_NOTES else f"{shown} …"
