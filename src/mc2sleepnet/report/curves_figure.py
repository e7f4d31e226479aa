"""Loss and macro-F1 over a phase's steps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from mc2sleepnet.report.colours import SERIES_COLOURS
from mc2sleepnet.report.panel import grid_lines, panel, stretched_svg
from mc2sleepnet.report.svg import Markup, element, join, number
from mc2sleepnet.report.time_axis import Tick

Row = Mapping[str, float]

LOSS_PX = 170
MACRO_F1_PX = 120
WIDTH = 1000
JUDGED_BY = "validation_macro_f1"
NO_TERMS = frozenset({"step", "pass", "loss", "epochs_per_s"})
MOST_POINTS = 400
MOST_DOTS = 40


@dataclass(frozen=True, kw_only=True)
class _Line:
    """One quantity over steps."""

    name: str
    points: list[tuple[float, float]]
    colour: str
    is_strong: bool = False


def curves_figure(rows: Sequence[Row]) -> Markup:
    """Draw the loss and its terms above the macro-F1 on the validation subjects.

    Parameters
    ----------
    rows
        Metric rows of one phase, in order of their ``step``: ``loss``, any terms of it, and
        ``validation_macro_f1`` on some or all. Other ``validation_…`` keys are left out.
    """
    if not rows:
        return element("p", "No steps were logged.", class_="note")
    last_step = max(row["step"] for row in rows)
    keys = sorted({key for row in rows for key in row if not key.startswith("validation_")} - NO_TERMS)
    lines = [
        _Line(name="loss", points=_points(rows, "loss"), colour="var(--ink)", is_strong=True),
        *(
            _Line(name=key.replace("_", " "), points=_points(rows, key), colour=colour)
            for key, colour in zip(keys, cycle(SERIES_COLOURS), strict=False)
        ),
    ]
    lines = [line for line in lines if line.points]
    judged = _points(rows, JUDGED_BY)
    figures = []
    if lines:
        figures.append(
            _plot("Loss", lines, key=_key(lines), last_step=last_step, height_px=LOSS_PX, has_steps=not judged)
        )
    if judged:
        best_step, best = max(judged, key=lambda point: point[1])
        note = element("span", f"best {best:.3f} at step {best_step:,.0f}", class_="key")
        line = _Line(name="macro-F1", points=judged, colour=SERIES_COLOURS[0], is_strong=True)
        figures.append(
            _plot(
                "Validation macro-F1",
                [line],
                key=note,
                last_step=last_step,
                height_px=MACRO_F1_PX,
                has_steps=True,
            )
        )
    return join(*figures)


def _plot(
    title: str, lines: Sequence[_Line], *, key: Markup, last_step: float, height_px: int, has_steps: bool
) -> Markup:
    """One plot: values over steps, from zero."""
    levels = _ticks(max(value for line in lines for _, value in line.points))
    top = levels[-1]
    steps = [step for step in _ticks(last_step) if step <= last_step]

    def place(point: tuple[float, float]) -> str:
        return f"{number(point[0] / last_step * WIDTH)} {number((1 - point[1] / top) * height_px)}"

    shapes = [
        element("path", d="".join(f"M{place((0, level))}h{WIDTH}" for level in levels), class_="level"),
        grid_lines((step / last_step for step in steps), width=WIDTH, height=height_px),
    ]
    # The whole loss is painted last, over its terms.
    for line in reversed(lines):
        course = "M" + "L".join(place(point) for point in line.points)
        style = f"stroke:{line.colour}"
        shapes.append(element("path", d=course, class_="line strong" if line.is_strong else "line", style=style))
        if line.is_strong and len(line.points) <= MOST_DOTS:
            dots = "".join(f"M{place(point)}h0" for point in line.points)
            shapes.append(element("path", d=dots, class_="dots", style=style))
    in_words = f"{title} over {last_step:,.0f} steps: " + ", ".join(
        f"{line.name} from {line.points[0][1]:.3g} to {line.points[-1][1]:.3g}" for line in lines
    )
    return panel(
        title=title,
        key=key,
        plot=stretched_svg(*shapes, width=WIDTH, height=height_px, label=in_words),
        height_px=height_px,
        y_ticks=[Tick(place=1 - level / top, label=f"{level:g}") for level in levels],
        x_ticks=[
            Tick(place=step / last_step, label=f"{step:,.0f}", is_minor=bool(i % 2))
            for i, step in enumerate(steps)
            if has_steps
        ],
        x_name="step",
    )


def _key(lines: Sequence[_Line]) -> Markup:
    """Names of the lines in their colours."""
    return join(
        *(element("span", element("i", style=f"background:{line.colour}"), line.name, class_="key") for line in lines)
    )


def _points(rows: Sequence[Row], key: str) -> list[tuple[float, float]]:
    """Step and value where a row has one, at most 400: means of neighbours beyond that."""
    points = [(row["step"], row[key]) for row in rows if key in row and math.isfinite(row[key])]
    per_point = -(-len(points) // MOST_POINTS)
    if per_point <= 1:
        return points
    groups = [points[i : i + per_point] for i in range(0, len(points), per_point)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]


def _ticks(high: float) -> list[float]:
    """Round numbers from 0 on, at most seven; the last is not below `high`."""
    rough = max(high, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    return [round(i * step, 12) for i in range(max(1, math.ceil(high / step - 1e-9)) + 1)]
