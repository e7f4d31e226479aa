"""The page that all reports share: one file, its own style, nothing from a network."""

from collections.abc import Mapping, Sequence
from importlib.resources import files

from mc2sleepnet.report.colours import POWER_ANCHORS, STAGE_COLOURS, STAGE_COLOURS_DARK, stage_variables
from mc2sleepnet.report.svg import Markup, element, join

RESEARCH_USE = "Research use only. Not a medical device: not for diagnosis or treatment."
SYNTHETIC = "Synthetic data. No person was recorded; the figures say nothing about real sleep."


def page(
    *, kind: str, heading: str, lead: str, sections: Sequence[Markup], is_synthetic: bool, footer: str = ""
) -> str:
    """Return a whole HTML document.

    Parameters
    ----------
    kind
        What sort of report it is, above the heading.
    heading, lead
        Its title, and one paragraph below it.
    sections
        The body, as `section` makes them.
    is_synthetic
        Puts a banner on top that says so.
    footer
        One line before the statement that this is for research.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", heading),
        element("style", Markup(_style())),
    )
    banner = element("p", SYNTHETIC, class_="banner", role="note") if is_synthetic else Markup()
    body = element(
        "main",
        banner,
        element(
            "header",
            element("p", kind, class_="kind"),
            element("h1", heading),
            element("p", lead, class_="lead"),
        ),
        *sections,
        element("footer", element("p", footer) if footer else Markup(), element("p", RESEARCH_USE)),
    )
    return "<!doctype html>\n" + element("html", head, element("body", body), lang="en") + "\n"


def section(heading: str, *children: str) -> Markup:
    """One part of the page under a heading."""
    return element("section", element("h2", heading), *children, aria_label=heading)


def columns(*stacks: Sequence[Markup]) -> Markup:
    """Stacks of sections side by side where there is room."""
    return element("div", *(element("div", *stack) for stack in stacks), class_="columns")


def tiles(figures: Sequence[tuple[str, str, str]]) -> Markup:
    """A row of single figures: name, value, unit."""
    return element(
        "dl",
        *(
            element(
                "div",
                element("dt", name),
                element("dd", element("span", value), element("small", unit) if unit else ""),
            )
            for name, value, unit in figures
        ),
        class_=f"tiles of-{len(figures)}",
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, name: str, n_text_columns: int = 1) -> Markup:
    """Rows of cells under a head; columns after the first `n_text_columns` hold figures, the first names its row."""

    def cell(column: int, content: str, *, is_head: bool) -> Markup:
        class_ = "figure" if column >= n_text_columns else None
        if is_head:
            return element("th", content, scope="col", class_=class_)
        return element("td", content, class_=class_) if column else element("th", content, scope="row", class_=class_)

    grid = element(
        "table",
        element("thead", element("tr", *(cell(i, one, is_head=True) for i, one in enumerate(head)))),
        element("tbody", *(element("tr", *(cell(i, one, is_head=False) for i, one in enumerate(row))) for row in rows)),
    )
    return scrolling(grid, name=name)


def scrolling(grid: Markup, *, name: str) -> Markup:
    """A table that scrolls where there is no room for it, by keys too; the name is for those who cannot see it."""
    return element("div", grid, class_="scrolls", tabindex="0", role="region", aria_label=name)


def facts_list(facts: Mapping[str, object]) -> Markup:
    """Names and values; values that are mappings are set under their name, lists in one line."""
    return element(
        "dl",
        *(element("div", element("dt", name), element("dd", value)) for name, value in _flat(facts)),
        class_="facts",
    )


def _flat(facts: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Names with dots for what lies within, and values as text."""
    flat = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            flat += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, (list, tuple)):
            flat.append((prefix + str(name), ", ".join(str(one) for one in value) or "–"))
        else:
            flat.append((prefix + str(name), "–" if value is None or value == "" else str(value)))
    return flat


def _style() -> str:
    """Style sheet with the colours put in."""
    sheet = files("mc2sleepnet.report").joinpath("report.css").read_text(encoding="utf-8")
    power = f"--power:linear-gradient(90deg,{','.join(POWER_ANCHORS)});"
    return join(
        Markup(f":root{{{stage_variables(STAGE_COLOURS)}{power}}}"),
        Markup(f"@media screen and (prefers-color-scheme:dark){{:root{{{stage_variables(STAGE_COLOURS_DARK)}}}}}"),
        Markup(sheet),
    )
