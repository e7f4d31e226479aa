from pathlib import Path

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals.channels import choose_channel, find_channel

WHERE = Path("night.edf")
SLEEP_EDF = ["EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "Resp oro-nasal", "EMG submental", "Temp rectal"]
SHHS = ["SaO2", "H.R.", "EEG(sec)", "ECG", "EMG", "EOG(L)", "EOG(R)", "EEG", "THOR RES", "AIRFLOW"]
CLINICAL = ["E1-M2", "ECG", "F4-M1", "F4-M1 (Imp)", "C3:M2", "O1-M2", "Snore"]


@pytest.mark.parametrize(
    ("labels", "chosen"),
    [
        (SLEEP_EDF, "EEG Fpz-Cz"),
        (SHHS, "EEG"),
        ([*SHHS[:3], "ECG"], "EEG(sec)"),
        (["EEG2", "EEG"], "EEG"),
        (["EEG2"], "EEG2"),
        (CLINICAL, "C3:M2"),
        (["eeg c4/a1", "Fpz Cz"], "Fpz Cz"),
        (["O2-A1", "C4A1"], "C4A1"),
        (["EOG E1-M2", "EEG_Pz-Oz"], "EEG_Pz-Oz"),
        (["EEG T3-T5", "EEG T4-T6"], "EEG T3-T5"),
        (["ECG", "EEG A-B"], "EEG A-B"),
        (["Pulse", "F3"], "F3"),
    ],
)
def test_the_best_derivation_is_chosen_however_it_is_spelled(labels, chosen):
    label, reason = choose_channel(WHERE, labels)
    assert label == chosen
    assert reason


@pytest.mark.parametrize(
    "labels",
    [
        ["EOG horizontal", "EMG submental", "ECG", "Resp oro-nasal"],
        ["C4-M1 (Imp)", "E1-M2"],
        ["EEG EOG"],
        ["", "2"],
        [],
    ],
)
def test_a_channel_that_is_no_eeg_is_never_chosen(labels):
    with pytest.raises(InputError, match=r"night\.edf: no EEG channel\. Name one with --channel\."):
        choose_channel(WHERE, labels)


def test_a_wanted_channel_may_be_spelled_otherwise_if_only_one_fits():
    assert find_channel(WHERE, SLEEP_EDF, "fpz:cz") == "EEG Fpz-Cz"
    assert find_channel(WHERE, SLEEP_EDF, "Temp rectal") == "Temp rectal"
    with pytest.raises(InputError, match=r"Choose from 'EEG C4-M1', 'C4:M1'\.$"):
        find_channel(WHERE, ["EEG C4-M1", "C4:M1", "ECG"], "C4M1")


def test_a_wanted_channel_that_is_not_there_is_refused_with_the_list():
    with pytest.raises(InputError, match=r"no channel 'EMG'\. Choose from 'EEG Fpz-Cz', 'EEG Pz-Oz', "):
        find_channel(WHERE, SLEEP_EDF, "EMG")
