"""One night by several scorers: a ribbon of stages each, and where they differ."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import STAGES, UNSCORED
from mc2sleepnet.report.panel import boxes, grid_lines, mark_key, runs, stage_key, stretched_svg
from mc2sleepnet.report.svg import Markup, element, join, number
from mc2sleepnet.report.time_axis import TimeAxis

RIBBON_PX = 24
APART_PX = 30


def ribbons_figure(
    stages: NDArray[np.int8],
    labels: Sequence[str],
    *,
    start: datetime | None,
    title: str,
    note: str = "",
) -> Markup:
    """Draw a night.

    Parameters
    ----------
    stages
        Shape ``[K, N]``, the reference first; -1 where unscored.
    labels
        K names.
    start
        Clock time of the first epoch, or None.
    title, note
        Above it: which night, and a word about it.
    """
    n_epochs = stages.shape[1]
    axis = TimeAxis(n_epochs=n_epochs, start=start)
    ticks = axis.ticks()
    cells = [element("figcaption", element("b", title), " ", element("span", note, class_="key"), stage_key())]
    for label, stage in zip(labels, stages, strict=True):
        shapes = [
            element("path", d=boxes(runs(stage == code), top=0, height=RIBBON_PX), style=f"fill:var(--{name})")
            for code, name in enumerate(STAGES)
        ]
        shapes.append(element("path", d=boxes(runs(stage == UNSCORED), top=0, height=RIBBON_PX), class_="unscored"))
        words = f"{label}: " + ", ".join(f"{np.count_nonzero(stage == i)} {name}" for i, name in enumerate(STAGES))
        cells += [
            element("div", label, class_="label"),
            element("div", stretched_svg(*shapes, width=n_epochs, height=RIBBON_PX, label=words), class_="ribbon"),
        ]
    shapes = [
        grid_lines((tick.place for tick in ticks), width=n_epochs, height=APART_PX),
        element("path", d=_apart_path(stages), class_="review"),
    ]
    differ = stretched_svg(*shapes, width=n_epochs, height=APART_PX, label="Share of the scorers who differ")
    cells += [
        element("div", "differ", class_="label"),
        element("div", differ, class_="ribbon apart"),
        element("div", class_="label"),
        element(
            "div",
            *(
                element(
                    "span",
                    tick.label,
                    style=f"left:{number(100 * tick.place)}%",
                    class_="minor" if tick.is_minor else None,
                )
                for tick in ticks
            ),
            class_="axis",
            aria_hidden="true",
        ),
    ]
    if np.any(stages == UNSCORED):
        cells[0] = element(
            "figcaption",
            element("b", title),
            " ",
            element("span", note, class_="key"),
            join(stage_key(), mark_key("unscored", "not scored")),
        )
    return element("figure", *cells, class_="ribbons")


def _apart_path(stages: NDArray[np.int8]) -> str:
    """Bars as high as the share of scorers who do not give the most frequent stage."""
    counts = np.stack([np.count_nonzero(stages == code, axis=0) for code in range(len(STAGES))])
    n_given = counts.sum(axis=0)
    # Of two scorers who differ neither is in the majority: full height.
    apart = np.where(n_given > 1, 1 - (counts.max(axis=0) - 1) / np.maximum(n_given - 1, 1), 0.0)
    levels = np.unique(apart[apart > 0])
    return "".join(boxes(runs(apart == level), top=APART_PX * (1 - level), height=APART_PX * level) for level in levels)
