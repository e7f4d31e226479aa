"""The confusion matrix as a picture of its own, for documents that hold no style sheet."""

import math

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.metrics.agreement import Agreement
from mc2sleepnet.report.confusion_figure import is_on_dark, percent, shares_of_reference
from mc2sleepnet.report.svg import Markup, element

CELL, LEFT, TOP, MARGIN = 84, 92, 58, 10
INK, PAPER, SOFT = "#1b2230", "#ffffff", "#5a6475"
FULL = (38, 99, 168)
FONT = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"


def confusion_svg(agreement: Agreement, *, is_synthetic: bool) -> str:
    """A whole SVG document: shares of each reference stage, with the counts; rows reference, columns scored.

    Where no person was recorded it says so.
    """
    shares = shares_of_reference(agreement)
    synthetic = ", synthetic data" if is_synthetic else ""
    side = CELL * len(STAGES)
    width, height = LEFT + side + MARGIN, TOP + side + MARGIN
    parts = [
        element("rect", width=width, height=height, fill=PAPER),
        _text(f"scored{synthetic}", LEFT + side / 2, 20, size=14, colour=SOFT),
        _text("reference", 20, TOP + side / 2, size=14, colour=SOFT, turned=True),
    ]
    for row, reference in enumerate(STAGES):
        centre = CELL * (row + 0.5)
        parts += [
            _text(reference, LEFT + centre, TOP - 10, size=16, weight="600"),
            _text(reference, LEFT - 24, TOP + centre + 5, size=16, weight="600"),
        ]
        for column in range(len(STAGES)):
            count, share = int(agreement.confusion[row, column]), float(shares[row, column])
            x, y = LEFT + CELL * column, TOP + CELL * row
            ink = PAPER if is_on_dark(share) else INK
            parts += [
                element("rect", x=x + 1, y=y + 1, width=CELL - 2, height=CELL - 2, rx=4, fill=_colour(share)),
                _text(percent(share), x + CELL / 2, y + CELL / 2, size=17, colour=ink, weight="600"),
                _text(f"{count:,}", x + CELL / 2, y + CELL / 2 + 20, size=12, colour=ink),
            ]
    return str(
        element(
            "svg",
            element(
                "title",
                f"Confusion matrix of {agreement.n_epochs:,} epochs{synthetic}: rows reference, columns scored",
            ),
            *parts,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {width} {height}",
            width=width,
            height=height,
            font_family=FONT,
            text_anchor="middle",
            role="img",
        )
    )


def _text(
    text: str, x: float, y: float, *, size: int, colour: str = INK, weight: str | None = None, turned: bool = False
) -> Markup:
    transform = f"rotate(-90 {x:g} {y:g})" if turned else None
    return element("text", text, x=x, y=y, font_size=size, fill=colour, font_weight=weight, transform=transform)


def _colour(share: float) -> str:
    """From paper to full colour, with a step where figures become light; paper where there is no share."""
    depth = 0.5 + 0.5 * share if is_on_dark(share) else 0.03 + 0.75 * (0.0 if math.isnan(share) else share)
    return "#" + "".join(f"{round(255 + (full - 255) * depth):02x}" for full in FULL)
