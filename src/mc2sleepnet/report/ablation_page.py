"""The report of an ablation: a figure, a table, how to read them."""

from collections.abc import Mapping, Sequence
from typing import Any

from mc2sleepnet.report.page import facts_list, page, section, table
from mc2sleepnet.report.svg import Markup, element

LEAD = "The same data, folds, seeds and budget for every setting; test subjects met by none of them."


def ablation_page(
    *,
    title: str,
    caveats: Sequence[str],
    how_to_read: str,
    figure: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    facts: Mapping[str, Any],
    is_synthetic: bool,
) -> str:
    """Return a self-contained page; all strings but `figure`, which is finished SVG, are escaped."""
    told = [element("p", caveat, class_="note") for caveat in caveats]
    beside = table(head, rows, name="Settings beside the reference")
    sections = [
        section("Settings", *told, Markup(figure)),
        section("Beside the reference", beside, element("p", how_to_read, class_="more")),
        section("How this was made", facts_list(facts)),
    ]
    return page(kind="Experiment · mc2sleepnet", heading=title, lead=LEAD, sections=sections, is_synthetic=is_synthetic)
