import re
from importlib.resources import files

import numpy as np
import pytest

from mc2sleepnet.metrics.agreement import agreement_from_confusion
from mc2sleepnet.report.colours import rgb
from mc2sleepnet.report.confusion_figure import confusion_figure, is_on_dark
from mc2sleepnet.report.confusion_svg import confusion_svg
from mc2sleepnet.report.curves_figure import curves_figure
from mc2sleepnet.report.experiment import experiment_report

EVIL = '<script>alert("x")</script>'
OURS = agreement_from_confusion(np.diag([90, 20, 150, 60, 50]) + 3)
BASELINE = agreement_from_confusion(np.tile([0, 0, 80, 0, 0], (5, 1)))
EMPTY = agreement_from_confusion(np.zeros((5, 5), int))
ROWS = [
    {"step": 10, "pass": 0, "loss": 5.0, "ce_fusion": 2.0, "epochs_per_s": 100.0, "validation_macro_f1": 0.2},
    {"step": 20, "pass": 0, "loss": 4.0, "ce_fusion": 1.5, "epochs_per_s": 100.0, "validation_macro_f1": 0.5},
    {"step": 30, "pass": 1, "loss": 3.0, "ce_fusion": 1.0, "epochs_per_s": 100.0},
]


def report(**changes):
    given = {
        "title": "Demo",
        "lead": "What was done.",
        "agreements": {"MC2SleepNet": OURS, "majority stage": BASELINE},
        "per_recording": [("SC4001E0", OURS), ("SC4002E0", EMPTY)],
        "curves": {"Pre-training": ROWS, "Fine-tuning": ROWS},
        "facts": {"seed": "0"},
        "night_links": [("SC4001E0", "nights/SC4001E0/report.html")],
        "is_synthetic": True,
    }
    return experiment_report(**given | changes)


def test_the_page_shows_ours_beside_the_baselines_and_links_the_nights():
    html = report()
    assert html.index("MC2SleepNet</th>") < html.index("majority stage</th>")
    assert f"{OURS.kappa:.3f}" in html
    assert '<a href="nights/SC4001E0/report.html">SC4001E0</a>' in html
    assert "Synthetic data" in html
    assert "Not a medical device" in html
    assert "<script" not in html


def test_an_experiment_without_curves_links_or_agreement_is_still_a_page():
    html = report(agreements={"MC2SleepNet": EMPTY}, per_recording=[], curves={}, night_links=[], facts={})
    assert "nan" not in html
    assert "Scored nights" not in html


@pytest.mark.parametrize(
    "changes",
    [
        {"title": EVIL},
        {"lead": EVIL},
        {"agreements": {EVIL: OURS}},
        {"per_recording": [(EVIL, OURS)]},
        {"curves": {EVIL: [{"step": 1, EVIL: 2.0}]}},
        {"facts": {EVIL: EVIL}},
        {"night_links": [(EVIL, EVIL)]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_the_user_names_is_text(changes):
    html = report(**changes)
    assert EVIL not in html
    assert "&lt;script&gt;" in html


def test_confusion_shows_shares_of_the_reference_and_counts():
    confusion = np.zeros((5, 5), int)
    confusion[2] = [0, 1, 300, 99, 0]
    figure = confusion_figure(agreement_from_confusion(confusion))
    assert "<b>75 %</b><small>300</small>" in figure
    assert "<b>25 %</b><small>99</small>" in figure
    assert "<b>&lt;1 %</b><small>1</small>" in figure


def test_a_stage_that_the_reference_lacks_has_no_shares():
    confusion = np.diag([5, 0, 5, 5, 5])
    figure = confusion_figure(agreement_from_confusion(confusion))
    assert figure.count("<b>–</b><small>0</small>") == 5
    assert "0 %" in figure
    picture = confusion_svg(agreement_from_confusion(confusion), is_synthetic=False)
    assert picture.count(">–</text>") == 5


def luminance(colour):
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.asarray(colour) / 255]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_figures_in_a_confusion_can_be_read_on_every_ground(theme):
    sheet = files("mc2sleepnet.report").joinpath("report.css").read_text()
    paper, ink, light = (rgb(re.findall(rf"--{name}: (#\w+);", sheet)[theme]) for name in ("paper", "ink", "on-dark"))
    accent = [int(part) for part in re.findall(r"--accent-rgb: ([\d, ]+);", sheet)[theme].split(",")]
    slopes = re.findall(r"calc\(var\(--share\) \* ([\d.]+) \+ ([\d.]+)\)", sheet)
    for share in np.linspace(0, 1, 101):
        steep, first = map(float, slopes[int(is_on_dark(share))])
        depth = steep * share + first
        ground = depth * np.array(accent) + (1 - depth) * np.array(paper)
        assert contrast(light if is_on_dark(share) else ink, ground) >= 4.5, share


def test_figures_in_the_picture_of_a_confusion_can_be_read_on_every_ground():
    for one in range(0, 101):
        confusion = np.zeros((5, 5), int)
        confusion[0, :2] = one, 100 - one
        picture = confusion_svg(agreement_from_confusion(confusion), is_synthetic=False)
        cells = re.findall(r'rx="4" fill="(#\w+)"></rect><text[^>]*? fill="(#\w+)"', picture)
        assert len(cells) == 25
        assert all(contrast(rgb(ground), rgb(ink)) >= 4.5 for ground, ink in cells)


def test_curves_show_the_loss_its_terms_and_the_best_macro_f1():
    figure = curves_figure(ROWS)
    assert "best 0.500 at step 20" in figure
    assert "ce fusion from 2 to 1" in figure
    assert "epochs per s" not in figure
    # Step 10 of 30 is a third of the width; a loss of 5, the top of the axis, is at the top.
    assert 'd="M333.33 0L666.67 34L1000 68"' in figure


def test_curves_of_thousands_of_rows_stay_small():
    rows = [{"step": step, "loss": 1 / step, "validation_macro_f1": 0.5} for step in range(1, 20_001)]
    assert len(curves_figure(rows)) < 40_000


def test_no_rows_or_a_loss_that_is_not_finite_or_zero_are_drawn_as_far_as_they_go():
    assert "No steps" in curves_figure([])
    curves_figure([{"step": 1, "loss": float("nan")}, {"step": 2, "loss": 0.0}])
