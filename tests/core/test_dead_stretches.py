import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mc2sleepnet.core.dead_stretches import bridged, is_dead, speaks
from mc2sleepnet.core.recording_statistics import recording_statistics

RNG = np.random.default_rng(5)


def noise(n_epochs=1):
    return RNG.normal(0, 20, (n_epochs, 3000)).astype(np.float32)


def naive_is_dead(epochs_uv, n):
    samples_uv = epochs_uv.ravel()
    dead = np.zeros(len(samples_uv), np.bool_)
    for start in range(len(samples_uv) - n + 1):
        if np.ptp(samples_uv[start : start + n]) < 0.5:
            dead[start : start + n] = True
    return dead.reshape(epochs_uv.shape)


@settings(max_examples=40, deadline=None)
@given(
    stretches=st.lists(st.tuples(st.integers(0, 5999), st.integers(1, 900)), max_size=4),
    step=st.sampled_from([0, 0.01]),
    still_samples=st.sampled_from([50, 200]),
)
def test_dead_is_what_lies_within_half_a_still_second_or_as_long_as_is_asked_for(stretches, step, still_samples):
    epochs_uv = noise(2)
    for start, length in stretches:
        stretch = epochs_uv.reshape(-1)[start : start + length]
        stretch[:] = 7 + step * np.arange(len(stretch))
    np.testing.assert_array_equal(is_dead(epochs_uv, still_samples), naive_is_dead(epochs_uv, still_samples))
    if still_samples == 50:
        np.testing.assert_array_equal(is_dead(epochs_uv), is_dead(epochs_uv, 50))


def test_epochs_without_anything_dead_are_the_same_array():
    signal_uv = noise(3)
    assert bridged(signal_uv) is signal_uv


@pytest.mark.parametrize("start", [0, 40, 1000, 1960, 2000])
@pytest.mark.parametrize("level_uv", [0, 3000])
def test_a_bridge_leaves_no_seam_and_touches_nothing_but_the_dead_stretch_and_half_a_second_beside(start, level_uv):
    seconds = np.arange(3000) / 100
    # An offset, as recorders without a high-pass have, and a rhythm that is slow enough to show a step.
    living_uv = (50 + 30 * np.sin(2 * np.pi * 2 * seconds)).astype(np.float32)
    signal_uv = np.stack([living_uv, living_uv])
    signal_uv[1, start : start + 1000] = level_uv
    filled_uv = bridged(signal_uv)
    np.testing.assert_array_equal(filled_uv[0], living_uv)
    beside = slice(max(0, start - 50), start + 1050)
    kept = np.ones(3000, np.bool_)
    kept[beside] = False
    np.testing.assert_array_equal(filled_uv[1, kept], living_uv[kept])
    assert not is_dead(filled_uv).any()
    # No step larger than the rhythm's own, of two images of it at most.
    assert np.abs(np.diff(filled_uv[1])).max() < 1.5 * np.abs(np.diff(living_uv)).max()
    assert filled_uv[1, beside].mean() == pytest.approx(50, abs=5)


def test_a_bridge_is_as_loud_as_the_rest():
    signal_uv = noise(40)
    signal_uv[:, 900:2300] = 0
    deviation_uv = bridged(signal_uv)[:, 850:2350].std(axis=0)
    assert deviation_uv.reshape(15, 100).mean(axis=1) == pytest.approx(np.full(15, 20), rel=0.1)


def test_a_bridged_epoch_is_bridged_already():
    signal_uv = noise(4)
    signal_uv[:, 300:1200] = 0
    signal_uv[:, 2500:] = -55
    once_uv = bridged(signal_uv)
    assert bridged(once_uv) is once_uv


def test_an_epoch_that_is_mostly_dead_is_not_made_up():
    signal_uv = noise(2)
    signal_uv[0, :1600] = 0
    np.testing.assert_array_equal(bridged(signal_uv), signal_uv)
    np.testing.assert_array_equal(speaks(signal_uv), [False, True])
    np.testing.assert_array_equal(speaks(signal_uv[:1]), [True])


def test_short_dead_stretches_all_over_with_ringing_between_leave_something():
    signal_uv = noise()
    for start in range(0, 3000, 420):
        signal_uv[0, start : start + 200] = 0
    assert 0 < is_dead(signal_uv).mean() <= 0.5
    filled_uv = bridged(signal_uv)
    assert not is_dead(filled_uv).any()
    assert filled_uv.std() == pytest.approx(20, rel=0.1)


def test_half_dead_epochs_do_not_bend_what_a_recording_says_of_its_level():
    signal_uv = noise(200)
    broken_uv = signal_uv.copy()
    broken_uv[::3, :1400] = 0
    of_whole = recording_statistics(signal_uv)
    assert np.abs(recording_statistics(bridged(broken_uv)) - of_whole).max() < 0.5
    assert np.abs(recording_statistics(broken_uv) - of_whole).max() > 5
    # Nor do flat epochs, which a store holds because an expert scored them.
    broken_uv[::3] = 0
    np.testing.assert_allclose(recording_statistics(broken_uv), recording_statistics(broken_uv[broken_uv.any(axis=1)]))
