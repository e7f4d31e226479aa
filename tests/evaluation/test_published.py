"""Published rows stand beside ours and are never taken for ours."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mc2sleepnet.evaluation.crossval_results import CrossvalResults, write_results
from mc2sleepnet.evaluation.published import PUBLISHED
from mc2sleepnet.evaluation.tested import HeldOutRecording

OURS = np.array([[50, 5, 0, 0, 1], [4, 9, 6, 0, 3], [1, 5, 80, 6, 2], [0, 0, 7, 30, 0], [1, 2, 3, 0, 40]])


def results(recipe: str, *, is_synthetic: bool) -> CrossvalResults:
    recordings = [
        HeldOutRecording(name=f"r{n}", subject=f"{n}", fold=n, n_epochs=260, n_reference_scored=255, confusion=OURS + n)
        for n in (1, 2, 3)
    ]
    return CrossvalResults(
        recipe=recipe,
        corpus=recipe,
        recordings=recordings,
        n_folds=4,
        missing={4: "none of its test subjects (9) is in the store"},
        is_synthetic=is_synthetic,
        facts={"width": 1.0},
    )


def test_every_published_row_is_marked_and_keeps_the_digits_it_was_printed_with(tmp_path: Path) -> None:
    pooled = write_results(results("sleep-edf-78", is_synthetic=False), tmp_path)
    lines = [line for line in (tmp_path / "results.md").read_text().splitlines() if line.startswith("|")]
    theirs = [line for line in lines if "as published" in line]
    assert len(theirs) == len(PUBLISHED["sleep-edf-78"])
    assert any(
        "SleePyCo" in line and "| 84.6 | 79.0 | .787 | 93.5 | 50.4 | 86.5 | 80.5 | 84.2 |" in line for line in theirs
    )
    assert any("MC2SleepNet (Na et al. 2025) (author's page: 84.7)" in line and "| 84.6 |" in line for line in theirs)
    ours = [line for line in lines if "this run" in line]
    assert len(ours) == 2
    assert f"| {100 * pooled.agreement.accuracy:.1f} |" in ours[0]
    assert "None of them was measured here" in (tmp_path / "results.md").read_text()


def test_published_figures_never_enter_the_table_for_machines(tmp_path: Path) -> None:
    write_results(results("sleep-edf-78", is_synthetic=False), tmp_path)
    table = (tmp_path / "results.csv").read_text()
    assert "SleePyCo" not in table
    assert "published" not in table
    content = json.loads((tmp_path / "results.json").read_text())
    assert {row["protocol"] for row in content["published"]} == {"as published"}


def test_other_recipes_have_no_published_rows_and_our_synthetic_row_says_so(tmp_path: Path) -> None:
    write_results(results("smoke", is_synthetic=True), tmp_path)
    text = (tmp_path / "results.md").read_text()
    assert "as published" not in text
    assert text.count("SYNTHETIC data") == 2
    assert "No person was recorded" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("is_synthetic", [True, False])
def test_the_confusion_matrix_by_itself_says_whether_it_is_synthetic(is_synthetic: bool, tmp_path: Path) -> None:
    write_results(results("smoke", is_synthetic=is_synthetic), tmp_path)
    assert ("scored, synthetic data<" in (tmp_path / "confusion.svg").read_text()) is is_synthetic


def test_only_where_all_folds_are_in_the_page_speaks_of_all(tmp_path: Path) -> None:
    some = results("smoke", is_synthetic=True)
    write_results(some, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "<h2>Finished folds together</h2>" in page
    assert "<h2>Confusion, finished folds</h2>" in page
    write_results(replace(some, missing={}, n_folds=3), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "<h2>All folds together</h2>" in page
    assert "<h2>Confusion, all folds</h2>" in page


def test_the_table_and_the_page_for_people_say_that_this_is_no_medical_device(tmp_path: Path) -> None:
    write_results(results("sleep-edf-78", is_synthetic=False), tmp_path)
    for name in ("results.md", "report.html"):
        assert (tmp_path / name).read_text().count("Not a medical device") == 1, name


def test_intervals_hold_the_pooled_figure_and_are_absent_for_one_subject() -> None:
    from mc2sleepnet.evaluation.tested import pool

    many = pool(results("smoke", is_synthetic=True).recordings)
    for name, value in (("accuracy", many.agreement.accuracy), ("kappa", many.agreement.kappa)):
        low, high = many.intervals[name]
        assert low <= value <= high
    one = [replace(recording, subject="1") for recording in results("smoke", is_synthetic=True).recordings]
    assert np.isnan(pool(one).intervals["kappa"]).all()
    assert pool(one).agreement.confusion.tolist() == many.agreement.confusion.tolist()
