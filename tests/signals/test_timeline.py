from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edf_files import write_discontinuous
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals import read_recording
from mc2sleepnet.signals.timeline import lay_on_timeline

WHERE = Path("night.edf")
HZ, LENGTH = 100, 100


def laid(steps):
    """First sample of each record, whose onsets are these many samples apart, and the ids of the findings."""
    onsets_s = np.cumsum([0, *steps]) / HZ
    records = np.repeat(np.arange(len(onsets_s), dtype=float)[:, None], LENGTH, axis=1)
    line, findings = lay_on_timeline(WHERE, records, onsets_s, HZ)
    first = [int(np.flatnonzero(line == record)[0]) for record in range(len(onsets_s))]
    return np.array(first), onsets_s * HZ, line, [finding.id for finding in findings]


@pytest.mark.parametrize("late", [0.2, 0.9, 1.0, 1.4])
def test_a_clock_that_runs_steadily_late_is_followed_and_told(late):
    first, stated, line, ids = laid([LENGTH + late] * 600)
    assert np.abs(first - stated).max() <= 1.001
    assert ids == ["clock-drift"]
    assert np.isfinite(line).all()
    assert len(line) == pytest.approx(601 * LENGTH + 600 * late, abs=1.5)


def test_a_short_hole_is_bridged_by_a_straight_line_and_a_longer_one_is_a_gap():
    records, bridge = np.array([[1.0] * LENGTH, [4.0] * LENGTH]), round(0.05 * HZ)
    short, _ = lay_on_timeline(WHERE, records, np.array([0, (LENGTH + 2) / HZ]), HZ)
    np.testing.assert_allclose(short[LENGTH - 1 : LENGTH + 3], [1, 2, 3, 4])
    long, findings = lay_on_timeline(WHERE, records, np.array([0, (LENGTH + bridge + 1) / HZ]), HZ)
    assert np.isnan(long).sum() == bridge + 1
    assert [finding.id for finding in findings] == ["gap"]


def test_an_hour_of_records_9_ms_late_each_is_not_laid_out_as_continuous(tmp_path):
    onsets_s = [round(1.009 * record, 3) for record in range(3600)]
    recording = read_recording(write_discontinuous(tmp_path / "n.edf", onsets_s))
    assert len(recording.signal_uv) == pytest.approx(3600 * 100.9, abs=101)
    assert [finding.id for finding in recording.findings] == ["clock-drift"]


@settings(max_examples=100, deadline=None)
@given(jitter=st.lists(st.floats(-0.49, 0.49), min_size=1, max_size=60))
def test_jitter_below_a_sample_opens_no_gap(jitter):
    onsets = np.arange(len(jitter) + 1) * LENGTH + np.array([0, *jitter])
    first, _, line, ids = laid(np.diff(onsets))
    assert ids == []
    assert first.tolist() == list(range(0, LENGTH * len(onsets), LENGTH))
    assert np.isfinite(line).all()


@settings(max_examples=100, deadline=None)
@given(gaps=st.lists(st.floats(0, 500), min_size=1, max_size=40))
def test_no_record_is_more_than_a_sample_off_its_onset(gaps):
    first, stated, line, _ = laid([LENGTH + gap for gap in gaps])
    assert np.abs(first - stated).max() <= 1.001
    missing = np.diff(first) - LENGTH
    assert np.isnan(line).sum() == missing[missing > 0.05 * HZ].sum()


def test_a_clock_a_little_fast_drops_single_samples_and_says_so():
    first, stated, line, ids = laid([LENGTH - 0.01] * 1000)
    assert np.abs(first - stated).max() <= 1.001
    assert ids == ["overlap"]
    assert np.isfinite(line).all()


@pytest.mark.parametrize("steps", [[99.1] * 600, [98.6] * 600, [100, 97], [100, -300], [-100]])
def test_records_that_overlap_by_more_are_refused(steps):
    with pytest.raises(InputError, match=r"night\.edf: .*overlap in time"):
        laid(steps)


def test_a_time_line_of_72_h_is_laid_out_and_a_longer_one_refused():
    hour = 3600 * LENGTH
    records, onsets_s = np.ones((2, LENGTH)), np.array([0.0, 72 * 3600 - 1])
    line, _ = lay_on_timeline(WHERE, records, onsets_s, HZ)
    assert len(line) == 72 * hour
    with pytest.raises(InputError, match=r"span 240 h, more than 72 h"):
        lay_on_timeline(WHERE, records, np.array([0.0, 10 * 86400]), HZ)
    with pytest.raises(InputError, match=r"more than 72 h"):
        lay_on_timeline(WHERE, np.ones((3, LENGTH)), np.array([0.0, 10 * 86400, 1]), HZ)
