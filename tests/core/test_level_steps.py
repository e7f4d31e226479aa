"""A gain that changes within a night is found where it changed, and sleep, wake and movement are not taken for one."""

import numpy as np
import pytest

from mc2sleepnet.core.level_steps import LevelStep, level_steps, levelled
from mc2sleepnet.core.recording_statistics import epoch_decibels

N = 600
EVERYTHING = np.ones(N, np.bool_)
RARE = np.arange(N) % 2 == 0


def night():
    """Half hours of more slow and of more fast waves, no two epochs as loud: what sleep makes of 1/f."""
    rng = np.random.default_rng(4)
    spectrum = np.fft.rfft(rng.normal(0, 8, (N, 3000)))
    hertz = np.arange(spectrum.shape[1]) / 30
    depth = np.sin(2 * np.pi * np.arange(N) / 180)[:, None]
    shape = 1 / np.maximum(hertz, 0.5) * (8 / np.maximum(hertz, 0.5)) ** (0.2 * depth)
    loudness = np.exp(rng.normal(0, 0.2, (N, 1)))
    return (np.fft.irfft(spectrum * shape * loudness) * 8).astype(np.float32)


def steps_of(signal_uv, tells=EVERYTHING):
    return level_steps(epoch_decibels(signal_uv, tells), tells)


def test_a_night_has_no_steps():
    signal_uv = night()
    assert steps_of(signal_uv) == ()
    assert levelled(signal_uv, (), EVERYTHING) is signal_uv
    assert steps_of(signal_uv[:39], EVERYTHING[:39]) == ()
    assert steps_of(signal_uv, np.zeros(N, np.bool_)) == ()


@pytest.mark.parametrize("factor", [0.2, 0.4, 2, 3, 10])
@pytest.mark.parametrize("epoch", [90, 217, 400])
def test_a_changed_gain_is_found_and_taken_back(factor, epoch):
    signal_uv = night()
    changed = signal_uv.copy()
    changed[epoch:] *= factor
    (step,) = steps_of(changed)
    assert abs(step.epoch - epoch) <= 3
    # Within what sleep does of its own around it.
    assert step.decibels == pytest.approx(20 * np.log10(factor), abs=2.5)
    # All of it is as loud as the longer part.
    part = slice(step.epoch, None) if N - epoch > epoch else slice(0, step.epoch)
    back = levelled(changed, (step,), EVERYTHING)
    np.testing.assert_array_equal(back[part], changed[part])
    ratio = back[:20].std() / back[-20:].std() * signal_uv[-20:].std() / signal_uv[:20].std()
    assert ratio == pytest.approx(1, abs=0.3)


def test_a_gain_that_changes_and_comes_back():
    signal_uv = night()
    signal_uv[200:290] *= 4
    up, down = steps_of(signal_uv)
    assert (up.epoch, down.epoch) == (pytest.approx(200, abs=3), pytest.approx(290, abs=3))
    assert up.decibels == pytest.approx(12, abs=2.5)
    assert down.decibels == pytest.approx(-12, abs=2.5)
    factor = levelled(signal_uv, (up, down), EVERYTHING)[:, 0] / signal_uv[:, 0]
    assert factor[0] == pytest.approx(1, rel=0.35)
    assert factor[245] == pytest.approx(1 / 4, rel=0.35)
    assert factor[-1] == pytest.approx(1, rel=0.35)


def test_what_happens_in_some_bands_only_is_no_step():
    signal_uv = night()
    seconds = np.arange(3000) / 100
    signal_uv[300:] += 40 * np.sin(2 * np.pi * 1.5 * seconds).astype(np.float32)  # slow waves
    signal_uv[450:] += np.random.default_rng(5).normal(0, 20, (150, 3000)).astype(np.float32)  # muscle
    assert steps_of(signal_uv) == ()


def test_a_few_loud_minutes_are_no_step():
    signal_uv = night()
    signal_uv[300:308] *= 5
    assert steps_of(signal_uv) == ()


def test_epochs_without_signal_are_passed_over():
    signal_uv = night()
    signal_uv[300:] *= 4
    tells = EVERYTHING.copy()
    tells[290:320] = False
    signal_uv[~tells] = 0
    (step,) = steps_of(signal_uv, tells)
    assert abs(step.epoch - 320) <= 3


def test_minutes_that_are_hours_apart_are_not_compared():
    signal_uv = night()
    signal_uv[300:] *= 4
    assert steps_of(signal_uv, RARE) == ()


def test_an_electrode_that_is_off_is_no_step():
    signal_uv = night()
    hum_uv = 20 * np.sin(2 * np.pi * 49.9 * np.arange(3000) / 100)
    signal_uv[300:400] = hum_uv + np.random.default_rng(5).normal(0, 1, (100, 3000))
    assert steps_of(signal_uv) == ()


def test_steps_tell_where_they_begin():
    steps = (LevelStep(epoch=2, decibels=20.0), LevelStep(epoch=4, decibels=-40.0))
    signal_uv = np.ones((9, 3), np.float32)
    np.testing.assert_allclose(
        levelled(signal_uv, steps, np.ones(9, np.bool_))[:, 0], [0.1, 0.1, 0.01, 0.01, 1, 1, 1, 1, 1], rtol=1e-6
    )
