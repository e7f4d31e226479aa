"""What each of several channels says by itself: one strip of stages a channel."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import STAGES, UNSCORED
from mc2sleepnet.report.colours import STAGES_TOP_DOWN
from mc2sleepnet.report.panel import boxes, grid_lines, panel, runs, stretched_svg
from mc2sleepnet.report.svg import Markup, element
from mc2sleepnet.report.time_axis import Tick, TimeAxis

STRIP_PX = 16
GAP_PX = 6
DISSENT_PX = 5


def channels_figure(
    channel_stages: Mapping[str, NDArray[np.int8]], stage: NDArray[np.int8], axis: TimeAxis, *, reach: str
) -> Markup:
    """Draw a strip of stages for each channel, and below each where it dissents from the average.

    Parameters
    ----------
    channel_stages
        Label of each channel, and its stages by itself, shape ``[N]``.
    stage
        Shape ``[N]``: stages of the averaged probabilities.
    axis
        The time axis it shares with the figures above and below it.
    reach
        In words how far the channels stand apart.
    """
    height = len(channel_stages) * (STRIP_PX + DISSENT_PX + GAP_PX)
    shapes, ticks = [], []
    for row, (_, own) in enumerate(channel_stages.items()):
        top = row * (STRIP_PX + DISSENT_PX + GAP_PX)
        shapes.append(
            element("path", d=boxes(runs(own == UNSCORED), top=top, height=STRIP_PX), class_="unscored"),
        )
        for code in STAGES_TOP_DOWN:
            bars = boxes(runs(own == code), top=top, height=STRIP_PX)
            shapes.append(element("path", d=bars, style=f"fill:var(--{STAGES[code]})"))
        differs = (own != stage) & (own != UNSCORED)
        marks = boxes(runs(differs), top=top + STRIP_PX + 1, height=DISSENT_PX - 1)
        shapes.append(element("path", d=marks, class_="dissent"))
        ticks.append(Tick(place=(top + STRIP_PX / 2) / height, label=str(row + 1)))
    shapes.append(grid_lines((tick.place for tick in axis.ticks()), width=axis.n_epochs, height=height))
    names = " · ".join(f"{row} {label}" for row, label in enumerate(channel_stages, start=1))
    return panel(
        title="Channels by themselves",
        key=element("span", element("i", class_="dissent"), f"{names}; below each, where it dissents", class_="key"),
        plot=stretched_svg(
            *shapes, width=axis.n_epochs, height=height, label=f"Stages of each channel: {names}; {reach}"
        ),
        height_px=height,
        y_ticks=ticks,
    )
