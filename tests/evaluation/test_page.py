"""What the page of an evaluation shows."""

import re

import numpy as np
import pytest

from hypnogram_files import csv_file, night, text_file
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


def test_a_night_without_a_clock_is_drawn_at_its_place_in_the_recording(tmp_path):
    reference, scored = night(0, n=240)
    files = [text_file(tmp_path / name, [-1] * 360 + list(codes)) for name, codes in (("a", reference), ("b", scored))]
    page = evaluation_page(*evaluate_paths(str(files[0]), [str(files[1])]))
    figure = page[page.index('<figure class="ribbons">') :]
    figure = figure[: figure.index("</figure>")]
    assert re.findall(r'%"[^>]*>(\d\d:\d\d)</span>', figure)[:2] == ["03:00", "03:10"]
    assert "time from start" in figure


def test_of_many_scorers_reference_and_main_one_are_drawn_and_those_left_out_counted(tmp_path):
    reference, _ = night(0, n=50)
    names = ["expert", *(f"person{i}" for i in range(10))]
    scored = [reference, *(night(0, n=50)[1] for _ in names[1:])]
    folders = [text_file(tmp_path / name / "1.txt", codes).parent for name, codes in zip(names, scored, strict=True)]
    folders.append(csv_file(tmp_path / "model" / "1.csv", reference, hypnodensity=np.eye(5)[reference]).parent)
    page = evaluation_page(*evaluate_paths(str(folders[0]), [str(folder) for folder in folders[1:]]))
    ribbons = re.findall(r'aria-label="(\w+): \d+ W', page)
    assert len(ribbons) == 8
    assert ribbons[0] == "expert"
    assert ribbons[-1] == "model"
    assert "4 of 12 scorers are not drawn, but counted where they differ" in page
    others = page[page.index("<h2>The other scorers</h2>") :]
    assert others[: others.index("</section>")].count('class="confusion"') == 8
    assert "Confusion of 2 more scorers: see --json." in page


def test_intervals_stand_in_brackets_and_every_head_of_a_table_says_of_what_it_is(tmp_path):
    page = evaluation_page(*compared(tmp_path, [0, 12, 30]))
    assert re.search(r"counted as wrong: 0\.860 \[0\.\d{3}, 1\.000\]", page)
    assert all("scope=" in head for head in re.findall(r"<th(?: [^>]*)?>", page))
    assert not re.search(r"<th(?: [^>]*)?></th>", page)
    scrolled = re.findall(r'<div class="scrolls"[^>]*>', page)
    assert scrolled
    assert all('tabindex="0" role="region" aria-label="' in one for one in scrolled)
