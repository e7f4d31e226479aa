import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mc2sleepnet.metrics.confusions import accuracies, kappas
from mc2sleepnet.metrics.intervals import Subjects
from mc2sleepnet.metrics.paired import holm, paired_difference


def systems(n_subjects, better=0.0, seed=0, n_epochs=200):
    """Two systems on the same epochs; the second is right more often by `better`."""
    rng = np.random.default_rng(seed)
    both = []
    for more in (0.0, better):
        confusions = np.zeros((n_subjects, 5, 5), np.int64)
        for one in confusions:
            truth = rng.integers(0, 5, n_epochs)
            is_right = rng.random(n_epochs) < 0.8 + more
            scored = np.where(is_right, truth, (truth + rng.integers(1, 5, n_epochs)) % 5)
            np.add.at(one, (truth, scored), 1)
        both.append(confusions)
    return both


@pytest.mark.parametrize("statistic", [accuracies, kappas])
def test_few_subjects_are_swapped_in_every_way(statistic):
    first, second = systems(5, better=0.03)
    found = paired_difference(first, second, statistic, subjects=Subjects(5))
    observed = float(statistic(second.sum(axis=0)) - statistic(first.sum(axis=0)))
    as_large = []
    for swaps in itertools.product([False, True], repeat=5):
        a = np.where(np.array(swaps)[:, None, None], second, first).sum(axis=0)
        b = np.where(np.array(swaps)[:, None, None], first, second).sum(axis=0)
        as_large.append(abs(float(statistic(b) - statistic(a))) >= abs(observed) - 1e-12)
    assert_allclose(found.difference, observed)
    assert_allclose(found.p, np.mean(as_large))


def test_a_system_against_itself_shows_no_difference():
    first, _ = systems(30)
    found = paired_difference(first, first, kappas, subjects=Subjects(30))
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_a_real_difference_is_found_and_its_interval_holds_it():
    first, second = systems(40, better=0.05)
    found = paired_difference(first, second, accuracies, subjects=Subjects(40))
    assert found.p < 0.001
    assert found.low < 0.05 < found.high
    assert found.low > 0


def test_equal_systems_seldom_look_different():
    p = [
        paired_difference(*systems(20, seed=seed, n_epochs=60), accuracies, subjects=Subjects(20, n=50), seed=seed).p
        for seed in range(60)
    ]
    assert np.mean(np.array(p) < 0.05) < 0.15
    assert 0.35 < np.mean(p) < 0.65


def test_no_value_has_no_p():
    empty = np.zeros((3, 5, 5), np.int64)
    found = paired_difference(empty, empty, accuracies, subjects=Subjects(3))
    assert np.isnan([found.difference, found.low, found.high, found.p]).all()


def test_one_subject_can_show_nothing():
    found = paired_difference(*systems(1, better=0.1), accuracies, subjects=Subjects(1))
    assert found.p == 1
    assert np.isnan([found.low, found.high]).all()


def test_holm_multiplies_the_smallest_most_and_never_turns_the_order():
    assert_allclose(holm(np.array([0.01, 0.04, 0.03, np.nan])), [0.03, 0.06, 0.06, np.nan])
    assert_allclose(holm(np.array([0.5, 0.9])), [1.0, 1.0])
