"""The night as a staircase of stages."""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import STAGES, UNSCORED, R
from mc2sleepnet.report.colours import STAGES_TOP_DOWN
from mc2sleepnet.report.panel import boxes, grid_lines, mark_key, panel, runs, stretched_svg
from mc2sleepnet.report.svg import Markup, element, join
from mc2sleepnet.report.time_axis import Tick, TimeAxis

LEVEL_PX = 28
BAR_PX = 8
REM_BAR_PX = 14
STRIP_PX = 12
HEIGHT_PX = len(STAGES) * LEVEL_PX + STRIP_PX


def hypnogram_figure(
    hypnogram: Hypnogram,
    review: NDArray[np.bool_],
    axis: TimeAxis,
    *,
    lights_off: int | None = None,
    lights_on: int | None = None,
) -> Markup:
    """Draw the staircase of stages, with the epochs to review marked below it and unscored time shaded.

    Parameters
    ----------
    hypnogram
        N epochs, at least one.
    review
        Shape ``[N]``: True where a person should look again.
    axis
        The time axis it shares with the figures below it; labels are left to the lowest.
    lights_off, lights_on
        First epochs after lights off and lights on, where known; time outside them is dimmed.
    """
    stage, n_epochs = hypnogram.stage, len(hypnogram)
    level_of = {code: (level + 0.5) * LEVEL_PX for level, code in enumerate(STAGES_TOP_DOWN)}
    shapes = [
        element("path", d=boxes(runs(~hypnogram.is_scored), top=0, height=HEIGHT_PX), class_="unscored"),
        grid_lines((tick.place for tick in axis.ticks()), width=n_epochs, height=HEIGHT_PX),
        element("path", d="".join(f"M0 {y:g}h{n_epochs}" for y in level_of.values()), class_="level"),
        element("path", d=_risers(stage, level_of), class_="riser"),
    ]
    for code in STAGES_TOP_DOWN:
        bar_px = REM_BAR_PX if code == R else BAR_PX
        bars = boxes(runs(stage == code), top=level_of[code] - bar_px / 2, height=bar_px)
        shapes.append(element("path", d=bars, style=f"fill:var(--{STAGES[code]})"))
    marks = boxes(runs(review), top=HEIGHT_PX - STRIP_PX + 2, height=STRIP_PX - 2)
    shapes.append(element("path", d=marks, class_="review"))
    keys = []
    for name, at, outside in (("off", lights_off, (0, lights_off)), ("on", lights_on, (lights_on, n_epochs))):
        if at is not None:
            first, end = int(outside[0] or 0), int(outside[1] or 0)
            shapes.append(element("path", d=boxes([(first, end)], top=0, height=HEIGHT_PX), class_="out-of-bed"))
            shapes.append(element("path", d=f"M{at} 0V{HEIGHT_PX}", class_="lights"))
            keys.append(mark_key("lights", f"lights {name} {axis.label(at)}"))
    if review.any():
        keys.append(mark_key("review", "worth a second look"))
    if not hypnogram.is_scored.all():
        keys.append(mark_key("unscored", "not scored"))
    return panel(
        title="Hypnogram",
        key=join(*keys),
        plot=stretched_svg(*shapes, width=n_epochs, height=HEIGHT_PX, label=_in_words(hypnogram, review)),
        height_px=HEIGHT_PX,
        y_ticks=[Tick(place=y / HEIGHT_PX, label=STAGES[code]) for code, y in level_of.items()],
    )


def _risers(stage: NDArray[np.int8], level_of: dict[int, float]) -> str:
    """Path data of the verticals between neighbouring scored epochs."""
    changes = np.flatnonzero(np.diff(stage) != 0) + 1
    return "".join(
        f"M{at} {level_of[int(stage[at - 1])]:g}V{level_of[int(stage[at])]:g}"
        for at in changes
        if UNSCORED not in (stage[at - 1], stage[at])
    )


def _in_words(hypnogram: Hypnogram, review: NDArray[np.bool_]) -> str:
    """Say what the figure shows, for readers who cannot see it."""
    counts = ", ".join(f"{np.count_nonzero(hypnogram.stage == code)} {name}" for code, name in enumerate(STAGES))
    return (
        f"Hypnogram of {len(hypnogram)} epochs: {counts}, {np.count_nonzero(~hypnogram.is_scored)} not scored; "
        f"{np.count_nonzero(review)} to review"
    )
