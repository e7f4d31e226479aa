from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mc2sleepnet.metrics.review import epochs_to_review


def smallest_set_size(confidence, risk):
    """Try every set, smallest first."""
    n = len(confidence)
    for size in range(n + 1):
        for marked in combinations(range(n), size):
            rest = [1 - confidence[i] for i in range(n) if i not in marked]
            if not rest or sum(rest) / len(rest) <= risk + 1e-9:
                return size
    raise AssertionError


@given(st.lists(st.floats(0.2, 1), min_size=0, max_size=7), st.floats(0, 0.6))
def test_no_smaller_set_brings_the_rest_below_the_risk(confidence, risk):
    marked = epochs_to_review(np.array(confidence), risk=risk)
    assert marked.sum() == smallest_set_size(confidence, risk)
    rest = 1 - np.array(confidence)[~marked]
    assert not len(rest) or rest.mean() <= risk + 2e-9


def test_the_least_confident_epochs_are_marked():
    marked = epochs_to_review(np.array([0.99, 0.5, 0.9, 0.4, 0.98]), risk=0.05)
    assert_array_equal(marked, [False, True, False, True, False])


def test_unscored_epochs_are_never_marked():
    marked = epochs_to_review(np.array([np.nan, 0.3, np.nan]), risk=0.01)
    assert_array_equal(marked, [False, True, False])


def test_of_equal_epochs_the_earlier_is_marked():
    marked = epochs_to_review(np.array([1.0, 0.8, 0.8, 1.0, 1.0]), risk=0.05)
    assert_array_equal(marked, [False, True, False, False, False])


@pytest.mark.parametrize("n", [1, 7, 960])
def test_expected_error_of_just_the_risk_marks_nothing_despite_rounding(n):
    assert not epochs_to_review(np.full(n, 0.95), risk=0.05).any()
    assert not epochs_to_review(np.full(n, 0.95, np.float32), risk=0.05 + 1e-7).any()


def test_zero_risk_marks_all_but_certain_epochs():
    assert_array_equal(epochs_to_review(np.array([1.0, 0.999, 1.0]), risk=0.0), [False, True, False])


def test_an_empty_night_has_nothing_to_review():
    assert epochs_to_review(np.zeros(0), risk=0.05).shape == (0,)
