"""Stages, hypnograms and errors: the words every layer speaks."""

import pickle
from datetime import datetime

import numpy as np
import pytest

import mc2sleepnet as mc2
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import EPOCH_S, SAMPLES_PER_EPOCH, STAGES, UNSCORED, stage_code, stage_name


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


@pytest.mark.parametrize("stage", [np.array([5], np.int8), np.array([[0]], np.int8), np.array([0])])
def test_a_hypnogram_of_anything_else_is_our_own_mistake(stage: np.ndarray) -> None:
    with pytest.raises(AssertionError):
        Hypnogram(stage=stage)


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
