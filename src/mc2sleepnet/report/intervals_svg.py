"""Figures with intervals, one a row, as a picture of its own: settings that differ, and those that do not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mc2sleepnet.report.svg import Markup, element

NAME_WIDTH, PLOT_WIDTH, VALUE_WIDTH, ROW, TOP, BOTTOM = 370, 420, 130, 26, 34, 34
INK, PAPER, SOFT, LINE, ACCENT = "#1b2230", "#ffffff", "#5a6475", "#dfe3e9", "#2663a8"
FONT = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A row: its name, value and interval (NaN for none), what to write at its end, and whether it stands out."""

    name: str
    value: float
    low: float
    high: float
    text: str
    is_strong: bool = False


def intervals_svg(title: str, rows: Sequence[Interval], *, reference: float) -> Markup:
    """A whole SVG document: dots with whiskers on one axis, and a line at the reference."""
    known = [x for row in rows for x in (row.value, row.low, row.high) if math.isfinite(x)] + [reference]
    known = [x for x in known if math.isfinite(x)] or [0.0, 1.0]
    low, high = min(known), max(known)
    margin = 0.05 * (high - low) or 0.05
    low, high = low - margin, high + margin
    width, height = NAME_WIDTH + PLOT_WIDTH + VALUE_WIDTH, TOP + ROW * len(rows) + BOTTOM

    def x_of(value: float) -> float:
        return NAME_WIDTH + PLOT_WIDTH * (value - low) / (high - low)

    bottom = TOP + ROW * len(rows)
    parts = [
        element("rect", width=width, height=height, fill=PAPER),
        _text(title, NAME_WIDTH, 20, colour=SOFT, size=13),
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        value = low + share * (high - low)
        x = x_of(value)
        parts.append(element("path", d=f"M{x:.1f} {TOP - 6}V{bottom}", stroke=LINE, fill="none"))
        parts.append(_text(f"{value:.3f}", x, bottom + 20, colour=SOFT, size=11, anchor="middle"))
    if math.isfinite(reference):
        line = f"M{x_of(reference):.1f} {TOP - 6}V{bottom}"
        parts.append(element("path", d=line, stroke=SOFT, fill="none", stroke_dasharray="4 3"))
    for place, row in enumerate(rows):
        y = TOP + ROW * (place + 0.5)
        colour = ACCENT if row.is_strong else INK
        parts.append(_text(row.name, NAME_WIDTH - 14, y + 4, colour=INK, size=13, anchor="end"))
        if math.isfinite(row.low) and math.isfinite(row.high):
            whisker = f"M{x_of(row.low):.1f} {y}H{x_of(row.high):.1f}"
            parts.append(element("path", d=whisker, stroke=colour, stroke_width=2, fill="none"))
        if math.isfinite(row.value):
            parts.append(element("circle", cx=x_of(row.value), cy=y, r=4.5, fill=colour))
        parts.append(_text(row.text, NAME_WIDTH + PLOT_WIDTH + 14, y + 4, colour=colour, size=12))
    return element(
        "svg",
        element("title", title),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width="100%",
        style=f"max-width:{width}px;height:auto",
        font_family=FONT,
        role="img",
    )


def _text(text: str, x: float, y: float, *, colour: str, size: int, anchor: str | None = None) -> Markup:
    return element("text", text, x=x, y=y, fill=colour, font_size=size, text_anchor=anchor)
