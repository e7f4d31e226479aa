"""Figures with their intervals, one below another on one axis: dots and whiskers that compare at a glance."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mc2sleepnet.report.panel import stretched_svg
from mc2sleepnet.report.round_numbers import round_ticks
from mc2sleepnet.report.svg import Markup, element, number

WIDTH = 1000
ROW_PX = 22
ABSENT = "–"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line.

    Attributes
    ----------
    label
        What it is.
    value, low, high
        The dot and its whiskers; NaN where there is none.
    text
        What stands at the right; by default the value.
    colour
        A CSS colour.
    note
        Small words behind the label.
    is_strong
        Set in bold.
    """

    label: str
    value: float
    low: float = math.nan
    high: float = math.nan
    text: str = ""
    colour: str = "var(--accent)"
    note: str = ""
    is_strong: bool = False


def rows_figure(
    rows: Sequence[Row],
    *,
    name: str,
    limits: tuple[float, float] | None = None,
    line: float | None = None,
    band: tuple[float, float] | None = None,
) -> Markup:
    """Draw rows on one axis.

    Parameters
    ----------
    rows
        From top to bottom.
    name
        What the axis is.
    limits
        Of the axis; by default what the rows need.
    line
        A value to compare with, drawn through all rows.
    band
        Its interval.
    """
    drawn = [line, *(band or ()), *(x for row in rows for x in (row.value, row.low, row.high))]
    known = [x for x in drawn if x is not None and math.isfinite(x)]
    low, high = limits or ((min(known), max(known)) if known else (0.0, 1.0))
    ticks = round_ticks(low, high, 5)
    if limits is None:
        low, high = min(low, ticks[0]), max(high, ticks[-1])
    span = (high - low) or 1.0

    def at(value: float) -> float:
        return min(max((value - low) / span, 0.0), 1.0) * WIDTH

    cells: list[Markup] = []
    for row in rows:
        note = element("small", row.note) if row.note else Markup()
        cells.append(element("div", row.label, note, class_="label strong" if row.is_strong else "label"))
        cells.append(element("div", _row_svg(row, at, ticks, line=line, band=band, name=name), class_="track"))
        shown = row.text or (ABSENT if math.isnan(row.value) else f"{row.value:.3f}")
        cells.append(element("div", shown, class_="value strong" if row.is_strong else "value"))
    axis = element(
        "div",
        *(
            element(
                "span",
                _label(tick),
                style=f"left:{number(at(tick) / WIDTH * 100)}%",
                class_="minor" if index % 2 and len(ticks) > 2 else None,
            )
            for index, tick in enumerate(ticks)
        ),
        class_="axis",
        aria_hidden="true",
    )
    cells += [element("div", name, class_="label axis-name"), axis, element("div")]
    return element("figure", *cells, class_="rows")


def _row_svg(
    row: Row,
    at: Callable[[float], float],
    ticks: Sequence[float],
    *,
    line: float | None,
    band: tuple[float, float] | None,
    name: str,
) -> Markup:
    middle = ROW_PX / 2
    shapes = []
    if band is not None and all(math.isfinite(x) for x in band):
        box = f"M{number(at(band[0]))} 0H{number(at(band[1]))}V{ROW_PX}H{number(at(band[0]))}z"
        shapes.append(element("path", d=box, class_="band"))
    shapes.append(element("path", d="".join(f"M{number(at(tick))} 0V{ROW_PX}" for tick in ticks), class_="grid"))
    if line is not None and math.isfinite(line):
        shapes.append(element("path", d=f"M{number(at(line))} 0V{ROW_PX}", class_="mark"))
    if math.isfinite(row.low) and math.isfinite(row.high):
        whisker = f"M{number(at(row.low))} {middle:g}H{number(at(row.high))}"
        shapes.append(element("path", d=whisker, class_="whisker", style=f"stroke:{row.colour}"))
    if math.isfinite(row.value):
        dot = f"M{number(at(row.value))} {middle:g}h0"
        shapes.append(element("path", d=dot, class_="dot", style=f"stroke:{row.colour}"))
    between = f" ({row.low:.3f} to {row.high:.3f})" if math.isfinite(row.low) else ""
    value = f"{row.value:.3f}{between}" if math.isfinite(row.value) else "no value"
    return stretched_svg(*shapes, width=WIDTH, height=ROW_PX, label=f"{row.label}: {name} {value}")


def _label(tick: float) -> str:
    return f"{tick:g}".replace("-", "−")
