"""A figure with axes: the plot stretches to the page, its labels keep their size."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.report.colours import STAGES_TOP_DOWN
from mc2sleepnet.report.svg import Markup, element, join, number
from mc2sleepnet.report.time_axis import Tick


def panel(
    *,
    title: str,
    key: str = "",
    plot: Markup,
    height_px: int,
    y_ticks: Iterable[Tick],
    x_ticks: Iterable[Tick] = (),
    x_name: str = "",
    y_name: str = "",
) -> Markup:
    """Set a plot between its labels.

    Parameters
    ----------
    title, key
        Above the plot: what it shows, and what its colours mean.
    plot
        An SVG or image that fills the width and `height_px`.
    y_ticks
        Labels at the left, places from the top.
    x_ticks, x_name
        Labels below, places from the left; none for a panel above another on the same axis.
    y_name
        What the labels at the left count, where the title does not say it.
    """
    rows = [
        element("figcaption", element("b", title), " ", key),
        element(
            "div",
            *(element("span", tick.label, style=f"top:{number(100 * tick.place)}%") for tick in y_ticks),
            *((element("b", y_name),) if y_name else ()),
            class_="y",
            aria_hidden="true",
        ),
        element("div", plot, class_="plot"),
    ]
    if x_ticks:
        rows.append(
            element(
                "div",
                *(
                    element(
                        "span",
                        tick.label,
                        style=f"left:{number(100 * tick.place)}%",
                        class_="minor" if tick.is_minor else None,
                    )
                    for tick in x_ticks
                ),
                class_="x",
                aria_hidden="true",
            )
        )
        rows.append(element("div", x_name, class_="x-name", aria_hidden="true"))
    return element("figure", *rows, class_="panel", style=f"--height:{height_px}px")


def stretched_svg(*shapes: Markup, width: float, height: float, label: str) -> Markup:
    """Drawing of `width` by `height` units that fills the plot whatever its shape; strokes keep their width."""
    return element(
        "svg",
        *shapes,
        viewBox=f"0 0 {number(width)} {number(height)}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def grid_lines(places: Iterable[float], *, width: float, height: float) -> Markup:
    """Vertical hairlines at places from 0 to 1."""
    return element("path", d="".join(f"M{number(p * width)} 0v{number(height)}" for p in places), class_="grid")


def stage_key() -> Markup:
    """Names of the stages in their colours."""
    return join(
        *(
            element("span", element("i", style=f"background:var(--{STAGES[stage]})"), STAGES[stage], class_="key")
            for stage in STAGES_TOP_DOWN
        )
    )


def mark_key(name: str, meaning: str) -> Markup:
    """One entry of a key, for the mark that has this name in the style sheet."""
    return element("span", element("i", class_=name), meaning, class_="key")


def runs(is_in: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and past-the-last index of each stretch of True."""
    edges = np.flatnonzero(np.diff(is_in, prepend=False, append=False))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def boxes(spans: Sequence[tuple[int, int]], *, top: float, height: float) -> str:
    """Path data of rectangles over spans of the axis."""
    return "".join(f"M{first} {number(top)}h{end - first}v{number(height)}h{first - end}z" for first, end in spans)
