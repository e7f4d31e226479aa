"""Where a scorer's stages go: the confusion matrix as a table that can be read at a glance."""

import numpy as np

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.metrics.agreement import Agreement
from mc2sleepnet.report.svg import Markup, element

DARK_SHARE = 0.75  # from here on the ground is dark enough for white figures


def confusion_figure(agreement: Agreement) -> Markup:
    """Draw shares of each reference stage in colour, with the counts below them; rows reference, columns scored."""
    head = element(
        "tr",
        element("td", element("span", "reference ↓"), element("span", "scored →"), class_="corner"),
        *(element("th", name, scope="col") for name in STAGES),
    )
    total = np.maximum(agreement.support, 1)
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            *(_cell(int(count), float(count / total[stage])) for count in agreement.confusion[stage]),
        )
        for stage, name in enumerate(STAGES)
    ]
    return element("table", element("thead", head), element("tbody", *rows), class_="confusion")


def _cell(count: int, share: float) -> Markup:
    """One field: percent of its row, and the count."""
    percent = f"{100 * share:.0f} %" if share >= 0.005 or not count else "<1 %"
    return element(
        "td",
        element("b", percent),
        element("small", f"{count:,}"),
        style=f"--share:{share:.2f}",
        class_="dark" if share >= DARK_SHARE else None if count else "none",
    )
