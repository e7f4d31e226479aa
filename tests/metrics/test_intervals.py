import numpy as np
from numpy.testing import assert_allclose

from mc2sleepnet.metrics.agreement import accuracy, kappa
from mc2sleepnet.metrics.intervals import bootstrap_over_subjects


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
