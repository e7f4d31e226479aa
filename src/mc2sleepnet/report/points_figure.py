"""Points and lines on two axes: Bland-Altman, reliability, risk and coverage, distances."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.report.panel import panel, stretched_svg
from mc2sleepnet.report.round_numbers import round_ticks
from mc2sleepnet.report.svg import Markup, element, number
from mc2sleepnet.report.time_axis import Tick

WIDTH = 1000
MOST_POINTS = 1500
SAID_OF_CURVE = 6


@dataclass(frozen=True, kw_only=True)
class Line:
    """A horizontal line with its interval."""

    value: float
    low: float = math.nan
    high: float = math.nan
    is_strong: bool = False


@dataclass(frozen=True, kw_only=True)
class Whisker:
    """A point with an interval along y."""

    x: float
    y: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """What a plot shows.

    Attributes
    ----------
    title, key
        Above the plot.
    x_name, y_name
        Below it, and at its left.
    x_limits, y_limits
        Of the axes.
    dots
        Shape ``[n, 2]``: x and y of faint dots; beyond 1500 every so many-th is drawn.
    whiskers
        Strong points with intervals.
    lines
        Horizontal lines.
    curve
        Shape ``[n, 2]``: a line through points.
    diagonal
        From corner to corner, where both sides would be equal.
    bars
        Shape ``[n, 3]``: left, right and height from the lower edge, as a share of the plot.
    percent_x, percent_y
        Ticks as percent.
    is_count
        Whether y counts something: whole numbers only.
    """

    title: str
    key: str = ""
    x_name: str
    y_name: str = ""
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    dots: NDArray[np.float64] | None = None
    whiskers: Sequence[Whisker] = field(default_factory=tuple)
    lines: Sequence[Line] = field(default_factory=tuple)
    curve: NDArray[np.float64] | None = None
    diagonal: bool = False
    bars: NDArray[np.float64] | None = None
    percent_x: bool = False
    percent_y: bool = False
    is_count: bool = False


def points_figure(points: Points, *, height_px: int = 200) -> Markup:
    """Draw one plot."""
    (x_low, x_high), (y_low, y_high) = points.x_limits, points.y_limits
    x_span, y_span = (x_high - x_low) or 1.0, (y_high - y_low) or 1.0

    def x_at(x: float) -> str:
        return number(min(max((x - x_low) / x_span, 0.0), 1.0) * WIDTH)

    def y_at(y: float) -> str:
        return number((1 - min(max((y - y_low) / y_span, 0.0), 1.0)) * height_px)

    x_ticks, y_ticks = round_ticks(x_low, x_high, 5), round_ticks(y_low, y_high, 5, is_count=points.is_count)
    shapes = [element("path", d="".join(f"M0 {y_at(y)}H{WIDTH}" for y in y_ticks), class_="level")]
    shapes.append(element("path", d="".join(f"M{x_at(x)} 0V{height_px}" for x in x_ticks), class_="grid"))
    if points.bars is not None:
        path = "".join(
            f"M{x_at(left)} {height_px}V{number(height_px * (1 - share))}H{x_at(right)}V{height_px}z"
            for left, right, share in points.bars
        )
        shapes.append(element("path", d=path, class_="bars"))
    if points.diagonal:
        shapes.append(element("path", d=f"M0 {height_px}L{WIDTH} 0", class_="mark"))
    for line in points.lines:
        if math.isfinite(line.low) and math.isfinite(line.high):
            box = f"M0 {y_at(line.low)}H{WIDTH}V{y_at(line.high)}H0z"
            shapes.append(element("path", d=box, class_="band"))
        if math.isfinite(line.value):
            name = "mark strong" if line.is_strong else "mark"
            shapes.append(element("path", d=f"M0 {y_at(line.value)}H{WIDTH}", class_=name))
    if points.dots is not None and len(points.dots):
        shown = points.dots[:: -(-len(points.dots) // MOST_POINTS)]
        shapes.append(element("path", d="".join(f"M{x_at(x)} {y_at(y)}h0" for x, y in shown), class_="faint-dots"))
    if points.curve is not None and len(points.curve):
        course = "M" + "L".join(f"{x_at(x)} {y_at(y)}" for x, y in points.curve)
        shapes.append(element("path", d=course, class_="line strong", style="stroke:var(--accent)"))
    known = [one for one in points.whiskers if math.isfinite(one.y)]
    whiskers = "".join(f"M{x_at(one.x)} {y_at(one.low)}V{y_at(one.high)}" for one in known if math.isfinite(one.low))
    shapes.append(element("path", d=whiskers, class_="whisker", style="stroke:var(--accent)"))
    shapes.append(
        element(
            "path",
            d="".join(f"M{x_at(one.x)} {y_at(one.y)}h0" for one in known),
            class_="dot",
            style="stroke:var(--accent)",
        )
    )
    return panel(
        title=points.title,
        key=element("span", points.key, class_="key") if points.key else "",
        plot=stretched_svg(*shapes, width=WIDTH, height=height_px, label=_in_words(points)),
        height_px=height_px,
        y_ticks=[Tick(place=1 - (y - y_low) / y_span, label=_label(y, points.percent_y)) for y in y_ticks],
        x_ticks=[Tick(place=(x - x_low) / x_span, label=_label(x, points.percent_x)) for x in x_ticks],
        x_name=points.x_name,
        y_name=points.y_name,
    )


def _in_words(points: Points) -> str:
    """Say what the plot shows, for readers who cannot see it."""
    told = [points.title, points.key]
    if points.dots is not None and len(points.dots):
        (x_low, y_low), (x_high, y_high) = points.dots.min(axis=0), points.dots.max(axis=0)
        dots = f"{len(points.dots):,} dots from {_said(y_low)} to {_said(y_high)}"
        told.append(f"{dots}, {points.x_name} from {_said(x_low)} to {_said(x_high)}")
    at = [
        f"{_said(one.x, points.percent_x)}: {_said(one.y, points.percent_y)}"
        + (f" ({_said(one.low, points.percent_y)} to {_said(one.high, points.percent_y)})" * math.isfinite(one.low))
        for one in points.whiskers
        if math.isfinite(one.y)
    ]
    if points.curve is not None and len(points.curve):
        some = np.unique(np.linspace(0, len(points.curve) - 1, SAID_OF_CURVE).round().astype(int))
        at += [f"{_said(x, points.percent_x)}: {_said(y, points.percent_y)}" for x, y in points.curve[some]]
    if at:
        told.append(f"By {points.x_name}: {'; '.join(at)}")
    return ". ".join(part for part in told if part)


def _said(value: float, is_percent: bool = False) -> str:
    """Three digits."""
    return (f"{100 * value:.3g} %" if is_percent else f"{value:.3g}").replace("-", "−")


def _label(value: float, is_percent: bool) -> str:
    text = f"{100 * value:.6g} %" if is_percent else f"{value:g}"
    return text.replace("-", "−")
