"""What the page of an evaluation shows."""

import re

import pytest

from hypnogram_files import csv_file, night
from mc2sleepnet.evaluation.evaluate import evaluate_paths
from mc2sleepnet.evaluation.page import evaluation_page
from mc2sleepnet.evaluation.page_figures import nights_figure

N_EPOCHS = 100


def compared(folder, shares_wrong):
    """Recordings of which so many hundredths differ, evaluated."""
    for i, n_wrong in enumerate(shares_wrong):
        reference, _ = night(i, n=N_EPOCHS)
        scored = reference.copy()
        scored[:n_wrong] = (scored[:n_wrong] + 1) % 5
        csv_file(folder / "expert" / f"night{i}.csv", reference)
        csv_file(folder / "ours" / f"night{i}.csv", scored)
    return evaluate_paths(str(folder / "expert"), [str(folder / "ours")])


def bars_of(figure):
    """Left end and height of each bar, as shares of the plot."""
    path = re.search(r'd="([^"]*)" class="bars"', figure).group(1)
    bars = re.findall(r"M([\d.]+) 130V([\d.]+)H", path)
    return [(float(left) / 1000, 1 - float(top) / 130) for left, top in bars]


@pytest.mark.parametrize(
    ("shares_wrong", "most"), [([0, 0, 0], 3), ([0, 6, 6, 6, 30], 3), ([0, 40, 1], 2), ([0, 40, 3], 1)]
)
def test_every_recording_is_in_a_bar_also_where_all_of_it_agrees(tmp_path, shares_wrong, most):
    evaluation, _ = compared(tmp_path, shares_wrong)
    figure = nights_figure(evaluation.first)
    bars = bars_of(figure)
    assert round(sum(height for _, height in bars) * most) == len(shares_wrong)
    assert all(0 <= left < 1 for left, _ in bars)
    ticks = re.findall(r'style="left:[\d.]+%"[^>]*>([\d.]+)</span>', figure)
    assert float(ticks[-1]) == 1
    assert "recordings" in figure


def test_an_accuracy_on_the_edge_of_a_bin_is_in_the_upper_one(tmp_path):
    evaluation, _ = compared(tmp_path, [0, 6, 12])
    lefts = [0.88 + 0.12 * left for left, _ in bars_of(nights_figure(evaluation.first))]
    assert lefts == pytest.approx([0.882, 0.942, 0.982], abs=1e-3)


def test_counts_of_recordings_are_whole(tmp_path):
    evaluation, paired = compared(tmp_path, [0, 12])
    page = evaluation_page(evaluation, paired)
    figure = page[page.index("Accuracy of each recording") :]
    assert re.findall(r'style="top:[\d.]+%">([^<]*)<', figure[: figure.index("</figure>")]) == ["0", "1"]
