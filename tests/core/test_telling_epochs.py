import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mc2sleepnet.core.recording_statistics import N_BINS, epoch_decibels
from mc2sleepnet.core.telling_epochs import around_sleep, drowned, has_noise, spectral_tilt

RNG = np.random.default_rng(9)


def white(n_epochs, deviation_uv=8.0):
    return RNG.normal(0, deviation_uv, (n_epochs, 3000)).astype(np.float32)


def eeg_like(n_epochs):
    """1/f in amplitude, as EEG is at its flattest."""
    spectrum = np.fft.rfft(white(n_epochs))
    shape = 1 / np.maximum(np.arange(spectrum.shape[1]), 15)
    return (np.fft.irfft(spectrum * shape) * 1500).astype(np.float32)


def spectra(signal_uv):
    return epoch_decibels(signal_uv, np.ones(len(signal_uv), np.bool_))


def naive_around_sleep(is_asleep, is_scorable):
    n = len(is_asleep)
    dense = []
    for epoch in range(n):
        half_hour = [i for i in range(epoch - 30, epoch + 30) if 0 <= i < n and is_scorable[i]]
        if is_scorable[epoch] and sum(is_asleep[i] for i in half_hour) >= 0.5 * len(half_hour):
            dense.append(epoch)
    near = np.array([is_scorable[i] and any(abs(i - d) <= 120 for d in dense) for i in range(n)], np.bool_)
    left_out = is_scorable.sum() - near.sum()
    return near if left_out > is_scorable.sum() / 3 and near.sum() >= 40 else is_scorable


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.tuples(st.booleans(), st.integers(1, 300)), min_size=1, max_size=8), seed=st.integers(0, 999)
)
def test_the_night_is_what_lies_within_an_hour_of_dense_sleep(lengths, seed):
    rng = np.random.default_rng(seed)
    is_scorable = np.concatenate([np.ones(length, np.bool_) for _, length in lengths])
    is_asleep = np.concatenate([np.full(length, asleep) for asleep, length in lengths])
    is_asleep ^= rng.random(len(is_asleep)) < 0.05
    is_scorable &= rng.random(len(is_asleep)) > 0.1
    is_asleep &= is_scorable
    np.testing.assert_array_equal(around_sleep(is_asleep, is_scorable), naive_around_sleep(is_asleep, is_scorable))


def test_an_ordinary_night_and_one_without_sleep_are_told_by_all_of_it():
    everything = np.ones(960, np.bool_)
    ordinary = np.r_[np.zeros(60), np.ones(780), np.zeros(120)].astype(np.bool_)
    for is_asleep in (ordinary, everything, ~everything):
        np.testing.assert_array_equal(around_sleep(is_asleep, everything), everything)


def test_two_nights_of_a_long_recording_both_tell():
    is_asleep = np.zeros(48 * 120, np.bool_)
    is_asleep[600:1500] = is_asleep[3500:4300] = True
    near = around_sleep(is_asleep, np.ones(len(is_asleep), np.bool_))
    # Sleep counts as dense up to half an hour's half beyond itself.
    for start, stop in ((600, 1500), (3500, 4300)):
        assert near[start - 120 : stop + 120].all()
    assert near.sum() == pytest.approx(1700 + 4 * 120, abs=8)


def test_white_noise_is_noise_whatever_its_level_and_eeg_is_not():
    assert np.abs(spectral_tilt(spectra(white(200, 0.5)))).max() < 3
    assert np.abs(spectral_tilt(spectra(white(200, 500)))).mean() < 1
    assert spectral_tilt(spectra(eeg_like(20))).min() > 5
    signal_uv = np.concatenate([eeg_like(100), white(100)])
    is_scorable = np.ones(200, np.bool_)
    is_scorable[:10] = is_scorable[190:] = False
    noise = has_noise(epoch_decibels(signal_uv, is_scorable), is_scorable)
    assert noise[100:190].mean() > 0.95
    assert not noise[:100].any()
    assert not noise[190:].any()


def test_muscle_here_and_there_is_no_noise():
    signal_uv = eeg_like(400)
    signal_uv[::2] = white(200)
    assert not has_noise(spectra(signal_uv), np.ones(400, np.bool_)).any()
    # Louder above than below, as muscle is and no amplifier.
    signal_uv[:200] = np.diff(white(200), axis=1, prepend=0)
    assert not has_noise(spectra(signal_uv), np.ones(400, np.bool_)).any()


@pytest.mark.parametrize("n_noise", [0, 20, 181, 200])
def test_little_noise_is_a_part_of_the_night_and_nothing_but_noise_cannot_be_left_out(n_noise):
    signal_uv = np.concatenate([eeg_like(200 - n_noise), white(n_noise)])
    assert not has_noise(spectra(signal_uv), np.ones(200, np.bool_)).any()


def test_what_is_louder_than_any_sleep_is_drowned_and_deep_sleep_is_not() -> None:
    rng = np.random.default_rng(0)
    quiet = rng.normal(0, 1, (200, N_BINS)).astype(np.float32)
    deep = quiet[:80] + 16
    moving = quiet[:20] + 24
    decibels = np.concatenate([quiet, deep, moving, np.full((3, N_BINS), np.nan, np.float32)])
    tells = ~np.isnan(decibels[:, 0])
    np.testing.assert_array_equal(drowned(decibels, tells), (np.arange(303) >= 280) & tells)
    # A third of the night nearly dead makes no sleep loud.
    decibels[:90] -= 40
    assert not drowned(decibels, tells)[:280].any()
    assert not drowned(decibels, np.zeros(303, bool)).any()
