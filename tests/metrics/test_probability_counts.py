import numpy as np
from numpy.testing import assert_allclose

from mc2sleepnet.metrics.calibrated import COVERAGES, calibrate
from mc2sleepnet.metrics.calibration import expected_calibration_error
from mc2sleepnet.metrics.intervals import Subjects
from mc2sleepnet.metrics.probability_counts import (
    ProbabilityCounts,
    area_under_risk_coverage,
    brier_score,
    calibration_error,
    calibration_error_by_chance,
    risk_coverage,
)


def scored_night(n, seed=0, sharpness=3.0, boast=1.0):
    """Probabilities, the stages they choose, and truths drawn from them; boasting sharpens what is claimed."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.standard_normal((n, 5))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    claimed = true**boast / (true**boast).sum(axis=1, keepdims=True)
    truth = np.minimum((rng.random((n, 1)) > true.cumsum(axis=1)).sum(axis=1), 4).astype(np.int8)
    return truth, claimed.argmax(axis=1).astype(np.int8), claimed


def test_calibration_error_equals_that_of_single_epochs():
    truth, scored, p = scored_night(3000)
    counts = ProbabilityCounts.of(truth, scored, p)
    assert_allclose(calibration_error(counts.bins), expected_calibration_error(p.max(axis=1), truth == scored))


def test_the_bias_of_the_calibration_error_is_what_true_probabilities_show():
    errors, expected = [], []
    for seed in range(60):
        truth, scored, p = scored_night(400, seed=seed)
        counts = ProbabilityCounts.of(truth, scored, p)
        errors.append(float(calibration_error(counts.bins)))
        expected.append(float(calibration_error_by_chance(counts.bins)))
    assert_allclose(np.mean(errors), np.mean(expected), rtol=0.12)
    truth, scored, p = scored_night(20_000, boast=3.0)
    boasting = ProbabilityCounts.of(truth, scored, p)
    assert calibration_error(boasting.bins) > 10 * calibration_error_by_chance(boasting.bins)


def test_brier_score_equals_the_double_loop():
    truth, scored, p = scored_night(50)
    expected = np.mean([sum((p[i, k] - (truth[i] == k)) ** 2 for k in range(5)) for i in range(50)])
    assert_allclose(brier_score(ProbabilityCounts.of(truth, scored, p).brier), expected)


def test_certainty_that_is_always_wrong_has_the_worst_brier_score_and_calibration():
    p = np.eye(5)[[0, 1, 2]]
    counts = ProbabilityCounts.of(np.array([1, 2, 3], np.int8), np.array([0, 1, 2], np.int8), p)
    assert brier_score(counts.brier) == 2
    assert calibration_error(counts.bins) == 1


def test_risk_falls_as_less_is_kept_and_ends_at_the_error_of_all():
    truth, scored, p = scored_night(5000)
    levels = ProbabilityCounts.of(truth, scored, p).levels
    coverage, risk = risk_coverage(levels)
    assert_allclose(coverage[-1], 1)
    assert_allclose(risk[-1], (truth != scored).mean())
    half = np.searchsorted(coverage, 0.5)
    assert risk[half] < 0.5 * risk[-1]


def test_area_under_risk_coverage_is_that_of_sorted_epochs():
    truth, scored, p = scored_night(5000)
    order = np.argsort(-p.max(axis=1))
    wrong = (truth != scored)[order]
    expected = (np.cumsum(wrong) / np.arange(1, 5001)).mean()
    assert_allclose(area_under_risk_coverage(ProbabilityCounts.of(truth, scored, p).levels), expected, rtol=0.02)


def test_risk_at_a_coverage_is_that_of_the_surest_epochs():
    truth, scored, p = scored_night(8000)
    counts = ProbabilityCounts.stack([ProbabilityCounts.of(truth, scored, p)])
    found = calibrate(counts, np.zeros(1, int), Subjects(1))
    surest = np.argsort(-p.max(axis=1))[:6400]
    assert_allclose(found.risk_at.value[COVERAGES.index(0.8)], (truth != scored)[surest].mean(), rtol=0.03)
    assert_allclose(found.risk_at.value[-1], (truth != scored).mean())


def test_unscored_epochs_and_missing_probabilities_are_left_out_and_none_is_nan():
    truth, scored, p = scored_night(20)
    truth[:5], scored[5:10] = -1, -1
    p[10:15] = np.nan
    counts = ProbabilityCounts.of(truth, scored, p)
    assert counts.brier[0] == counts.bins[:, 0].sum() == counts.levels[:, 0].sum() == 5
    nothing = ProbabilityCounts.of(truth[:5], scored[:5], p[:5])
    found = calibrate(ProbabilityCounts.stack([nothing, nothing]), np.arange(2), Subjects(2))
    assert np.isnan([float(found.ece), found.ece_by_chance, float(found.brier), float(found.aurc)]).all()
    assert np.isnan(found.risk_at.value).all()
