from pathlib import Path

import pytest

from mc2sleepnet.evaluation.recording_names import night_name, pair_names, recording_name, subject_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("SC4001E0-PSG.edf", "SC4001E0"),
        ("SC4001EC-Hypnogram.edf", "SC4001EC"),
        ("out/SC4001E0-PSG/hypnogram.csv", "SC4001E0"),
        ("out/night one/events.tsv", "night one"),
        ("shhs1-200001-nsrr.xml", "shhs1-200001"),
        ("shhs1-200001-profusion.xml", "shhs1-200001"),
        ("sub-10_task-Sleep_acq-psg_events.tsv", "sub-10_task-Sleep_acq-psg"),
        ("ucddb022_stage.txt", "ucddb022"),
        ("night.v2_hypno.txt", "night.v2"),
        ("night.hypnogram.csv", "night"),
        ("dodh_095d6e40-5f19-55b6-a0ec-6e0ad3793da0.json", "dodh_095d6e40-5f19-55b6-a0ec-6e0ad3793da0"),
    ],
)
def test_a_recording_is_called_by_its_file_without_words_for_what_the_file_is(path, name):
    assert recording_name(Path(path)) == name


@pytest.mark.parametrize(
    ("recording", "night", "subject"),
    [
        ("SC4001E0", "sc4001", "SC400"),
        ("SC4002EC", "sc4002", "SC400"),
        ("ST7012J0", "st7012", "ST701"),
        ("sub-10_ses-2_task-Sleep_acq-psg_run-1", "sub-10_ses-2_run-1", "sub-10"),
        ("shhs2-200001", "shhs2-200001", "200001"),
        ("Night 7", "night 7", "Night 7"),
    ],
)
def test_names_say_which_night_and_whose(recording, night, subject):
    assert night_name(recording) == night
    assert subject_name(recording) == subject


def test_pairs_are_found_by_name_then_by_night_then_by_beginning():
    left = ["SC4001E0", "SC4002E0", "n1", "n2", "sub-1_task-Sleep_acq-psg", "only-left"]
    right = ["SC4002EC", "SC4001EC", "N2", "n1_scorer-b", "sub-1_task-Sleep_acq-headband", "only right"]
    assert pair_names(left, right) == {
        "SC4001E0": "SC4001EC",
        "SC4002E0": "SC4002EC",
        "n1": "n1_scorer-b",
        "n2": "N2",
        "sub-1_task-Sleep_acq-psg": "sub-1_task-Sleep_acq-headband",
    }


def test_what_is_ambiguous_is_left_alone():
    assert pair_names(["x"], ["x_1", "x_2"]) == {}
    assert pair_names(["x_1", "x_2"], ["x"]) == {}
    assert pair_names(["SC4001E0"], ["SC4001EC", "SC4001EH"]) == {}
    assert pair_names(["n1"], ["n10"]) == {}


def test_an_exact_name_is_never_given_to_a_longer_one():
    assert pair_names(["x", "x_1"], ["x", "x_1"]) == {"x": "x", "x_1": "x_1"}


def test_a_name_that_two_others_begin_is_left_alone_in_whatever_order_they_come():
    for left in (["p1", "p1_night2"], ["p1_night2", "p1"]):
        assert pair_names(left, ["p1_night2_system"]) == {}
        assert pair_names(["p1_night2_system"], left) == {}
