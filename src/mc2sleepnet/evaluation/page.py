"""The report of an evaluation, one self-contained page."""

import math
from collections.abc import Sequence

import numpy as np

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.evaluation.night import NightFiles, read_night
from mc2sleepnet.evaluation.page_among import among_sections, systems_section
from mc2sleepnet.evaluation.page_figures import (
    calibration_section,
    changes_section,
    groups_sections,
    nights_figure,
    statistics_section,
)
from mc2sleepnet.evaluation.pairing import Paired
from mc2sleepnet.evaluation.result import Evaluation, ScorerResult
from mc2sleepnet.metrics.agreement import Agreement, agreement_from_confusion
from mc2sleepnet.metrics.confusions import accuracies
from mc2sleepnet.metrics.estimate import Estimate
from mc2sleepnet.report.confusion_figure import confusion_figure
from mc2sleepnet.report.page import columns, page, section, table, tiles
from mc2sleepnet.report.ribbons_figure import ribbons_figure
from mc2sleepnet.report.rows_figure import Row, rows_figure
from mc2sleepnet.report.svg import Markup, element, join
from mc2sleepnet.report.time_axis import TimeAxis

_MOST_SCORERS_DRAWN = 8
_MOST_NOTES = 12
_HOW = (
    "Figures are over the epochs both sides scored; coverage is the share of the reference's scored epochs that the "
    "other side scored too. Intervals are 95 % percentile intervals of a bootstrap over subjects: all recordings of a "
    "person are drawn together. They are missing where there is only one subject. Sleep statistics are over the time "
    "that both hypnograms cover."
)


def evaluation_page(evaluation: Evaluation, paired: Paired) -> str:
    """Return a whole HTML document.

    Parameters
    ----------
    evaluation
        With at least one scorer beside the reference.
    paired
        Its files: a few nights are read again, to be drawn.
    """
    main = next((scorer for scorer in evaluation.scorers if scorer.is_machine), evaluation.scorers[0])
    n_others = len(evaluation.scorers)
    sections = [_tiles(main)]
    examples = _examples(evaluation, paired, main)
    if len(evaluation.nights) == 1 and examples:
        sections.append(section("The night", *examples))
    if evaluation.several is not None and n_others > 1:
        sections += among_sections(evaluation.labels, evaluation.several)
    if evaluation.systems:
        sections.append(systems_section(evaluation.systems))
    sections.append(
        columns((section("Each stage", _stages(main)),), (section("Confusion", confusion_figure(_agreement(main))),))
    )
    if n_others > 1:
        sections.append(section("The other scorers", _others(evaluation, main)))
    if len(main.nights) > 1:
        sections.append(section("Every recording", nights_figure(main), *examples))
        sections.append(statistics_section(main))
    sections += groups_sections(evaluation, main)
    sections.append(changes_section(main))
    if main.calibration is not None:
        sections.append(calibration_section(main.calibration))
    sections.append(section("What this rests on", *_basis(evaluation)))
    n_subjects = len(set(evaluation.subjects))
    one = len(evaluation.nights) == 1
    over = "One recording" if one else f"{len(evaluation.nights):,} recordings of {n_subjects:,} subjects"
    heading = f"{main.label} against {evaluation.reference}"
    if n_others > 1:
        over += f", {n_others + 1} scorers; what is shown of one alone is {main.label} against {evaluation.reference}"
        heading = f"{n_others + 1} scorers" + (" of one night" if one else "")
    return page(
        kind="Agreement · mc2sleepnet",
        heading=heading,
        lead=f"{over}. {main.pooled.n_epochs:,} epochs scored by both, of {main.pooled.n_reference_scored:,} that "
        "the reference scored.",
        sections=sections,
        is_synthetic=evaluation.is_synthetic,
    )


def _tiles(scorer: ScorerResult) -> Markup:
    pooled = scorer.pooled
    figures = [
        ("Accuracy", pooled.accuracy),
        ("Cohen's κ", pooled.kappa),
        ("Macro-F1", pooled.macro_f1),
        ("Coverage", pooled.coverage),
    ]
    return tiles([(name, _figure(float(found)), _range(found)) for name, found in figures])


def _agreement(scorer: ScorerResult) -> Agreement:
    return agreement_from_confusion(scorer.pooled.confusion)


def _stages(scorer: ScorerResult) -> Markup:
    pooled = scorer.pooled
    rows = [
        Row(
            label=name,
            value=float(pooled.f1.value[stage]),
            low=float(pooled.f1.interval[stage, 0]),
            high=float(pooled.f1.interval[stage, 1]),
            colour=f"var(--{name})",
            note=f"{pooled.support[stage]:,} epochs",
        )
        for stage, name in enumerate(STAGES)
    ]
    cells = [
        (
            name,
            *(
                part
                for found in (pooled.precision[i], pooled.recall[i])
                for part in (_figure(float(found)), _range(found))
            ),
        )
        for i, name in enumerate(STAGES)
    ]
    head = ("Stage", "Precision", "95 %", "Recall", "95 %")
    figures = table(head, cells, name="Precision and recall of each stage")
    wrong = pooled.accuracy_unscored_as_wrong
    more = element(
        "p",
        f"Accuracy with unscored epochs counted as wrong: {_figure(float(wrong))} {_range(wrong)}",
        class_="more",
    )
    return join(rows_figure(rows, name="F1", limits=(0, 1)), element("p", class_="note"), figures, more)


def _others(evaluation: Evaluation, main: ScorerResult) -> Markup:
    """Accuracy and κ of every scorer against the reference, and the others' confusion matrices."""
    figures = [
        element(
            "div",
            element("h3", f"{name} against {evaluation.reference}"),
            rows_figure(
                [
                    Row(
                        label=scorer.label,
                        value=float(found),
                        low=float(found.interval[0]),
                        high=float(found.interval[1]),
                        is_strong=scorer is main,
                    )
                    for scorer in evaluation.scorers
                    for found in [getattr(scorer.pooled, key)]
                ],
                name=name,
            ),
        )
        for name, key in (("Accuracy", "accuracy"), ("κ", "kappa"))
    ]
    others = [scorer for scorer in evaluation.scorers if scorer is not main]
    confusions = [
        element("div", element("h3", scorer.label), confusion_figure(_agreement(scorer)))
        for scorer in others[:_MOST_SCORERS_DRAWN]
    ]
    n_left = len(others) - len(confusions)
    more = f"Confusion of {n_left} more {'scorers' if n_left > 1 else 'scorer'}: see --json."
    return join(
        element("div", *figures, class_="figures two"),
        element("p", class_="note"),
        element("div", *confusions, class_="figures"),
        element("p", more, class_="more") if n_left else Markup(),
    )


def _examples(evaluation: Evaluation, paired: Paired, main: ScorerResult) -> list[Markup]:
    """The night; of several the one in the middle of agreement and the two at its lower end."""
    agreement = np.nan_to_num(accuracies(main.counts.confusion), nan=2.0)
    order = np.argsort(agreement, kind="stable")
    order = order[agreement[order] <= 1]
    if not len(order):
        return []
    chosen = {int(order[len(order) // 2]): "in the middle of all"}
    if len(order) > 2:
        chosen |= {int(order[1]): "second lowest", int(order[0]): "lowest agreement"}
    files_of = {files.name: files for files in paired.nights}
    figures = []
    for row, what in chosen.items():
        name = evaluation.nights[main.nights[row]].name
        note = f"accuracy {agreement[row]:.3f}" + (f", {what}" if len(evaluation.nights) > 1 else "")
        figures.append(_ribbons(files_of[name], evaluation.labels, note, 1 + evaluation.scorers.index(main)))
    return [figure for figure in figures if figure]


def _ribbons(files: NightFiles, labels: Sequence[str], note: str, main: int) -> Markup:
    """Who scored the night; of many the reference, the one of this place, and the first others."""
    try:
        night = read_night(files)
    except InputError:  # it could be read a moment ago
        return Markup()
    stages = night.stages
    present = [0, *(row for row in range(1, len(stages)) if night.others[row - 1] is not None)]
    first_drawn = sorted(present, key=lambda row: row not in {0, main})[:_MOST_SCORERS_DRAWN]
    is_scored = np.flatnonzero((stages[present] >= 0).any(axis=0))
    first, end = (int(is_scored[0]), int(is_scored[-1]) + 1) if len(is_scored) else (0, stages.shape[1])
    start = night.reference.hypnogram.clock_time(first)
    return ribbons_figure(
        stages[present][:, first:end],
        [labels[row] for row in present],
        TimeAxis(n_epochs=end - first, start=start, first_epoch=first),
        title=files.name,
        note=note,
        drawn=[place for place, row in enumerate(present) if row in first_drawn],
    )


def _basis(evaluation: Evaluation) -> list[Markup]:
    """What had to be assumed, what is missing, and how to read it all."""
    notes: dict[str, int] = {}
    for night in evaluation.nights:
        for note in {note for one in night.scored if one is not None for note in one.notes}:
            notes[note] = notes.get(note, 0) + 1
    told = [
        f"{note} ({n} recordings)" if n > 1 else note for note, n in sorted(notes.items(), key=lambda item: -item[1])
    ]
    told += [
        f"{label}: {len(names)} recordings without a counterpart ({', '.join(names[:3])}{' …' * (len(names) > 3)})"
        for label, names in evaluation.unpaired.items()
    ]
    told += [f"Not read: {error}" for error in evaluation.failures]
    if len(told) > _MOST_NOTES:
        told = [*told[:_MOST_NOTES], f"{len(told) - _MOST_NOTES} more; see --json."]
    items = element("ul", *(element("li", note) for note in told), class_="findings") if told else Markup()
    return [element("p", _HOW, class_="note"), items]


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _range(found: Estimate) -> str:
    low, high = found.interval
    return "" if math.isnan(low) else f"[{low:.3f}, {high:.3f}]"
