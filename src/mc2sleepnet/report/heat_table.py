"""A square of shares that can be read at a glance."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.report.confusion_figure import is_on_dark
from mc2sleepnet.report.page import scrolling
from mc2sleepnet.report.svg import Markup, element


def heat_table(
    shares: NDArray[np.float64],
    names: Sequence[str],
    *,
    corner: tuple[str, str],
    name: str,
    lightest: float = 0.0,
    darkest: float = 1.0,
    is_diagonal_empty: bool = False,
) -> Markup:
    """Draw shares in colour, with percent.

    Parameters
    ----------
    shares
        Shape ``[n, n]``; NaN has no value.
    names
        Of rows and columns.
    corner
        What the rows are, and what the columns.
    name
        What the table is, for those who cannot see it.
    lightest, darkest
        Shares drawn in the lightest and in the darkest colour.
    is_diagonal_empty
        Whether the diagonal says nothing.
    """
    head = element(
        "tr",
        element("td", element("span", f"{corner[0]} ↓"), element("span", f"{corner[1]} →"), class_="corner"),
        *(element("th", one, scope="col") for one in names),
    )
    rows = [
        element(
            "tr",
            element("th", one, scope="row"),
            *(
                _cell(float(share), lightest, darkest, is_diagonal_empty and row == column)
                for column, share in enumerate(shares[row])
            ),
        )
        for row, one in enumerate(names)
    ]
    grid = element("table", element("thead", head), element("tbody", *rows), class_="confusion heat")
    return scrolling(grid, name=name)


def _cell(share: float, lightest: float, darkest: float, is_empty: bool) -> Markup:
    if is_empty or math.isnan(share):
        return element("td", "" if is_empty else "–", class_="none blank")
    ground = min(max((share - lightest) / ((darkest - lightest) or 1), 0.0), 1.0)
    percent = f"{100 * share:.0f}" if share >= 0.095 or share == 0 else f"{100 * share:.1f}"
    class_ = "dark" if is_on_dark(ground) else None
    return element("td", element("b", percent), style=f"--share:{ground:.2f}", class_=class_)
