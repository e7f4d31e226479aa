"""The report of one experiment: how well a trained network scores people it has not seen."""

import math
from collections.abc import Mapping, Sequence

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.metrics.agreement import Agreement
from mc2sleepnet.report.confusion_figure import confusion_figure
from mc2sleepnet.report.curves_figure import Row, curves_figure
from mc2sleepnet.report.page import columns, facts_list, page, scrolling, section, table, tiles
from mc2sleepnet.report.svg import Markup, element, number

ABSENT = "–"


def experiment_report(
    *,
    title: str,
    lead: str,
    agreements: Mapping[str, Agreement],
    per_recording: Sequence[tuple[str, Agreement]],
    curves: Mapping[str, Sequence[Row]],
    facts: Mapping[str, str],
    night_links: Sequence[tuple[str, str]],
    is_synthetic: bool,
) -> str:
    """Return a self-contained page; all strings are escaped.

    Parameters
    ----------
    title, lead
        What was done, and one paragraph about it.
    agreements
        Pooled agreement with the reference by scorer: the first is ours, the others baselines.
    per_recording
        Name and our agreement of each held-out recording.
    curves
        Metric rows by phase, as a run's ``metrics.jsonl`` holds them.
    facts
        Names and values of what made this.
    night_links
        Text and relative address of the reports of single nights.
    is_synthetic
        True where no person was recorded; said on top of the page.
    """
    our_name, ours = next(iter(agreements.items()))
    sections = [
        tiles(
            [
                ("Accuracy", _figure(ours.accuracy), ""),
                ("Macro-F1", _figure(ours.macro_f1), ""),
                ("Cohen's κ", _figure(ours.kappa), ""),
                ("Held-out epochs", f"{ours.n_epochs:,}", ""),
            ]
        ),
        section("Agreement with the reference", _scorer_table(agreements)),
        columns(
            (section(f"Confusion of {our_name}", confusion_figure(ours)),),
            (section("Each stage", _stage_table(ours)),),
        ),
        section("Each recording", _recording_table(per_recording)),
    ]
    if curves:
        sections.append(columns(*((section(phase, curves_figure(rows)),) for phase, rows in curves.items())))
    if night_links:
        items = (element("li", element("a", text, href=href)) for text, href in night_links)
        sections.append(section("Scored nights", element("ul", *items, class_="links")))
    sections.append(section("How this was made", facts_list(facts)))
    return page(kind="Experiment · mc2sleepnet", heading=title, lead=lead, sections=sections, is_synthetic=is_synthetic)


def _scorer_table(agreements: Mapping[str, Agreement]) -> Markup:
    """One row a scorer, ours first and strong."""
    names = ("Scorer", "Accuracy", "Macro-F1", "κ", *(f"F1 {stage}" for stage in STAGES))
    rows = [
        (name, _figure(one.accuracy), _figure(one.macro_f1), _figure(one.kappa), *map(_figure, one.f1))
        for name, one in agreements.items()
    ]
    return element("div", table(names, rows, name="Agreement of each scorer"), class_="ours-first")


def _stage_table(agreement: Agreement) -> Markup:
    """F1 as a bar, with precision, recall and support."""
    head = element(
        "tr",
        element("th", "Stage", scope="col"),
        element("td", class_="bar roomy"),
        *(element("th", name, scope="col", class_="figure") for name in ("F1", "Precision", "Recall", "Epochs")),
    )
    rows = []
    for stage, name in enumerate(STAGES):
        length = 0.0 if math.isnan(agreement.f1[stage]) else 100 * float(agreement.f1[stage])
        bar = element("span", style=f"width:{number(length)}%;background:var(--{name})")
        figures = (agreement.f1[stage], agreement.precision[stage], agreement.recall[stage])
        rows.append(
            element(
                "tr",
                element("th", name, scope="row"),
                element("td", bar, class_="bar roomy"),
                *(element("td", _figure(float(figure)), class_="figure") for figure in figures),
                element("td", f"{agreement.support[stage]:,}", class_="figure"),
            )
        )
    return scrolling(element("table", element("thead", head), element("tbody", *rows)), name="Each stage")


def _recording_table(per_recording: Sequence[tuple[str, Agreement]]) -> Markup:
    """One row a held-out recording."""
    rows = [
        (name, f"{one.n_epochs:,}", _figure(one.accuracy), _figure(one.macro_f1), _figure(one.kappa))
        for name, one in per_recording
    ]
    return table(("Recording", "Epochs", "Accuracy", "Macro-F1", "κ"), rows, name="Each recording")


def _figure(value: float) -> str:
    """Three digits after the point, or a dash."""
    return ABSENT if math.isnan(value) else f"{value:.3f}"
