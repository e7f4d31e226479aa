from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edf_files import write_discontinuous
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals import read_recording
from mc2sleepnet.signals.doubts import DoubtError
from mc2sleepnet.signals.timeline import lay_out
from raw_edf import RawSignal, raw_edf
from signals.damaged_files import EEG_UV, EOG_UV, ONSETS, SECONDS, edf_plus, header_end
from signals.damaged_files import HZ as FILE_HZ

WHERE = Path("night.edf")
HZ, LENGTH = 100, 100


def laid(steps):
    """First sample of each record, whose onsets are these many samples apart, the length, and ids of findings."""
    onsets_s = np.cumsum([0, *steps]) / HZ
    layout = lay_out(WHERE, onsets_s, LENGTH, HZ)
    return layout.first, onsets_s * HZ, layout.n_samples, [finding.id for finding in layout.findings]


@pytest.mark.parametrize("late", [0.2, 0.9, 1.0, 1.4])
def test_a_clock_that_runs_steadily_late_is_followed_and_told(late):
    first, stated, n_samples, ids = laid([LENGTH + late] * 600)
    assert np.abs(first - stated).max() <= 1.001
    assert ids == ["clock-drift"]
    assert n_samples == pytest.approx(601 * LENGTH + 600 * late, abs=1.5)


def test_a_short_hole_is_bridged_by_a_straight_line_and_a_longer_one_is_a_gap(tmp_path):
    bridge = round(0.05 * HZ)
    short = read_recording(write_discontinuous(tmp_path / "s.edf", [*range(20), *np.arange(20, 40) + 2 / HZ]))
    np.testing.assert_allclose(short.signal_uv[1999:2003], [20, 20 + 1 / 3, 20 + 2 / 3, 21], rtol=1e-6)
    onsets_s = [*range(20), *np.arange(20, 40) + (bridge + 1) / HZ]
    long = read_recording(write_discontinuous(tmp_path / "l.edf", onsets_s))
    assert np.isnan(long.signal_uv).sum() == bridge + 1
    assert [finding.id for finding in long.findings] == ["gap"]


def test_an_hour_of_records_9_ms_late_each_is_not_laid_out_as_continuous(tmp_path):
    onsets_s = [round(1.009 * record, 3) for record in range(3600)]
    recording = read_recording(write_discontinuous(tmp_path / "n.edf", onsets_s))
    assert len(recording.signal_uv) == pytest.approx(3600 * 100.9, abs=101)
    # This file's second of every record is a µV higher than the one before.
    assert [finding.id for finding in recording.findings] == ["clock-drift", "offset-removed"]


@settings(max_examples=100, deadline=None)
@given(jitter=st.lists(st.floats(-0.49, 0.49), min_size=1, max_size=60))
def test_jitter_below_a_sample_opens_no_gap(jitter):
    onsets = np.arange(len(jitter) + 1) * LENGTH + np.array([0, *jitter])
    first, _, n_samples, ids = laid(np.diff(onsets))
    assert ids == []
    assert first.tolist() == list(range(0, LENGTH * len(onsets), LENGTH))
    assert n_samples == LENGTH * len(onsets)


@settings(max_examples=100, deadline=None)
@given(gaps=st.lists(st.floats(0, 500), min_size=1, max_size=40))
def test_no_record_is_more_than_a_sample_off_its_onset(gaps):
    first, stated, n_samples, ids = laid([LENGTH + gap for gap in gaps])
    assert np.abs(first - stated).max() <= 1.001
    assert n_samples == first[-1] + LENGTH
    assert ("gap" in ids) == bool(np.any(np.diff(first) - LENGTH > 0.05 * HZ))


def test_a_clock_a_little_fast_drops_single_samples_and_says_so():
    first, stated, _, ids = laid([LENGTH - 0.01] * 1000)
    assert np.abs(first - stated).max() <= 1.001
    assert ids == ["overlap"]


@pytest.mark.parametrize("steps", [[99.1] * 600, [98.6] * 600, [100, 97], [100, -300], [-100]])
def test_records_that_overlap_by_more_are_refused(steps):
    with pytest.raises(InputError, match=r"night\.edf: .*overlap in time"):
        laid(steps)


def test_a_time_line_of_a_week_is_laid_out_and_a_longer_one_refused():
    assert lay_out(WHERE, np.array([0.0, 168 * 3600 - 1]), LENGTH, HZ).n_samples == 168 * 3600 * LENGTH
    for onsets_s in ([0.0, 10 * 86400], [0.0, 10 * 86400, 1]):
        with pytest.raises(InputError, match=r"span 240 h, more than 168 h"):
            lay_out(WHERE, np.array(onsets_s), LENGTH, HZ)


def test_the_onset_of_an_event_is_not_taken_for_the_time_of_its_record(tmp_path):
    events = ["+100\x14Lights off", *["\x14"] * (SECONDS - 1)]
    (tmp_path / "c.edf").write_bytes(edf_plus(events))
    recording = read_recording(tmp_path / "c.edf")
    assert recording.start == datetime(2024, 2, 29, 22, 15, 30)
    assert [finding.id for finding in recording.findings] == ["time-stamps-missing"]
    stamped = [f"+{second + 0.25:g}\x14Snore\x14\x00+{second}" for second in range(SECONDS)]
    (tmp_path / "d.edf").write_bytes(edf_plus(stamped, stamp_bytes=48, continuous=False))
    recording = read_recording(tmp_path / "d.edf")
    assert (len(recording.signal_uv), recording.findings) == (SECONDS * 128, ())


@pytest.mark.parametrize("continuous", [True, False])
@pytest.mark.parametrize("n_bytes", [1, 2, 22, 40, 2 * FILE_HZ])
def test_bytes_inserted_before_a_channel_of_zeros_do_not_pass_as_a_few_too_many_at_the_end(
    n_bytes, continuous, tmp_path
):
    """The zeros stand where the time stamps were: before them, or in their place as in a file without any."""
    path = tmp_path / "n.edf"
    signals = [RawSignal(uv, FILE_HZ, label=name) for name, uv in (("EEG C3", EEG_UV), ("EOG", EOG_UV))]
    signals.append(RawSignal(np.zeros(len(EEG_UV)), FILE_HZ, label="Marker"))
    sound = raw_edf(signals, onsets=ONSETS, continuous=continuous)
    path.write_bytes(sound)
    recording = read_recording(path)
    np.testing.assert_allclose(recording.signal_uv, EEG_UV, atol=0.02)
    assert recording.findings == ()

    at = header_end(sound) + 5 * (2 * 3 * FILE_HZ + 24) + 50
    path.write_bytes(sound[:at] + b"\1" * n_bytes + sound[at:])
    if not continuous:
        with pytest.raises(InputError, match="data record 5 does not say when it began"):
            read_recording(path)
        return
    with pytest.raises(DoubtError) as raised:
        read_recording(path)
    assert raised.value.finding == "records-out-of-step"


@pytest.mark.parametrize("n_stamped", [0, 1, SECONDS])
def test_zeros_before_every_time_stamp_and_places_left_empty_are_a_careless_writers_even_where_the_file_is_cut(
    n_stamped, tmp_path
):
    stamps = [f"\0\0+{second}" if second < n_stamped else "" for second in range(SECONDS)]
    content = edf_plus(stamps)
    (tmp_path / "n.edf").write_bytes(content)
    ids = [] if n_stamped == SECONDS else ["time-stamps-missing"]
    assert [finding.id for finding in read_recording(tmp_path / "n.edf").findings] == ids
    (tmp_path / "n.edf").write_bytes(content[:-101])
    recording = read_recording(tmp_path / "n.edf")
    assert [finding.id for finding in recording.findings] == ["truncated", *ids]
    np.testing.assert_allclose(recording.signal_uv, EEG_UV[:-FILE_HZ], atol=0.02)


def test_a_time_that_no_calendar_holds_is_unknown(tmp_path):
    years = {"recording": b"Startdate 31-DEC-9999 X X X", "date": b"31.12.yy", "time": b"23.59.00"}
    (tmp_path / "n.edf").write_bytes(edf_plus(**years))
    assert read_recording(tmp_path / "n.edf").start is None
