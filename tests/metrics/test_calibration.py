import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax

from mc2sleepnet.metrics.calibration import apply_temperature, expected_calibration_error, fit_temperature


def honest_stager(n, seed=0):
    """Log-probabilities, and stages drawn from just these probabilities."""
    rng = np.random.default_rng(seed)
    log_probs = log_softmax(3 * rng.standard_normal((n, 5)), axis=1)
    stage = (rng.random((n, 1)) > np.exp(log_probs).cumsum(axis=1)).sum(axis=1)
    return log_probs, np.minimum(stage, 4).astype(np.int8)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_fit_finds_the_temperature_that_undoes_overconfidence(temperature):
    log_probs, stage = honest_stager(20_000)
    assert_allclose(fit_temperature(log_probs * temperature, stage), temperature, rtol=0.05)


def test_unscored_epochs_do_not_move_the_temperature():
    log_probs, stage = honest_stager(2_000)
    with_unscored = np.concatenate([stage, np.full(500, -1, np.int8)])
    more = np.concatenate([log_probs, np.full((500, 5), np.nan)])
    assert fit_temperature(more, with_unscored) == fit_temperature(log_probs, stage)


def test_no_scored_epoch_leaves_the_probabilities_alone():
    assert fit_temperature(np.zeros((3, 5)), np.full(3, -1, np.int8)) == 1


def test_certainty_that_is_always_right_or_once_wrong_stays_within_bounds():
    with np.errstate(divide="ignore"):
        certain = np.log(np.eye(5)[[0, 1, 2, 3, 4] * 20])
    right = np.array([0, 1, 2, 3, 4] * 20, np.int8)
    wrong_once = right.copy()
    wrong_once[0] = 3
    assert 0.05 <= fit_temperature(certain, right) < 20
    assert 0.05 <= fit_temperature(certain, wrong_once) < 20


def test_a_few_epochs_without_an_error_do_not_make_a_stager_sure_of_everything():
    log_probs = log_softmax(np.tile([4.0, 1.0, 0.0, 0.0, 0.0], (60, 1)), axis=1)
    assert 0.5 < fit_temperature(log_probs, np.zeros(60, np.int8)) < 1


def test_temperature_one_changes_nothing_and_rows_sum_to_one():
    log_probs, _ = honest_stager(50)
    assert_allclose(apply_temperature(log_probs, 1.0), np.exp(log_probs))
    assert_allclose(apply_temperature(log_probs, 3.0).sum(axis=1), 1)


def test_temperature_keeps_every_stage():
    log_probs, _ = honest_stager(200)
    assert_array_equal(apply_temperature(log_probs, 2.0).argmax(axis=1), log_probs.argmax(axis=1))


def test_unscored_rows_stay_nan():
    probs = apply_temperature(np.full((2, 5), np.nan), 2.0)
    assert np.isnan(probs).all()


def test_calibration_error_equals_the_loop_over_bins():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.2, 1, 400)
    is_right = rng.random(400) < 0.7
    expected = 0.0
    for b in range(15):
        inside = (confidence > b / 15) & (confidence <= (b + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(is_right[inside].mean() - confidence[inside].mean())
    assert_allclose(expected_calibration_error(confidence, is_right), expected)


def test_an_honest_stager_has_next_to_no_calibration_error_and_a_boaster_has_much():
    log_probs, stage = honest_stager(20_000)
    is_right = log_probs.argmax(axis=1) == stage
    honest = expected_calibration_error(np.exp(log_probs).max(axis=1), is_right)
    boasting = expected_calibration_error(apply_temperature(log_probs, 0.3).max(axis=1), is_right)
    assert honest < 0.02
    assert boasting > 0.1


def test_calibration_error_leaves_unscored_out_and_is_nan_without_epochs():
    assert expected_calibration_error(np.array([1.0, np.nan]), np.array([True, False])) == 0
    assert np.isnan(expected_calibration_error(np.array([np.nan]), np.array([False])))
    assert np.isnan(expected_calibration_error(np.zeros(0), np.zeros(0, bool)))
