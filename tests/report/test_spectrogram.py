import numpy as np
import pytest
from numpy.testing import assert_allclose

from mc2sleepnet.report.spectrogram import night_spectrogram
from mc2sleepnet.report.spectrogram_figure import spectrogram_figure
from mc2sleepnet.report.time_axis import TimeAxis

TIME_S = np.arange(3000) / 100


@pytest.mark.parametrize("hz", [2, 10, 13.5, 25])
def test_a_tone_stands_in_its_own_bin(hz):
    night = np.tile(20 * np.sin(2 * np.pi * hz * TIME_S), (5, 1))
    spectrogram_db, _, bin_hz = night_spectrogram(night)
    assert set(spectrogram_db.argmax(axis=1) * bin_hz) == {hz}


def test_white_noise_has_its_density():
    """Variance s² spread over 50 Hz: s² / 50 in every bin."""
    night = np.random.default_rng(0).normal(0, 10, (400, 3000))
    spectrogram_db, _, _ = night_spectrogram(night)
    assert_allclose((10 ** (spectrogram_db[:, 2:] / 10)).mean(), 100 / 50, rtol=0.03)


@pytest.mark.parametrize("n_epochs", [1, 3, 80, 81, 960, 1100])
def test_frames_cover_the_night_and_are_few(n_epochs):
    night = np.ones((n_epochs, 3000), np.float32) * np.sin(TIME_S, dtype=np.float32)
    spectrogram_db, frame_s, _ = night_spectrogram(night)
    assert spectrogram_db.shape == (len(spectrogram_db), 60)
    assert len(spectrogram_db) <= 1200
    assert 0 <= len(spectrogram_db) * frame_s - 30 * n_epochs < frame_s


def test_what_is_flat_is_nan_whatever_its_offset_and_does_not_dilute_its_neighbours():
    night = np.random.default_rng(0).normal(0, 10, (200, 3000))
    with_gap = night.copy()
    with_gap[100:150] = 55 + 0.1 * np.sin(2 * np.pi * 5 * TIME_S)
    spectrogram_db, frame_s, _ = night_spectrogram(with_gap)
    full_db, _, _ = night_spectrogram(night)
    assert np.isnan(spectrogram_db[int(100 * 30 / frame_s) + 1 : int(150 * 30 / frame_s) - 1]).all()
    assert np.nanmax(np.abs(spectrogram_db[: int(3000 / frame_s)] - full_db[: int(3000 / frame_s)])) < 1e-4


def test_a_night_without_signal_is_drawn_as_nothing():
    spectrogram_db, frame_s, bin_hz = night_spectrogram(np.zeros((4, 3000)))
    assert np.isnan(spectrogram_db).all()
    axis = TimeAxis(n_epochs=4, start=None)
    spectrogram_figure(spectrogram_db, axis, frame_s=frame_s, bin_hz=bin_hz, x_ticks=[], x_name="")
