import numpy as np
import pytest
from numpy.testing import assert_allclose

from mc2sleepnet.metrics.agreement import accuracy, kappa
from mc2sleepnet.metrics.confusions import accuracies, kappas
from mc2sleepnet.metrics.estimate import by_subject, estimate, estimate_mean
from mc2sleepnet.metrics.intervals import Subjects, bootstrap_over_subjects, percentile_interval


def cohort(n_subjects, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([np.diag(rng.integers(50, 150, 5)) + rng.integers(0, 20, (5, 5)) for _ in range(n_subjects)])


def test_interval_equals_the_double_loop():
    confusions = cohort(6)
    rng = np.random.default_rng(3)
    draws = rng.multinomial(6, np.full(6, 1 / 6), 50)
    values = []
    for draw in draws:
        pooled = np.zeros((5, 5), dtype=np.int64)
        for subject, times in enumerate(draw):
            for _ in range(times):
                pooled += confusions[subject]
        values.append(accuracy(pooled))
    low, high = bootstrap_over_subjects(confusions, accuracy, n=50, seed=3)
    assert_allclose([low, high], np.percentile(values, [2.5, 97.5]))


def test_the_same_seed_gives_the_same_interval():
    confusions = cohort(10)
    first = bootstrap_over_subjects(confusions, kappa, n=200, seed=1)
    assert first == bootstrap_over_subjects(confusions, kappa, n=200, seed=1)
    assert first != bootstrap_over_subjects(confusions, kappa, n=200, seed=2)


def test_interval_holds_the_pooled_figure_and_narrows_with_more_subjects():
    few = bootstrap_over_subjects(cohort(8), kappa, n=500, seed=0)
    many = bootstrap_over_subjects(cohort(200), kappa, n=500, seed=0)
    assert many[0] < kappa(cohort(200).sum(axis=0)) < many[1]
    assert many[1] - many[0] < few[1] - few[0]


def test_identical_subjects_leave_no_width():
    low, high = bootstrap_over_subjects(np.repeat(cohort(1), 5, axis=0), kappa, n=100, seed=0)
    assert_allclose(low, high)


def test_one_subject_or_none_has_no_interval():
    assert np.isnan(bootstrap_over_subjects(cohort(1), kappa, n=100, seed=0)).all()
    assert np.isnan(bootstrap_over_subjects(np.zeros((0, 5, 5), int), kappa, n=100, seed=0)).all()


def test_subjects_without_common_epochs_give_nan_and_no_crash():
    assert np.isnan(bootstrap_over_subjects(np.zeros((4, 5, 5), int), kappa, n=100, seed=0)).all()


def test_percentiles_leave_nan_out_and_equal_numpys():
    values = np.random.default_rng(0).normal(size=(200, 3))
    values[:50, 1] = np.nan
    values[:, 2] = np.nan
    found = percentile_interval(values)
    assert_allclose(found[:2], np.nanpercentile(values[:, :2], [2.5, 97.5], axis=0).T)
    assert np.isnan(found[2]).all()
    assert np.isnan(percentile_interval(np.zeros((0, 2)))).all()


def test_an_estimate_is_the_pooled_figure_with_the_interval_of_the_loop():
    confusions = cohort(7)
    subjects = Subjects(7, n=120, seed=4)
    found = estimate(kappas, confusions, subjects)
    assert_allclose(found.value, kappa(confusions.sum(axis=0)))
    assert_allclose(found.interval, bootstrap_over_subjects(confusions, kappa, n=120, seed=4))


def test_a_mean_over_nights_draws_all_nights_of_a_subject_together():
    values, subject = np.array([0.0, 1.0, 0.5, np.nan]), np.array([0, 0, 1, 1])
    found = estimate_mean(values, subject, Subjects(2, n=400, seed=0))
    assert_allclose(found.value, 0.5)
    assert_allclose(found.interval, [0.5, 0.5])  # either subject alone has this mean


def test_sums_by_subject_equal_the_loop():
    rng = np.random.default_rng(0)
    values, subject = rng.integers(0, 9, (20, 2, 3)), rng.integers(0, 4, 20)
    expected = [values[subject == i].sum(axis=0) for i in range(5)]
    assert_allclose(by_subject(values, subject, 5), expected)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Subjects differ, so that epochs alone would give intervals far too narrow."""
    rng = np.random.default_rng(0)
    n_covered = 0
    for trial in range(200):
        right = rng.binomial(300, rng.beta(16, 4, 25))
        confusions = np.zeros((25, 5, 5), int)
        confusions[:, 0, 0], confusions[:, 0, 1] = right, 300 - right
        found = estimate(accuracies, confusions, Subjects(25, n=200, seed=trial))
        n_covered += found.interval[0] <= 0.8 <= found.interval[1]
    assert n_covered / 200 == pytest.approx(0.93, abs=0.05)
