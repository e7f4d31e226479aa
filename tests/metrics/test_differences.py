import numpy as np
from numpy.testing import assert_allclose

from mc2sleepnet.metrics.differences import differences
from mc2sleepnet.metrics.intervals import Subjects


def measured(n=60, seed=0):
    rng = np.random.default_rng(seed)
    reference = rng.normal(400, 40, (n, 2))
    return reference, reference + rng.normal([5, -20], [10, 2], (n, 2))


def test_bias_and_limits_are_mean_and_1_96_deviations():
    reference, scored = measured()
    found = differences(reference, scored, np.arange(60), Subjects(60))
    d = scored - reference
    assert_allclose(found.bias, d.mean(axis=0))
    assert_allclose(found.low, d.mean(axis=0) - 1.96 * d.std(axis=0, ddof=1))
    assert_allclose(found.high, d.mean(axis=0) + 1.96 * d.std(axis=0, ddof=1))


def test_intervals_hold_the_truth_and_are_as_wide_as_theory_says():
    reference, scored = measured(n=400)
    found = differences(reference, scored, np.arange(400), Subjects(400))
    assert (found.bias_interval[:, 0] < [5, -20]).all()
    assert (found.bias_interval[:, 1] > [5, -20]).all()
    width = found.bias_interval[:, 1] - found.bias_interval[:, 0]
    assert_allclose(width, 2 * 1.96 * np.array([10, 2]) / 20, rtol=0.25)
    # Bland and Altman 1986: the variance of a limit is about 3 s^2 / n.
    width = found.low_interval[:, 1] - found.low_interval[:, 0]
    assert_allclose(width, 2 * 1.96 * np.array([10, 2]) * np.sqrt(3) / 20, rtol=0.3)


def test_a_night_without_a_value_on_either_side_is_left_out_of_that_quantity():
    reference, scored = measured()
    reference[0, 0] = np.nan
    scored[1, 0] = np.nan
    found = differences(reference, scored, np.arange(60), Subjects(60))
    assert found.n_nights.tolist() == [58, 60]
    assert_allclose(found.bias[0], (scored - reference)[2:, 0].mean())


def test_nights_of_one_subject_are_drawn_together():
    reference, scored = measured()
    twice = differences(
        np.repeat(reference, 2, axis=0), np.repeat(scored, 2, axis=0), np.repeat(np.arange(60), 2), Subjects(60)
    )
    once = differences(reference, scored, np.arange(60), Subjects(60))
    assert_allclose(twice.bias_interval, once.bias_interval)


def test_one_night_has_a_bias_but_no_limits_and_none_has_nothing():
    one = differences(np.array([[1.0]]), np.array([[3.0]]), np.zeros(1, int), Subjects(1))
    assert one.bias[0] == 2
    assert np.isnan([one.low[0], one.high[0], *one.bias_interval[0]]).all()
    none = differences(np.array([[np.nan]]), np.array([[3.0]]), np.zeros(1, int), Subjects(1))
    assert np.isnan(none.bias[0])
