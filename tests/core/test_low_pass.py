"""A low-pass is found where it cuts, and what it took away comes back as loud as it was, without touching the rest."""

import numpy as np
import pytest
from scipy import signal

from mc2sleepnet.core.low_pass import cut_off_hz, refilled
from mc2sleepnet.core.recording_statistics import FFT_SAMPLES, epoch_decibels

N = 60
EVERYTHING = np.ones(N, np.bool_)
HERTZ = (np.arange(128) + 1) * 100 / FFT_SAMPLES


def night():
    """Falling as EEG does, every epoch of another loudness."""
    rng = np.random.default_rng(8)
    spectrum = np.fft.rfft(rng.normal(0, 8, (N, 3000)))
    hertz = np.arange(spectrum.shape[1]) / 30
    loudness = np.exp(rng.normal(0, 0.4, (N, 1)))
    return (np.fft.irfft(spectrum * loudness / np.maximum(hertz, 1) ** 1.6) * 40).astype(np.float32)


def filtered(signal_uv, hertz, order=8):
    sos = signal.butter(order, hertz, fs=100, output="sos")
    return signal.sosfiltfilt(sos, signal_uv.ravel()).reshape(signal_uv.shape).astype(np.float32)


def cut_off_of(signal_uv, tells=EVERYTHING):
    return cut_off_hz(signal_uv, tells)


def test_what_no_filter_touched_has_no_cut_off():
    assert cut_off_of(night()) is None
    assert cut_off_of(filtered(night(), 48)) is None
    assert cut_off_of(filtered(night(), 40)) is None
    assert cut_off_of(np.random.default_rng(0).normal(0, 20, (N, 3000)).astype(np.float32)) is None
    assert cut_off_of(night(), np.zeros(N, np.bool_)) is None
    assert cut_off_of(np.zeros((N, 3000), np.float32)) is None


def test_what_holds_hardly_anything_is_left_alone():
    assert cut_off_of(filtered(night(), 6)) is None


@pytest.mark.parametrize("order", [4, 8])
@pytest.mark.parametrize("hertz", [20, 25, 30, 35])
def test_what_a_low_pass_took_comes_back_as_loud_as_it_was(hertz, order):
    whole_uv = night()
    cut_uv = filtered(whole_uv, hertz, order)
    found = cut_off_of(cut_uv)
    assert found is not None
    assert hertz <= found < hertz + 5
    filled_uv = refilled(cut_uv, epoch_decibels(cut_uv, EVERYTHING), found)
    before, after = (epoch_decibels(uv, EVERYTHING) for uv in (whole_uv, filled_uv))
    lost, kept = hertz + 6, found - 6
    # Epoch by epoch.
    assert np.abs((after - before)[:, (lost < HERTZ) & (HERTZ < 49)].mean(axis=1)).max() < 5
    left = epoch_decibels(cut_uv, EVERYTHING)
    assert np.abs((after - left)[:, kept > HERTZ].mean(axis=0)).max() < 0.5
    np.testing.assert_allclose(filtered(filled_uv, found - 6), filtered(cut_uv, found - 6), atol=4)
    assert cut_off_of(filled_uv) is None


def test_it_is_the_same_noise_every_time_and_none_where_nothing_is_known():
    cut_uv = filtered(night(), 30)
    tells = EVERYTHING.copy()
    tells[5:9] = False
    decibels = epoch_decibels(cut_uv, tells)
    filled_uv = refilled(cut_uv, decibels, 31.0)
    np.testing.assert_array_equal(filled_uv, refilled(cut_uv, decibels, 31.0))
    np.testing.assert_array_equal(filled_uv[5:9], cut_uv[5:9])
    assert (filled_uv[~tells] == cut_uv[~tells]).all()
    assert filled_uv.dtype == np.float32
