"""Stages, hypnograms and errors: the words every layer speaks."""

import pickle
from datetime import datetime

import numpy as np
import pytest

import mc2sleepnet as mc2
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.recording import EpochedRecording, Recording
from mc2sleepnet.core.stages import EPOCH_S, SAMPLES_PER_EPOCH, STAGES, UNSCORED, stage_code, stage_name
from mc2sleepnet.scoring.channels import ScoredChannel
from mc2sleepnet.scoring.night import ScoredNight


def test_stage_names_and_codes_are_each_others_inverse() -> None:
    for code in (*range(5), UNSCORED):
        assert stage_code(stage_name(code)) == code
    assert STAGES == ("W", "N1", "N2", "N3", "R")
    assert (EPOCH_S, SAMPLES_PER_EPOCH) == (30, 3000)
    with pytest.raises(ValueError, match="not in tuple"):
        stage_code("REM")


def test_a_hypnogram_knows_which_epochs_are_scored_and_when_they_begin() -> None:
    hypnogram = Hypnogram(stage=np.array([0, -1, 4], np.int8), start=datetime(1989, 4, 24, 23, 59, 30))
    assert hypnogram.is_scored.tolist() == [True, False, True]
    assert hypnogram.clock_time(2) == datetime(1989, 4, 25, 0, 0, 30)
    assert Hypnogram(stage=hypnogram.stage).clock_time(0) is None


@pytest.mark.parametrize("stage", [np.array([5], np.int8), np.array([[0]], np.int8), np.array([0.5]), ["W"], 3])
def test_a_hypnogram_of_anything_else_than_stages_is_refused_in_words(stage: object) -> None:
    with pytest.raises(InputError, match=r"is no stages, one an epoch\. Give whole numbers"):
        Hypnogram(stage=stage)  # type: ignore[arg-type]


@pytest.mark.parametrize("stage", [[0, 4, -1], np.array([0, 4, -1]), (0, 4, -1)])
def test_a_hypnogram_takes_whole_numbers_of_any_kind(stage: object) -> None:
    hypnogram = Hypnogram(stage=stage)  # type: ignore[arg-type]
    assert hypnogram.stage.dtype == np.int8
    assert hypnogram.stage.tolist() == [0, 4, -1]


def test_what_holds_arrays_is_compared_by_identity_and_can_be_a_key() -> None:
    for kind in (Hypnogram, Recording, EpochedRecording, ScoredChannel, ScoredNight):
        assert kind.__eq__ is object.__eq__, kind
        assert kind.__hash__ is object.__hash__, kind
    one, other = (Hypnogram(stage=np.zeros(3, np.int8)) for _ in range(2))
    assert one != other
    assert len({one, other, one}) == 2


def test_an_error_names_file_fault_and_remedy_and_crosses_processes() -> None:
    error = InputError("night.edf", "no channel 'X'", "Choose from 'EEG Fpz-Cz'")
    assert str(error) == "night.edf: no channel 'X'. Choose from 'EEG Fpz-Cz'."
    assert isinstance(error, ValueError)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.where, again.fault, again.remedy) == (str(error), *error.__reduce__()[1])


def test_the_public_interface_is_what_the_readme_says() -> None:
    assert {"score", "evaluate", "InputError", "__version__"} <= set(mc2.__all__)
    assert all(hasattr(mc2, name) for name in mc2.__all__)
    with pytest.raises(AttributeError, match="stage_everything"):
        _ = mc2.stage_everything  # type: ignore[attr-defined]
