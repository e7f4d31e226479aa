"""A Raw or samples are judged as the file they came from would be."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import mc2sleepnet as mc2
from edf_files import noise_uv, signal, write_edf
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.scoring.interchange import recording_of_raw
from raw_edf import RawSignal, brain_like_uv, raw_edf, written

mne = pytest.importorskip("mne")

HZ = 100.0


def raw_of(names: list[str], types: str | list[str] = "eeg", bads: tuple[str, ...] = (), hz: float = HZ):  # type: ignore[no-untyped-def]
    volts = np.stack([noise_uv(60, hz, seed=seed) for seed, _ in enumerate(names)]) * 1e-6
    raw = mne.io.RawArray(volts, mne.create_info(names, hz, types), verbose="error")
    raw.info["bads"] = list(bads)
    return raw


def read(path: Path):  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mne.io.read_raw_edf(path, verbose="error")


def chosen(raw, channel: str | None = None) -> tuple[str, list[str]]:  # type: ignore[no-untyped-def]
    recording = recording_of_raw(raw, channel)
    return recording.channel, [finding.id for finding in recording.findings]


def test_an_electrode_offset_goes_from_samples_and_a_raw_as_from_a_file(tmp_path: Path, model_dir: Path) -> None:
    eeg_uv = brain_like_uv(600, 100)
    eeg_uv[12000:18000] = 0  # an electrode that is off is flat only once the drift is gone
    at_s = np.arange(len(eeg_uv)) / HZ
    riding_uv = eeg_uv + 20000 + 2000 * np.sin(2 * np.pi * at_s / 7200) + at_s
    content = raw_edf([RawSignal(riding_uv, 100, "C4-M1", limit_uv=30000)], bdf=True)
    raw = mne.io.RawArray(riding_uv[None] * 1e-6, mne.create_info(["C4-M1"], HZ, "eeg"), verbose="error")
    of_file, *in_memory = (
        mc2.score(one, model=model_dir) for one in (written(tmp_path / "dc.bdf", content), (riding_uv, HZ), raw)
    )
    for night in in_memory:
        assert "offset-removed" in [finding.id for finding in night.findings]
        assert night.source == of_file.source
        assert [str(source) for source in night.source[4:6]] == ["flat", "flat"]
        np.testing.assert_allclose(night.recording.signal_uv, of_file.recording.signal_uv, atol=0.02)


def test_a_bad_channel_is_passed_over_and_that_is_told() -> None:
    raw = raw_of(["C4-M1", "C3-M2"], bads=("C4-M1",))
    recording = recording_of_raw(raw, None)
    assert recording.channel == "C3-M2"
    (finding,) = recording.findings
    assert finding.id == "channel-passed-over"
    assert finding.message == (
        "channel 'C4-M1' is the first choice by its name, but 'C4-M1' is marked as bad; 'C3-M2' was taken"
    )


def test_a_bad_electrode_is_no_reference_either() -> None:
    assert chosen(raw_of(["C4", "M1", "C3"], bads=("M1",))) == ("C4", ["channel-passed-over"])
    assert chosen(raw_of(["C4", "M1", "C3"])) == ("C4-M1", [])


@pytest.mark.parametrize("kind", ["emg", "eog", "ecg"])
def test_a_channel_of_another_type_than_eeg_is_passed_over_and_that_is_told(kind: str) -> None:
    assert chosen(raw_of(["C4-M1", "Fp1"], [kind, "eeg"])) == ("Fp1", ["channel-passed-over"])


def test_what_is_bad_is_scored_if_it_is_asked_for() -> None:
    raw = raw_of(["C4-M1", "C3-M2"], bads=("C4-M1", "C3-M2"))
    recording = recording_of_raw(raw, "C4-M1")
    assert recording.channel == "C4-M1"
    assert recording.channel_reason == "it was asked for, though 'C4-M1' is marked as bad"
    with pytest.raises(InputError, match=r"no EEG channel that is not marked as bad\. Name one with channel="):
        recording_of_raw(raw, None)


def test_a_type_that_somebody_set_speaks_where_no_name_does(tmp_path: Path) -> None:
    assert chosen(raw_of(["chin", "left", "right"], ["emg", "eeg", "eeg"])) == ("left", [])
    assert chosen(raw_of(["left"])) == ("left", [])
    with pytest.raises(InputError, match="no EEG channel"):
        recording_of_raw(raw_of(["EMG chin"]), None)
    # A reader types everything as EEG, breathing too.
    path = write_edf(tmp_path / "n.edf", [signal(noise_uv(60, 100), 100, "left")])
    with pytest.raises(InputError, match="no EEG channel"):
        recording_of_raw(read(path), None)
    told = read(path).load_data().set_channel_types({"left": "eog"}, verbose="error")
    with pytest.raises(InputError, match=r"no EEG channel\. .*'left' \(eog\)"):
        recording_of_raw(told, None)


def test_a_channel_without_volts_is_refused_with_what_to_do_in_mne() -> None:
    with pytest.raises(InputError, match=r"'C3' has MNE's type 'misc', .* raw\.set_channel_types"):
        recording_of_raw(raw_of(["C3", "C4"], ["misc", "eeg"]), "C3")
    with pytest.raises(InputError, match="has 25 samples a second"):
        recording_of_raw(raw_of(["C3"], hz=25.0), None)


@pytest.mark.parametrize("labels", [["C4-M1", "C4-M1"], ["C4-M1", "EEG C4-A1"]])
def test_a_channel_that_is_named_twice_counts_once(labels: list[str], model_dir: Path) -> None:
    raw = raw_of(["C4-M1", "C3-M2"])
    assert len(mc2.score(raw, model=model_dir, channel=[*labels, "C3-M2"]).channels) == 2


def test_a_synthetic_night_stays_one_on_its_way_through_mne(tmp_path: Path, model_dir: Path) -> None:
    import edfio

    eeg = signal(noise_uv(60, 100), 100, "EEG Fpz-Cz")
    told = edfio.Recording(additional=["synthetic"])
    path = write_edf(tmp_path / "n.edf", [eeg], recording=told)
    raw = read(path)
    assert mc2.score(path, model=model_dir).is_synthetic
    assert mc2.score(raw, model=model_dir).is_synthetic
    assert not recording_of_raw(raw_of(["C4-M1"]), None).is_synthetic


@pytest.mark.parametrize(
    ("night", "remedy"),
    [
        ((noise_uv(60, 100) * 1e-6, HZ), r"Give the samples in µV, which are volts times 1e6, or go on with accept="),
        ((np.resize([1e12, -1e12, 0], 9000), HZ), r"Give the samples in µV"),
        ((np.r_[noise_uv(60, 100), np.zeros(30000)], HZ), "Give another channel's samples, or go on with accept="),
    ],
)
def test_remedies_for_samples_are_those_of_samples(night: tuple[object, float], remedy: str, model_dir: Path) -> None:
    with pytest.raises(InputError, match=remedy) as told:
        mc2.score(night, model=model_dir)  # type: ignore[arg-type]
    assert "--" not in str(told.value)
    assert "header" not in str(told.value)


def test_remedies_for_a_raw_are_those_of_mne(model_dir: Path) -> None:
    raw = raw_of(["C4-M1"])
    raw.apply_function(lambda volts: volts * 1e6, verbose="error")
    with pytest.raises(InputError, match=r"µV times 1e-6, .* with accept=\"amplitude-implausible\"") as told:
        mc2.score(raw, model=model_dir)
    assert "--" not in str(told.value)


def test_remedies_for_a_file_name_arguments_in_python(tmp_path: Path, model_dir: Path) -> None:
    path = write_edf(tmp_path / "n.edf", [signal(noise_uv(60, 100), 100, "EEG Fpz-Cz", unit="mV")])
    with pytest.raises(InputError, match='another with channel=, or go on with accept="amplitude-implausible"'):
        mc2.score(path, model=model_dir)
    with pytest.raises(InputError, match=r'^accept="nonsense": no doubt has this name'):
        mc2.score(path, model=model_dir, accept="nonsense")
    with pytest.raises(InputError, match=r"^lights_off: a timedelta is no time"):
        mc2.score((noise_uv(60, 100), HZ), model=model_dir, lights_off=np.timedelta64(1, "h").astype(object))


@pytest.mark.parametrize("hz", [1e300, 1e-300])
def test_a_rate_that_no_recorder_has_is_refused(hz: float, model_dir: Path) -> None:
    with pytest.raises(InputError, match=r"lasts 6e-297 s only|samples a second"):
        mc2.score((noise_uv(60, 100), hz), model=model_dir)


def test_what_mne_cut_or_averaged_is_no_night(model_dir: Path) -> None:
    epochs = mne.make_fixed_length_epochs(raw_of(["C4-M1"]), 30.0, preload=True, verbose="error")
    for night in (epochs, epochs.average()):
        with pytest.raises(InputError, match=r"is no night\. Give a file, an mne Raw"):
            mc2.score(night, model=model_dir)
