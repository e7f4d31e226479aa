from fractions import Fraction
from pathlib import Path

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals.channels import choose_channel, eeg_channels, find_channel
from mc2sleepnet.signals.edf_header import SignalHeader

WHERE = Path("night.edf")


def headers(labels, units=None, rates=None):
    units, rates = units or ["uV"] * len(labels), rates or [100] * len(labels)
    return [
        SignalHeader(
            label=label,
            unit=unit,
            samples_per_record=rate,
            first_sample=0,
            sampling_hz=Fraction(rate),
            physical_range=(-500.0, 500.0),
            digital_range=(-32768, 32767),
        )
        for label, unit, rate in zip(labels, units, rates, strict=True)
    ]


def chosen_of(labels, units=None, rates=None):
    channel = choose_channel(WHERE, headers(labels, units, rates))
    assert channel.reason
    return channel.label


SLEEP_EDF = ["EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "Resp oro-nasal", "EMG submental", "Temp rectal"]
SHHS = ["SaO2", "H.R.", "EEG(sec)", "ECG", "EMG", "EOG(L)", "EOG(R)", "EEG", "THOR RES", "AIRFLOW"]
CLINICAL = ["E1-M2", "ECG", "F4-M1", "F4-M1 (Imp)", "C3:M2", "O1-M2", "Snore"]


VENDORS = [
    (["EEG C4-A1", "EEG C3-A2"], "EEG C4-A1"),
    (["C3-A2", "C4-A1", "E1-A2"], "C4-A1"),
    (["C4A1"], "C4A1"),
    (["C4:M1"], "C4:M1"),
    (["EEG-C4_M1"], "EEG-C4_M1"),
    (["EEG C4 - M1"], "EEG C4 - M1"),
    (["C4-M1 (EEG)"], "C4-M1 (EEG)"),
    (["EEG Fpz-Cz", "EEG C4-A1"], "EEG Fpz-Cz"),
    (["EEG FPZ-CZ"], "EEG FPZ-CZ"),
    (["EEG F3-M2", "EEG O1-M2"], "EEG F3-M2"),
    (["EEG C3-REF", "EEG C4-REF", "EEG A1-REF", "EKG1-REF"], "EEG C4-REF-EEG A1-REF"),
    (["EEG C3-LE", "EEG F7-LE"], "EEG C3-LE"),
    (["EEG C4-LER", "EEG O2-CLE"], "EEG C4-LER"),
    (["C3", "C4", "M1", "M2"], "C4-M1"),
    (["C3", "C4", "A2"], "C3-A2"),
    (["Fpz", "Cz", "C4"], "Fpz-Cz"),
    (["E1-M2", "C4-M1", "C4-M1 (Imp)", "C4", "M1"], "C4-M1"),
    (["EEG F7-O1", "EEG F8-O2", "Accelero Norm"], "EEG F7-O1"),
    (["EEG LOC-REF", "EEG ROC-REF", "EEG T3-REF"], "EEG T3-REF"),
    (["EEG EKG1-REF", "EEG PHOTIC-REF", "EEG 31-REF"], "EEG 31-REF"),
    (["EEG1", "EEG2"], "EEG2"),
    (["EEG 1"], "EEG 1"),
    (["EEG sec", "ECG"], "EEG sec"),
    (["EEG(SEC)"], "EEG(SEC)"),
    (["C4-A1-0"], "C4-A1-0"),
    (["C4-M1 0.3-35Hz"], "C4-M1 0.3-35Hz"),
    (["Fp2-F4", "F4-C4", "ROC-LOC", "ECG1-ECG2"], "Fp2-F4"),
    (["C4-P4", "C4-A2"], "C4-A2"),
    (["C4-M1M2", "C3-x"], "C4-M1M2"),
    (["TP9", "AF7", "AF8"], "TP9"),
]
NO_EEG = [
    "ECG",
    "EKG",
    "ECG II",
    "EMG chin",
    "Chin1-Chin2",
    "EMG-L.Leg",
    "LEG/L",
    "LAT",
    "RAT",
    "EOG-L",
    "LOC-A2",
    "ROC",
    "E1",
    "E2-M1",
    "EOG(L)",
    "PG1",
    "Flow",
    "Airflow",
    "Nasal Pressure",
    "Thor",
    "THO",
    "Abdo",
    "ABD",
    "SpO2",
    "SaO2",
    "OSAT",
    "Pleth",
    "Pulse",
    "HR",
    "H.R.",
    "Snore",
    "Mic",
    "Position",
    "POS",
    "Light",
    "Temp rectal",
    "Event marker",
    "STATUS",
    "Status",
    "Trigger",
    "DC1",
    "CPAP",
    "EtCO2",
    "CO2",
    "O2",
    "FiO2",
    "A1-A2",
    "M1M2",
    "A1",
    "M2",
    "Ref",
    "GND",
    "F",
    "C4 Impedance",
    "C4-M1 (Imp)",
    "T1",
    "P1",
    "PTT",
    "PWA",
    "Battery",
    "X Axis",
    "Hypnogram",
    "EEG EMG-Chin",
    "EEG ECG",
    "EEG EOG1",
    "EEG LOC-A2",
    "EEG E1-M2",
    "EEG SpO2",
    "EEG A1-A2",
    "EEG M1-Ref",
    "EEG EKG1-REF",
    "",
    "   ",
    "1",
    "1-2",
    "?",
]


@pytest.mark.parametrize(("labels", "chosen"), VENDORS, ids=lambda value: value if isinstance(value, str) else "")
def test_vendors_spellings_are_understood(labels, chosen):
    assert chosen_of(labels) == chosen


@pytest.mark.parametrize("unit", ["uV", ""])
@pytest.mark.parametrize("label", NO_EEG)
def test_what_is_no_eeg_by_its_label_is_never_chosen(label, unit):
    # In volts a bare O2 is an electrode.
    assert eeg_channels(headers([label], [unit])) == [] or (label, unit) == ("O2", "uV")


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
    assert chosen_of(labels) == chosen


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
        chosen_of(labels)


@pytest.mark.parametrize(
    ("channels", "chosen"),
    [
        ({"O2": "%", "C3": "uV"}, "C3"),
        ({"O2": "", "C3": ""}, "C3"),
        ({"C3": "uV", "T3-T5": "uV"}, "T3-T5"),
        ({"F3": "", "EEG O2": ""}, "EEG O2"),
        ({"SaO2": "%", "O2": "uV"}, "O2"),
        ({"EEG C4-M1": "kOhm", "EEG C3-M2": "uV"}, "EEG C3-M2"),
    ],
)
def test_a_bare_electrode_is_the_last_resort_and_another_unit_than_volts_is_none(channels, chosen):
    assert chosen_of(list(channels), list(channels.values())) == chosen


@pytest.mark.parametrize("label", ["O2", "SaO2", "SpO2", "EtCO2", "CO2", "O2 sat", "PO2", "O2 (%)"])
@pytest.mark.parametrize("unit", ["%", "", "mmHg"])
def test_oxygen_is_never_taken_for_an_occipital_electrode(label, unit):
    with pytest.raises(InputError, match="no EEG channel"):
        chosen_of([label], [unit])


def test_of_two_channels_with_one_name_the_one_in_volts_is_chosen():
    assert choose_channel(WHERE, headers(["C3", "C3"], ["%", "uV"])).plus == 1


def test_a_wanted_channel_may_be_spelled_otherwise_if_only_one_fits():
    assert find_channel(WHERE, headers(SLEEP_EDF), "fpz:cz").label == "EEG Fpz-Cz"
    assert find_channel(WHERE, headers(SLEEP_EDF), "Temp rectal").label == "Temp rectal"
    with pytest.raises(InputError, match=r"Choose from 'EEG C4-M1', 'C4:M1'\.$"):
        find_channel(WHERE, headers(["EEG C4-M1", "C4:M1", "ECG"]), "C4M1")


def test_a_wanted_channel_that_is_not_there_is_refused_with_the_list():
    with pytest.raises(InputError, match=r"no channel 'EMG'\. Choose from 'EEG Fpz-Cz', 'EEG Pz-Oz', "):
        find_channel(WHERE, headers(SLEEP_EDF), "EMG")
