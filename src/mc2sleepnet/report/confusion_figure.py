"""Where a scorer's stages go: the confusion matrix as a table that can be read at a glance."""

import math

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.metrics.agreement import Agreement
from mc2sleepnet.report.svg import Markup, element

# From here on figures are light on a dark ground. The ground steps there, for on none in between could either be read
# (contrast of 4.5 to 1); report.css has the same two slopes.
DARK_SHARE = 0.75


def confusion_figure(agreement: Agreement) -> Markup:
    """Draw shares of each reference stage in colour, with the counts below them; rows reference, columns scored."""
    head = element(
        "tr",
        element("td", element("span", "reference ↓"), element("span", "scored →"), class_="corner"),
        *(element("th", name, scope="col") for name in STAGES),
    )
    shares = shares_of_reference(agreement)
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            *(_cell(int(agreement.confusion[stage, i]), float(share)) for i, share in enumerate(shares[stage])),
        )
        for stage, name in enumerate(STAGES)
    ]
    return element("table", element("thead", head), element("tbody", *rows), class_="confusion")


def shares_of_reference(agreement: Agreement) -> NDArray[np.float64]:
    """Shape ``[5, 5]``: of each reference stage the share that was scored so; NaN where the reference lacks it."""
    support = np.where(agreement.support > 0, agreement.support, np.nan)
    return np.asarray(agreement.confusion / support[:, None])


def percent(share: float) -> str:
    """Whole percent, ``<1 %`` for less, a dash for none."""
    if math.isnan(share):
        return "–"
    return f"{100 * share:.0f} %" if share >= 0.005 or share == 0 else "<1 %"


def is_on_dark(share: float) -> bool:
    """Whether figures on the ground of a share are light; equal percents, as they are shown, look alike."""
    return round(share, 2) >= DARK_SHARE


def _cell(count: int, share: float) -> Markup:
    """One field: percent of its row, and the count."""
    return element(
        "td",
        element("b", percent(share)),
        element("small", f"{count:,}"),
        style=f"--share:{0 if math.isnan(share) else share:.2f}",
        class_="dark" if is_on_dark(share) else None if count else "none",
    )
