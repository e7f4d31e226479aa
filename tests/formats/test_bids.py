from datetime import datetime

import numpy as np
import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.formats import hypnogram_columns, read_hypnogram, read_hypnograms, write_hypnogram


def written(tmp_path, header, *rows, name="sub-1_events.tsv"):
    path = tmp_path / name
    path.write_text("\n".join("\t".join(map(str, row)) for row in (header, *rows)) + "\n")
    return path


def test_names_of_stages_among_other_events(tmp_path):
    rows = [(0, 30, "sleep_wake"), (12.5, 3, "arousal"), (30, 60, "sleep_N2"), (120, 30, "Sleep stage R")]
    path = written(tmp_path, ("onset", "duration", "trial_type"), *rows)
    assert read_hypnogram(path).stage.tolist() == [W, N2, N2, UNSCORED, R]


def test_two_scorers_in_one_file(tmp_path):
    rows = [(0, 30, 0, 0), (30, 30, 4, 1), (60, 30, 8, -2)]
    path = written(tmp_path, ("onset", "duration", "stage_hum", "stage_ai"), *rows)
    assert hypnogram_columns(path) == ("stage_hum", "stage_ai")
    human, machine = read_hypnograms(path)
    assert (human.scorer, human.stage.tolist()) == ("stage_hum", [W, R, UNSCORED])
    assert (machine.scorer, machine.stage.tolist()) == ("stage_ai", [W, N1, UNSCORED])
    assert read_hypnogram(path, column="stage_ai").stage.tolist() == machine.stage.tolist()
    chosen = read_hypnogram(path)
    assert chosen.stage.tolist() == human.stage.tolist()
    assert any("stage_hum" in note and "--column" in note for note in chosen.notes)


@pytest.mark.parametrize(
    "column", ["stage", "Sleep_Stage", "stage_hum", "value", "description", "hypnogram", "staging"]
)
def test_the_usual_names_of_the_column_of_stages(tmp_path, column):
    path = written(tmp_path, ("onset", "duration", column), (0, 30, "N1"), (30, 30, "N3"))
    assert read_hypnogram(path).stage.tolist() == [N1, N3]


def test_numbers_say_how_they_were_read_and_codes_decide(tmp_path):
    path = written(tmp_path, ("onset", "duration", "stage"), (0, 30, 1), (30, 30, 4), (60, 30, 5))
    guessed = read_hypnogram(path)
    assert guessed.stage.tolist() == [N1, N3, R]
    assert any("--codes" in note for note in guessed.notes)
    told = read_hypnogram(path, codes="ucddb")
    assert told.stage.tolist() == [R, N3, N3]
    assert told.notes == ()


def test_the_levels_beside_the_file_decide(tmp_path):
    path = written(tmp_path, ("onset", "duration", "stage"), (0, 30, 1), (30, 30, 2))
    path.with_suffix(".json").write_text('{"stage": {"Levels": {"1": "REM sleep", "2": "Wake"}}}')
    hypnogram = read_hypnogram(path)
    assert hypnogram.stage.tolist() == [R, W]
    assert hypnogram.notes == ()


def test_an_onset_off_second_0_moves_the_start_or_is_said(tmp_path):
    path = written(tmp_path, ("onset", "duration", "stage"), (12, 30, "W"), (42, 30, "N2"))
    hypnogram = read_hypnogram(path)
    assert hypnogram.stage.tolist() == [W, N2]
    assert any("12 s after second 0" in note for note in hypnogram.notes)


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        (("onset", "duration", "stage"), (0, 30, "asleep"), "no column of sleep stages"),
        (("onset", "duration", "trial_type"), (0, 30, "arousal"), "no column of sleep stages"),
        (("onset", "duration", "stage"), ("early", 30, "W"), "onset 'early' is no number"),
        (("onset", "duration", "stage"), ("n/a", 30, "W"), "a stage without onset"),
        (("onset", "duration", "stage"), (-5, 30, "W"), "lies from -5 s"),
    ],
)
def test_what_cannot_be_believed_is_refused(tmp_path, header, row, words):
    with pytest.raises(InputError, match=words):
        read_hypnogram(written(tmp_path, header, row))


def test_a_missing_column_is_refused_with_those_there_are(tmp_path):
    path = written(tmp_path, ("onset", "duration", "stage"), (0, 30, "W"))
    with pytest.raises(InputError, match=r"no column 'ai'\. Choose from stage"):
        read_hypnogram(path, column="ai")


def test_what_we_write(tmp_path):
    hypnogram = Hypnogram(stage=np.array([W, UNSCORED, R], dtype=np.int8), start=datetime(2024, 2, 29, 23, 59, 30))
    assert write_hypnogram(hypnogram, tmp_path / "events.tsv", "bids") == ()
    assert (tmp_path / "events.tsv").read_text() == (
        "onset\tduration\ttrial_type\tclock_time\n"
        "0\t30\tW\t2024-02-29T23:59:30\n"
        "30\t30\tn/a\t2024-03-01T00:00:00\n"
        "60\t30\tR\t2024-03-01T00:00:30\n"
    )
    read = read_hypnogram(tmp_path / "events.tsv")
    assert (read.stage.tolist(), read.start) == (hypnogram.stage.tolist(), hypnogram.start)


def test_boas_holds_two_scorers_a_night_whose_agreement_is_known(real_data):
    same = both = 0
    paths = sorted((real_data / "boas").glob("sub-*_events.tsv"))
    for path in paths:
        human, machine = read_hypnograms(path)
        is_both = human.is_scored & machine.is_scored
        same += int((human.stage[is_both] == machine.stage[is_both]).sum())
        both += int(is_both.sum())
    assert len(paths) == 128
    assert same / both == pytest.approx(0.871, abs=0.0005)
