import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mc2sleepnet.core.stages import N2, W
from mc2sleepnet.evaluation.baselines import BANDS_HZ, BandPowerBaseline, band_powers, majority_stage
from mc2sleepnet.metrics.agreement import agreement

TIME_S = np.arange(3000) / 100


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(0, 10, (n, 3000))


@pytest.mark.parametrize(("band", "hz"), list(enumerate([2, 6, 10, 14, 20])))
def test_a_tone_raises_its_own_band_most(band, hz):
    signal_uv = noise(9)
    signal_uv[4] += 30 * np.sin(2 * np.pi * hz * TIME_S)
    assert band_powers(signal_uv)[4].argmax() == band


def test_power_is_in_square_microvolts():
    """A sine of amplitude A has power A²/2; the median epoch holds amplitude 20, epoch 0 holds 40."""
    amplitude = np.array([40.0, 20, 20])[:, None]
    features = band_powers(amplitude * np.sin(2 * np.pi * 10 * TIME_S))
    assert_allclose(features[0, list(BANDS_HZ).index("alpha")], np.log(4), rtol=1e-3)


def test_gain_of_the_recording_does_not_matter():
    signal_uv = noise(20)
    assert_allclose(band_powers(signal_uv), band_powers(7 * signal_uv), atol=1e-5)


def test_a_flat_epoch_has_finite_features():
    signal_uv = noise(5)
    signal_uv[2] = 0
    assert np.isfinite(band_powers(signal_uv)).all()


def test_the_majority_stage_is_the_most_frequent_scored_one():
    assert majority_stage(np.array([-1, -1, -1, 2, 2, 0], np.int8)) == N2
    assert majority_stage(np.array([2, 0], np.int8)) == W


def test_the_baseline_learns_stages_that_differ_in_power_and_ignores_unscored_epochs():
    rng = np.random.default_rng(0)
    stage = rng.integers(0, 5, 600).astype(np.int8)
    features = np.eye(5)[stage] * 4 + rng.standard_normal((600, 5))
    train = stage[:400].copy()
    train[::7] = -1
    features[:400][::7] = 1e6
    scored = BandPowerBaseline.fit(features[:400], train).score(features[400:])
    assert scored.dtype == np.int8
    assert agreement(stage[400:], scored).kappa > 0.85


def test_the_baseline_handles_stages_missing_from_training():
    features = np.random.default_rng(0).standard_normal((40, 5))
    stage = np.where(features[:, 0] > 0, 4, 1).astype(np.int8)
    assert set(BandPowerBaseline.fit(features, stage).score(features)) <= {1, 4}


def test_fitting_twice_gives_the_same_stages():
    rng = np.random.default_rng(0)
    features, stage = rng.standard_normal((300, 5)), rng.integers(0, 5, 300).astype(np.int8)
    first, second = (BandPowerBaseline.fit(features, stage).score(features) for _ in range(2))
    assert_array_equal(first, second)
