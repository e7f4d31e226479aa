"""The report of a cross-validation: our pooled row beside the published ones, each fold, each subject."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.metrics.agreement import Agreement
from mc2sleepnet.report.confusion_figure import confusion_figure
from mc2sleepnet.report.page import columns, facts_list, page, section, table, tiles
from mc2sleepnet.report.svg import Markup, element

ABSENT = "–"
N_TEXT_COLUMNS = 3


def crossval_page(
    *,
    title: str,
    lead: str,
    caveats: Sequence[str],
    note: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    pooled: Agreement,
    per_fold: Mapping[str, Agreement],
    per_subject: Mapping[str, Agreement],
    facts: Mapping[str, Any],
    is_synthetic: bool,
    is_whole: bool,
) -> str:
    """Return a self-contained page; all strings are escaped.

    Parameters
    ----------
    title, lead
        What was done, and one paragraph about it.
    caveats
        What a reader must know before the figures.
    note
        Below the table, on the rows that are not ours; empty for none.
    head, rows
        The table; our rows first.
    pooled
        Over all held-out epochs.
    per_fold, per_subject
        Agreement by name.
    facts
        Names and values of what made this.
    is_synthetic
        True where no person was recorded; said on top of the page.
    is_whole
        Whether all folds are in.
    """
    folds = "all folds" if is_whole else "finished folds"
    beside = [element("p", caveat, class_="note") for caveat in caveats]
    scorers = table(head, rows, name="All scorers", n_text_columns=N_TEXT_COLUMNS)
    beside.append(element("div", scorers, class_="ours-first"))
    if note:
        beside.append(element("p", note, class_="more"))
    sections = [
        tiles(
            [
                ("Accuracy", _percent(pooled.accuracy), ""),
                ("Macro-F1", _percent(pooled.macro_f1), ""),
                ("Cohen's κ", _figure(pooled.kappa), ""),
                ("Held-out epochs", f"{pooled.n_epochs:,}", ""),
            ]
        ),
        section("Ours beside what is published" if note else f"{folds.capitalize()} together", *beside),
        columns(
            (section(f"Confusion, {folds}", confusion_figure(pooled)),),
            (section("Each fold", _table("Fold", per_fold, with_stages=False)),),
        ),
        section("Each subject", _table("Subject", per_subject)),
        section("How this was made", facts_list(facts)),
    ]
    kind = "Experiment · mc2sleepnet"
    return page(kind=kind, heading=title, lead=lead, sections=sections, is_synthetic=is_synthetic)


def _table(name: str, agreements: Mapping[str, Agreement], *, with_stages: bool = True) -> Markup:
    head = (name, "Epochs", "Accuracy", "Macro-F1", "κ", *(f"F1 {stage}" for stage in STAGES))
    rows = [
        (
            key,
            f"{one.n_epochs:,}",
            _percent(one.accuracy),
            _percent(one.macro_f1),
            _figure(one.kappa),
            *(_percent(float(f1)) for f1 in one.f1),
        )
        for key, one in agreements.items()
    ]
    shown = len(head) if with_stages else len(head) - len(STAGES)
    return table(head[:shown], [row[:shown] for row in rows], name=f"Each {name.lower()}")


def _percent(value: float) -> str:
    return ABSENT if math.isnan(value) else f"{100 * value:.1f} %"


def _figure(value: float) -> str:
    return ABSENT if math.isnan(value) else f"{value:.3f}"
