"""The probabilities of the five stages, stacked over the night."""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.report.colours import STAGES_TOP_DOWN
from mc2sleepnet.report.panel import boxes, grid_lines, panel, runs, stage_key, stretched_svg
from mc2sleepnet.report.svg import Markup, element
from mc2sleepnet.report.time_axis import Tick, TimeAxis

HEIGHT_PX = 120
UNITS = 500  # whole numbers up to this keep the file small and the picture exact enough


def hypnodensity_figure(
    hypnodensity: NDArray[np.floating], axis: TimeAxis, *, x_ticks: list[Tick], x_name: str
) -> Markup:
    """Draw probabilities as stacked areas, in a hypnogram's order: wake on top, N3 at the bottom.

    Parameters
    ----------
    hypnodensity
        Shape ``[N, 5]``, rows that sum to 1; NaN where unscored.
    axis
        The time axis it shares with the other figures.
    x_ticks, x_name
        Labels below the plot, where it is the lowest.
    """
    n_epochs = len(hypnodensity)
    is_scored = ~np.isnan(hypnodensity).any(axis=1)
    shapes = [element("path", d=boxes(runs(~is_scored), top=0, height=UNITS), class_="unscored")]
    # Each area reaches down to the bottom and the next is painted over it: no seams between neighbours.
    for rank, code in enumerate(STAGES_TOP_DOWN):
        height = hypnodensity[:, STAGES_TOP_DOWN[rank:]].sum(axis=1)
        top = UNITS - np.round(np.nan_to_num(height) * UNITS).astype(int)
        outline = "".join(_steps(top, first, end) for first, end in runs(is_scored))
        shapes.append(element("path", d=outline, style=f"fill:var(--{STAGES[code]})"))
    shapes.append(grid_lines((tick.place for tick in axis.ticks()), width=n_epochs, height=UNITS))
    return panel(
        title="Stage probabilities",
        key=stage_key(),
        plot=stretched_svg(*shapes, width=n_epochs, height=UNITS, label="Stacked stage probabilities per epoch"),
        height_px=HEIGHT_PX,
        y_ticks=[Tick(place=0, label="1"), Tick(place=0.5, label="½"), Tick(place=1, label="0")],
        x_ticks=x_ticks,
        x_name=x_name,
    )


def _steps(top: NDArray[np.int_], first: int, end: int) -> str:
    """Path data of one stretch of epochs, each as wide as 1 and reaching from `top` to the bottom."""
    path = [f"M{first} {UNITS}V{top[first]}h1"]
    for at in range(first + 1, end):
        rise = top[at] - top[at - 1]
        path.append(f"v{rise}h1" if rise else "h1")
    return "".join(path) + f"V{UNITS}z"
