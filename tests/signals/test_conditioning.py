import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Recording
from mc2sleepnet.signals import to_100_hz

RATES = [50, 64, 99.9, 125, 128, 200, 256, 500, 512]


def recording(signal_uv, sampling_hz):
    return Recording(
        name="night",
        signal_uv=np.asarray(signal_uv, dtype=np.float32),
        sampling_hz=sampling_hz,
        channel="EEG Fpz-Cz",
        channel_reason="",
        start=None,
    )


def tone(hz, sampling_hz, seconds=60):
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * sampling_hz)) / sampling_hz)


@pytest.mark.parametrize("rate", RATES)
def test_a_10_hz_tone_survives_in_place(rate):
    converted = to_100_hz(recording(tone(10, rate), rate))
    assert converted.sampling_hz == 100
    expected = tone(10, 100)
    # Away from the ends, where a tone that stops is no tone.
    np.testing.assert_allclose(converted.signal_uv[100:-100], expected[100:-100], atol=0.005)


@pytest.mark.parametrize(("rate", "hz"), [(128, 60), (256, 60), (500, 200), (512, 90)])
def test_a_tone_above_50_hz_dies_instead_of_folding_down(rate, hz):
    converted = to_100_hz(recording(tone(hz, rate), rate))
    assert np.abs(converted.signal_uv[100:-100]).max() < 0.01


@pytest.mark.parametrize("rate", RATES)
def test_a_constant_stays_constant_to_the_very_ends(rate):
    converted = to_100_hz(recording(np.full(round(45 * rate), 55.0), rate))
    np.testing.assert_allclose(converted.signal_uv, 55, atol=1e-3)


def test_100_hz_is_left_alone():
    night = recording(tone(10, 100), 100)
    assert to_100_hz(night) is night


@settings(max_examples=60, deadline=None)
@given(rate=st.sampled_from(RATES), n_samples=st.integers(1, 5000))
def test_the_length_is_the_duration_at_100_hz(rate, n_samples):
    converted = to_100_hz(recording(np.ones(n_samples), rate))
    assert len(converted.signal_uv) == round(n_samples * 100 / rate)
    assert np.isfinite(converted.signal_uv).all()


@pytest.mark.parametrize("rate", [128, 200, 256])
def test_a_gap_stays_where_it_is_and_does_not_spread(rate):
    signal_uv = np.full(60 * rate, 30.0)
    signal_uv[20 * rate : 40 * rate] = np.nan
    converted = to_100_hz(recording(signal_uv, rate)).signal_uv
    assert np.isnan(converted[2000:4000]).all()
    np.testing.assert_allclose(converted[:2000], 30, atol=1e-3)
    np.testing.assert_allclose(converted[4000:], 30, atol=1e-3)


def test_stretches_of_single_samples_between_gaps_do_no_harm():
    signal_uv = np.ones(3000)
    signal_uv[1::2] = np.nan
    converted = to_100_hz(recording(signal_uv, 128)).signal_uv
    assert len(converted) == round(3000 * 100 / 128)


def test_a_rate_below_50_hz_is_refused():
    with pytest.raises(InputError, match="'EEG Fpz-Cz' has 25 samples a second"):
        to_100_hz(recording(np.ones(1000), 25))
