import numpy as np
import pytest

from mc2sleepnet.signals.offset import without_large_offset
from raw_edf import brain_like_uv

HZ = 100


def removed(signal_uv):
    line, findings = without_large_offset(np.asarray(signal_uv, np.float32).copy(), HZ, "EEG")
    return line, [finding.id for finding in findings]


@pytest.mark.parametrize("offset_uv", [0, 55, -400])
def test_a_usual_offset_is_left_alone_to_the_bit(offset_uv):
    night = np.float32(offset_uv + brain_like_uv(600, HZ))
    line, ids = removed(night)
    assert ids == []
    np.testing.assert_array_equal(line, night)


@pytest.mark.parametrize("offset_uv", [2000, -30000])
def test_millivolts_and_their_drift_go_and_the_eeg_stays(offset_uv):
    tone = 50 * np.sin(2 * np.pi * 0.5 * np.arange(600 * HZ) / HZ)
    line, ids = removed(tone + offset_uv + np.linspace(0, 3000, len(tone)))
    assert ids == ["offset-removed"]
    np.testing.assert_allclose(line[1000:-1000], tone[1000:-1000], atol=3)


def test_gaps_stay_gaps_and_do_not_leak():
    night = np.full(600 * HZ, 5000.0)
    night[10000:20000] = np.nan
    line, ids = removed(night)
    assert ids == ["offset-removed"]
    assert np.isnan(line[10000:20000]).all()
    np.testing.assert_allclose(line[np.isfinite(line)], 0, atol=1e-3)
