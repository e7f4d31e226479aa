import json
from datetime import datetime, timedelta

import numpy as np
import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.evaluation.compare import compare, compare_hypnograms
from mc2sleepnet.formats import write_hypnogram_csv

START = datetime(2024, 3, 1, 23, 0)
REFERENCE = [0, 0, 1, 2, 2, -1, 3, 4]
SCORED = [0, 1, 1, 2, 2, 2, -1, 4]


def hypnogram(codes, start=START, scorer="someone"):
    return Hypnogram(stage=np.array(codes, np.int8), start=start, scorer=scorer)


def csv_file(path, codes, start=START):
    n = len(codes)
    write_hypnogram_csv(
        path,
        hypnogram(codes, start),
        hypnodensity=np.full((n, 5), 0.2),
        confidence=np.full(n, 0.2),
        review=np.zeros(n, bool),
        source=["model"] * n,
    )
    return path


def test_files_are_compared_over_the_epochs_both_scored(tmp_path):
    found = compare(csv_file(tmp_path / "a.csv", REFERENCE), csv_file(tmp_path / "b.csv", SCORED))
    assert found.n_reference_epochs == 8
    assert found.n_reference_scored == 7
    assert found.agreement.n_epochs == 6
    assert found.agreement.accuracy == pytest.approx(5 / 6)
    assert found.coverage == pytest.approx(6 / 7)
    assert found.accuracy_unscored_as_wrong == pytest.approx(5 / 7)
    assert found.notes == ()


def test_a_later_start_is_aligned_by_the_clock(tmp_path):
    later = csv_file(tmp_path / "b.csv", REFERENCE[2:], START + timedelta(seconds=60))
    found = compare(csv_file(tmp_path / "a.csv", REFERENCE), later)
    assert found.agreement.accuracy == 1
    assert found.agreement.n_epochs == 5


def test_errors_name_the_file_as_the_user_named_it(tmp_path):
    reference = csv_file(tmp_path / "a.csv", REFERENCE)
    scored = csv_file(tmp_path / "b.csv", SCORED, START + timedelta(hours=9))
    with pytest.raises(InputError) as caught:
        compare(reference, scored)
    assert caught.value.where == str(scored)
    assert str(reference) in caught.value.fault


def test_text_says_what_was_compared_how_it_agrees_and_what_was_assumed():
    text = compare_hypnograms(hypnogram(REFERENCE, scorer="a.edf"), hypnogram(SCORED, None, "b.csv")).to_text()
    lines = text.splitlines()
    assert lines[0] == "b.csv against a.edf"
    assert lines[1] == "6 epochs scored by both, of 7 that the reference scored"
    assert lines[2] == "note: No start time in the scored hypnogram: aligned at the first epoch."
    assert lines[4].startswith("accuracy 0.833   macro-F1")
    assert lines[-2:] == ["coverage                      0.857", "accuracy, unscored as wrong   0.714"]


def test_json_has_null_where_nothing_is_common():
    found = compare_hypnograms(hypnogram([-1, 0]), hypnogram([2, -1]))
    read = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert read["agreement"]["accuracy"] is None
    assert read["coverage"] == 0
    assert "nan" not in found.to_text()


def test_a_reference_without_scored_epochs_has_no_coverage():
    found = compare_hypnograms(hypnogram([-1, -1]), hypnogram([2, 2]))
    assert found.to_json()["coverage"] is None
    assert "nan" not in found.to_text()


def test_a_real_night_agrees_with_itself_over_its_722_scored_epochs(real_data):
    path = real_data / "ucddb" / "ucddb022-Hypnogram.edf"
    found = compare(path, path)
    assert found.n_reference_epochs == 787
    assert found.agreement.n_epochs == 722
    assert found.agreement.support.tolist() == [266, 68, 213, 131, 44]
    assert found.agreement.kappa == 1
    assert found.coverage == 1
