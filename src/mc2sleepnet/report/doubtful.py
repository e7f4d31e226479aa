"""The stretches of a night that are worth a second look."""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.metrics.review import epochs_to_review
from mc2sleepnet.report.colours import STAGES_TOP_DOWN
from mc2sleepnet.report.page import section, table
from mc2sleepnet.report.panel import runs
from mc2sleepnet.report.svg import Markup, element, join, number
from mc2sleepnet.report.time_axis import TimeAxis

MOST_STRETCHES = 12
_OUT_OF_RANGE = (
    "The recording is unlike any that the model was trained on (out-of-range): its confidence means nothing here, and "
    "every scored epoch is marked."
)


def doubtful_section(
    hypnogram: Hypnogram,
    hypnodensity: NDArray[np.floating],
    confidence: NDArray[np.floating],
    review: NDArray[np.bool_],
    axis: TimeAxis,
    *,
    risk: float,
    is_out_of_range: bool = False,
) -> Markup:
    """List the stretches with most expected errors, in order of time: their stage, and what else it may be.

    Of a recording that is out of the model's range every epoch is marked, whatever its confidence.
    """
    promise = _OUT_OF_RANGE if is_out_of_range else _expectation(confidence, review, risk)
    stretches = runs(review)
    if not stretches:
        text = f"No epoch is marked. {promise}"
        return section("Worth a second look", element("p", text, class_="note"))
    expected_errors = [float(np.sum(1 - confidence[first:end])) for first, end in stretches]
    worst = np.sort(np.argsort(expected_errors, kind="stable")[::-1][:MOST_STRETCHES])
    rows = [_row(hypnogram, hypnodensity, confidence, stretches[at], axis) for at in worst]
    head = (axis.name.capitalize(), "Epochs", "Scored", "May be", "Confidence", "Probabilities")
    n_epochs = int(review.sum())
    where = f"in {len(stretches):,} stretches" if len(stretches) > 1 else "in a row"
    marked = f"{n_epochs:,} epochs {where} are marked" if n_epochs > 1 else "1 epoch is marked"
    text = f"{marked}. {promise}"
    if len(stretches) > MOST_STRETCHES:
        text += f" The {MOST_STRETCHES} stretches with the most expected errors are listed; hypnogram.csv has all."
    listed = table(head, rows, name="Stretches worth a second look", n_text_columns=4)
    return section("Worth a second look", element("p", text, class_="note"), listed)


def _expectation(confidence: NDArray[np.floating], review: NDArray[np.bool_], risk: float) -> str:
    """What the marks promise."""
    kept = confidence[~review & ~np.isnan(confidence)]
    n_sure = int(np.count_nonzero(review & ~epochs_to_review(confidence, risk=risk)))
    lie = "lies in noise or is mostly dead" if n_sure == 1 else "lie in noise or are mostly dead"
    sure = f"{n_sure:,} of which the model is sure {lie}"
    if not len(kept):
        if n_sure:
            return f"No epoch is left: {sure}, where its confidence means nothing."
        return f"No epoch is sure enough for an expected error of {100 * risk:g} %."
    return (
        f"By the model's own confidence {100 * float(np.mean(1 - kept)):.1f} % of the other epochs are expected to be "
        f"wrong; {100 * risk:g} % were allowed (--risk)." + (f" Of the marked ones {sure}." if n_sure else "")
    )


def _row(
    hypnogram: Hypnogram,
    hypnodensity: NDArray[np.floating],
    confidence: NDArray[np.floating],
    stretch: tuple[int, int],
    axis: TimeAxis,
) -> tuple[str, ...]:
    first, end = stretch
    stage = hypnogram.stage[first:end].astype(np.intp)
    others = hypnodensity[first:end].astype(np.float64)
    others[np.arange(len(stage)), stage] = 0
    counts = np.bincount(stage, minlength=len(STAGES))
    by_count = [code for code in np.argsort(-counts, kind="stable") if counts[code]]
    return (
        axis.span(first, end),
        f"{first}" if end - first == 1 else f"{first} – {end - 1}",
        join(*(_stage_mark(int(code)) for code in by_count)),
        _stage_mark(int(others.mean(axis=0).argmax())),
        f"{np.mean(confidence[first:end]):.2f}",
        _mixture(hypnodensity[first:end].mean(axis=0)),
    )


def _mixture(shares: NDArray[np.floating]) -> Markup:
    """Mean probabilities as a bar in a hypnogram's order of colours."""
    parts = [
        element("i", style=f"width:{number(100 * float(shares[code]))}%;background:var(--{STAGES[code]})")
        for code in STAGES_TOP_DOWN
    ]
    words = ", ".join(f"{STAGES[code]} {shares[code]:.2f}" for code in STAGES_TOP_DOWN)
    return element("span", *parts, class_="mixture", role="img", title=words, aria_label=words)


def _stage_mark(code: int) -> Markup:
    """A stage's name beside its colour."""
    return join(
        element("span", element("i", style=f"background:var(--{STAGES[code]})"), STAGES[code], class_="stage"), " "
    )
