from datetime import date, datetime

import edfio
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edf_files import noise_uv, overwrite, signal, write_discontinuous, write_edf, write_night
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals import read_epochs, read_recording

# Where fields begin in the fixed header.
N_RECORDS_AT, START_DATE_AT, START_TIME_AT = 236, 168, 176


def fault_of(path, channel=None):
    with pytest.raises(InputError) as raised:
        read_recording(path, channel)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def ids(recording):
    return [finding.id for finding in recording.findings]


def test_a_channel_is_read_in_microvolts_to_a_step_of_the_file(tmp_path):
    data = noise_uv(90, 200)
    path = write_edf(tmp_path / "n.edf", [signal(-data, 200, "EOG"), signal(data, 200, "EEG Fpz-Cz")])
    recording = read_recording(path)
    np.testing.assert_allclose(recording.signal_uv, data, atol=1000 / 65535)
    assert recording.signal_uv.dtype == np.float32
    assert (recording.name, recording.channel, recording.sampling_hz) == ("n", "EEG Fpz-Cz", 200)
    assert recording.start == datetime(2024, 2, 29, 22, 15, 30)
    assert recording.findings == ()
    assert not recording.is_synthetic


def test_signals_at_other_rates_and_long_data_records_are_no_obstacle(tmp_path):
    eeg = noise_uv(180, 100)
    others = [signal(noise_uv(180, 1), 1, "Temp rectal", "DegC"), signal(eeg, 100, "EEG Fpz-Cz")]
    recording = read_recording(write_edf(tmp_path / "n.edf", others, record_s=60))
    np.testing.assert_allclose(recording.signal_uv, eeg, atol=0.02)


@pytest.mark.parametrize(
    ("unit", "factor"), [("uV", 1), ("UV", 1), ("mV", 1e-3), ("V", 1e-6), ("nV", 1e3), ("", 1), ("units", 1)]
)
def test_every_unit_gives_the_same_microvolts_and_says_what_was_done(tmp_path, unit, factor):
    data = noise_uv(90, 100)
    scaled = edfio.EdfSignal(
        data * factor, 100, label="EEG Fpz-Cz", physical_dimension=unit, physical_range=(-200 * factor, 200 * factor)
    )
    recording = read_recording(write_edf(tmp_path / "n.edf", [scaled]))
    np.testing.assert_allclose(recording.signal_uv, data, atol=0.05)
    expected = {"uV": [], "UV": [], "": ["unit-assumed"], "units": ["unit-assumed"]}
    assert ids(recording) == expected.get(unit, ["unit-converted"])


@pytest.mark.parametrize("spelling", ["µV".encode("latin-1"), "µV".encode(), "μV".encode()])
def test_the_micro_sign_is_read_in_every_encoding(tmp_path, spelling):
    path = write_night(tmp_path / "n.edf")
    recording = read_recording(overwrite(path, 256 + 16 + 80, spelling.ljust(8)))
    # No unit was assumed; that the header is not ASCII is told.
    assert ids(recording) == ["header-not-ascii"]


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 0.03, 1e3])
def test_an_unknown_unit_with_an_amplitude_unlike_eeg_is_refused(tmp_path, factor):
    data = noise_uv(90, 100) * factor
    limit = 200 * factor
    blank = edfio.EdfSignal(data, 100, label="EEG", physical_range=(-limit, limit))
    assert "no unit and a typical deviation of" in fault_of(write_edf(tmp_path / "n.edf", [blank]))


def test_gaps_of_a_discontinuous_file_are_nan_at_their_time(tmp_path):
    path = write_discontinuous(tmp_path / "n.edf", [0, 1, 2, 32, 33, 60.5])
    recording = read_recording(path)
    assert len(recording.signal_uv) == 6150
    seconds = recording.signal_uv[:6100].reshape(-1, 100)
    assert seconds[:3, 0].tolist() == [1, 2, 3]
    assert np.isnan(seconds[3:32]).all()
    assert seconds[32:34].mean(axis=1).tolist() == [4, 5]
    assert np.isnan(recording.signal_uv[3400:6050]).all()
    assert (recording.signal_uv[6050:] == 6).all()
    assert ids(recording) == ["gap"]
    assert recording.findings[0].message.startswith("55.5 s ")


def test_a_discontinuous_file_without_gaps_is_one_recording(tmp_path):
    # Time stamps that jitter by less than a sample are no gaps.
    onsets_s = np.arange(40) + np.tile([0, 0.004], 20)
    recording = read_recording(write_discontinuous(tmp_path / "n.edf", onsets_s.tolist()))
    assert recording.signal_uv.tolist() == np.repeat(np.arange(1.0, 41), 100).tolist()
    assert recording.findings == ()


def test_a_late_first_record_moves_the_start(tmp_path):
    recording = read_recording(write_discontinuous(tmp_path / "n.edf", [*range(10, 50)]))
    assert recording.start == datetime(2024, 2, 29, 22, 15, 40)
    assert len(recording.signal_uv) == 4000


@pytest.mark.parametrize(
    ("onsets_s", "words"),
    [([*range(40), 39.5], "records 39 and 40 overlap"), ([*range(40), 4e6], "span 1111 h, more than 168 h")],
)
def test_record_onsets_that_cannot_be_true_are_refused(tmp_path, onsets_s, words):
    assert words in fault_of(write_discontinuous(tmp_path / "n.edf", onsets_s))


def test_a_discontinuous_file_without_time_stamps_is_refused(tmp_path):
    path = write_discontinuous(tmp_path / "n.edf", range(40), stamps=False)
    # edfio itself cannot tell the start then; either way the file is named and refused.
    assert "data record 0 does not say when it began" in fault_of(path)


def test_a_truncated_file_says_how_much_of_it_is_there(tmp_path):
    path = write_night(tmp_path / "n.edf", seconds=100)
    path.write_bytes(path.read_bytes()[: 512 + 60 * 200 + 50])
    assert "is truncated: 60 of 100 data records are there" in fault_of(path)


def test_a_file_cut_off_in_its_header_is_refused(tmp_path):
    path = write_night(tmp_path / "n.edf")
    path.write_bytes(path.read_bytes()[:400])
    assert "cut off within its header" in fault_of(path)


def test_data_beyond_the_announced_records_are_ignored_and_told(tmp_path):
    path = write_night(tmp_path / "n.edf")
    path.write_bytes(path.read_bytes() + b"\x07" * 1001)
    recording = read_recording(path)
    assert len(recording.signal_uv) == 9000
    assert ids(recording) == ["trailing-data"]


def test_a_recorder_that_was_never_stopped_is_read_and_told(tmp_path):
    path = overwrite(write_night(tmp_path / "n.edf"), N_RECORDS_AT, b"-1".ljust(8))
    recording = read_recording(path)
    assert len(recording.signal_uv) == 9000
    assert ids(recording) == ["record-count-unknown"]


def test_what_is_no_edf_is_refused(tmp_path):
    (tmp_path / "text.edf").write_text("Once upon a time there was a file. " * 40)
    assert "is not EDF" in fault_of(tmp_path / "text.edf")
    (tmp_path / "empty.edf").touch()
    assert "is empty" in fault_of(tmp_path / "empty.edf")
    assert "is a directory" in fault_of(tmp_path)
    assert "no such file" in fault_of(tmp_path / "gone.edf")
    (tmp_path / "b.bdf").write_bytes(b"\xffBIOSEMI" + b" " * 600)
    assert "does not say how many signals" in fault_of(tmp_path / "b.bdf")
    (tmp_path / "z.edf").write_bytes(b"\x1f\x8b" + b"0" * 600)
    assert "seems to be a gzip archive" in fault_of(tmp_path / "z.edf")


def test_a_hypnogram_given_as_a_recording_is_refused(tmp_path):
    path = tmp_path / "h.edf"
    edfio.Edf([], annotations=[edfio.EdfAnnotation(0, 30, "Sleep stage W")]).write(path)
    assert "annotations only" in fault_of(path)


def test_a_missing_channel_is_refused_with_those_that_are_there(tmp_path):
    labels = ["EEG Fpz-Cz", "EOG horizontal"]
    path = write_edf(tmp_path / "night.edf", [signal(noise_uv(60, 100), 100, label) for label in labels])
    message = fault_of(path, "EEG C4-M1")
    assert message.endswith("no channel 'EEG C4-M1'. Choose from 'EEG Fpz-Cz', 'EOG horizontal'.")


def test_a_channel_that_was_asked_for_is_read_whatever_it_is(tmp_path):
    labels = ["EEG Fpz-Cz", "EOG horizontal"]
    path = write_edf(tmp_path / "night.edf", [signal(noise_uv(60, 100), 100, label) for label in labels])
    assert read_recording(path, "EOG horizontal").channel == "EOG horizontal"
    assert read_recording(path, "fpz-cz").channel == "EEG Fpz-Cz"


def test_control_characters_in_a_label_do_not_break_the_line(tmp_path):
    path = overwrite(write_night(tmp_path / "n.edf"), 256, b"EOG\n\x1b[31m\x00".ljust(16))
    assert "It has 'EOG\N{REPLACEMENT CHARACTER}" in fault_of(path)


def test_of_two_channels_with_one_name_the_first_is_read_and_told(tmp_path):
    data = noise_uv(60, 100)
    path = write_edf(tmp_path / "n.edf", [signal(data, 100, "EEG"), signal(0 * data, 100, "EEG")])
    recording = read_recording(path)
    assert recording.signal_uv.std() > 10
    assert ids(recording) == ["duplicate-label"]


def test_a_channel_with_an_empty_range_is_refused(tmp_path):
    path = overwrite(write_night(tmp_path / "n.edf"), 256 + 16 + 80 + 8, b"5".ljust(8) + b"5".ljust(8))
    assert "empty range" in fault_of(path)


@pytest.mark.parametrize(("seconds", "is_enough"), [(20, False), (29, False), (30, True)])
def test_a_recording_shorter_than_an_epoch_is_refused(tmp_path, seconds, is_enough):
    path = write_night(tmp_path / "n.edf", seconds=seconds)
    if is_enough:
        assert len(read_recording(path).signal_uv) == 3000
    else:
        assert f"lasts {seconds} s only" in fault_of(path)


@pytest.mark.parametrize("field", ["recording", "patient"])
def test_a_header_that_says_synthetic_marks_the_recording(tmp_path, field):
    path = write_night(tmp_path / "n.edf")
    at = {"patient": 8, "recording": 88}[field]
    text = {"patient": b"X X X Synthetic_1", "recording": b"Startdate 29-FEB-2024 X X X SYNTHETIC demo"}[field]
    assert read_recording(overwrite(path, at, text.ljust(80))).is_synthetic


def test_an_anonymised_date_keeps_the_clock_time(tmp_path):
    path = write_edf(
        tmp_path / "n.edf", [signal(noise_uv(60, 100), 100, "EEG")], recording=edfio.Recording(startdate=None)
    )
    assert read_recording(path).start == datetime(1985, 1, 1, 22, 15, 30)
    assert read_recording(overwrite(path, START_TIME_AT, b"00.00.00")).start is None


def test_a_nonsense_date_keeps_the_time_of_day(tmp_path):
    path = overwrite(write_night(tmp_path / "n.edf"), START_DATE_AT, b"99.99.99")
    recording = read_recording(path)
    assert recording.start == datetime(2024, 2, 29, 22, 15, 30)
    assert ids(recording) == ["start-doubtful"]
    bare = read_recording(overwrite(path, 88, b"".ljust(80)))
    assert bare.start == datetime(1985, 1, 1, 22, 15, 30)


def test_a_nonsense_time_is_an_unknown_start(tmp_path):
    recording = read_recording(overwrite(write_night(tmp_path / "n.edf"), START_TIME_AT, b"25.61.00"))
    assert (recording.start, ids(recording)) == (None, ["start-doubtful"])


def test_a_date_before_midnight_in_the_edfplus_field_does_not_move_the_start(tmp_path):
    path = write_edf(
        tmp_path / "n.edf",
        [signal(noise_uv(60, 100), 100, "EEG")],
        recording=edfio.Recording(startdate=date(2024, 2, 28)),
    )
    overwrite(path, START_DATE_AT, b"29.02.24")
    assert read_recording(path).start == datetime(2024, 2, 29, 22, 15, 30)


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 780), bytes_=st.binary(min_size=1, max_size=10))
@example(place=287, bytes_=b"\x1c")
def test_damage_anywhere_in_the_header_gives_epochs_or_one_clear_line(tmp_path_factory, place, bytes_):
    path = write_discontinuous(tmp_path_factory.mktemp("damage") / "n.edf", range(40))
    overwrite(path, place, bytes_)
    message = ""
    try:
        epochs = read_epochs(path)
        assert np.isfinite(epochs.signal_uv).all()
    except InputError as error:
        message = str(error)
    assert "\n" not in message


def test_the_real_night_is_read(real_data):
    recording = read_recording(real_data / "ucddb" / "ucddb022.edf")
    assert recording.start == datetime(1985, 1, 1, 23)
    assert (recording.channel, recording.sampling_hz) == ("EEG C3-A2", 128)
    assert len(recording.signal_uv) == 23610 * 128
    # An offset of about 55 µV is known of this file.
    assert np.median(recording.signal_uv) == pytest.approx(55, abs=5)


def test_a_real_clinical_recording_of_ninety_signals_is_read_in_microvolts(real_data):
    recording = read_recording(real_data / "psg" / "nox_85ch_2min.edf")
    assert (recording.channel, ids(recording)) == ("C4-M1", ["header-not-ascii", "unit-converted"])
    assert 1 < np.diff(recording.signal_uv).std() < 100
