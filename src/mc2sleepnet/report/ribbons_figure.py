"""One night by several scorers: a ribbon of stages each, and where they differ."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import STAGES, UNSCORED
from mc2sleepnet.report.panel import boxes, grid_lines, mark_key, runs, stage_key, stretched_svg
from mc2sleepnet.report.svg import Markup, element, number
from mc2sleepnet.report.time_axis import TimeAxis

RIBBON_PX = 24
APART_PX = 30


def ribbons_figure(
    stages: NDArray[np.int8],
    labels: Sequence[str],
    axis: TimeAxis,
    *,
    title: str,
    note: str = "",
    drawn: Sequence[int] | None = None,
) -> Markup:
    """Draw a night.

    Parameters
    ----------
    stages
        Shape ``[K, N]``, the reference first; -1 where unscored.
    labels
        K names.
    axis
        Of the N epochs.
    title, note
        Above it: which night, and a word about it.
    drawn
        Which of the K get a ribbon, all by default; where they differ is over all.
    """
    n_epochs = stages.shape[1]
    ticks = axis.ticks()
    drawn = range(len(labels)) if drawn is None else drawn
    keys = [element("span", note, class_="key"), stage_key()]
    if np.any(stages[list(drawn)] == UNSCORED):
        keys.append(mark_key("unscored", "not scored"))
    n_left = len(labels) - len(drawn)
    if n_left:
        left = f"{n_left} of {len(labels)} scorers are not drawn, but counted where they differ"
        keys.append(element("span", left, class_="key"))
    cells = [element("figcaption", element("b", title), " ", *keys)]
    for row in drawn:
        label, stage = labels[row], stages[row]
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
    apart = _apart(stages)
    shapes = [
        grid_lines((tick.place for tick in ticks), width=n_epochs, height=APART_PX),
        element("path", d=_apart_path(apart), class_="review"),
    ]
    words = f"Share of the {len(labels)} scorers who differ: any in {np.count_nonzero(apart)} of {n_epochs} epochs"
    differ = stretched_svg(*shapes, width=n_epochs, height=APART_PX, label=words)
    cells += [
        element("div", "differ", class_="label"),
        element("div", differ, class_="ribbon apart"),
        element("div", axis.name, class_="label axis-name"),
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
    return element("figure", *cells, class_="ribbons")


def _apart(stages: NDArray[np.int8]) -> NDArray[np.float64]:
    """Share of scorers who do not give the most frequent stage. Shape: [K, N] → [N]"""
    counts = np.stack([np.count_nonzero(stages == code, axis=0) for code in range(len(STAGES))])
    n_given = counts.sum(axis=0)
    # Of two scorers who differ neither is in the majority: full height.
    return np.where(n_given > 1, 1 - (counts.max(axis=0) - 1) / np.maximum(n_given - 1, 1), 0.0)


def _apart_path(apart: NDArray[np.float64]) -> str:
    """Bars as high as the share. Shape: [N]"""
    levels = np.unique(apart[apart > 0])
    return "".join(boxes(runs(apart == level), top=APART_PX * (1 - level), height=APART_PX * level) for level in levels)
