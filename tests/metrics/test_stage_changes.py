import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mc2sleepnet.metrics.stage_changes import (
    epochs_to_change,
    errors_by_distance,
    matched_changes,
    transition_matrix,
)


def stages(*codes):
    return np.array(codes, np.int8)


def test_transitions_are_between_neighbours_that_take_part():
    matrix = transition_matrix(stages(0, 0, 1, -1, 2, 2), np.array([True, True, True, True, True, False]))
    assert matrix.sum() == 2
    assert matrix[0, 0] == matrix[0, 1] == 1


def test_distance_counts_epochs_to_the_nearest_change_on_either_side():
    assert_array_equal(epochs_to_change(stages(0, 0, 0, 1, 1, 1, 1)), [2, 1, 0, 0, 1, 2, 3])
    assert_array_equal(epochs_to_change(np.zeros(4, np.int8)), [10] * 4)
    assert_array_equal(epochs_to_change(np.zeros(0, np.int8)), [])


def test_an_unscored_epoch_is_no_change():
    assert_array_equal(epochs_to_change(stages(0, -1, 1)), [10, 10, 10])


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_distance_equals_the_walk(seed, n):
    rng = np.random.default_rng(seed)
    stage = np.repeat(rng.integers(-1, 5, n), rng.integers(1, 6, n)).astype(np.int8)
    changes = [i for i in range(len(stage) - 1) if stage[i] != stage[i + 1] and min(stage[i], stage[i + 1]) >= 0]
    expected = [
        min([10, *(abs(epoch - i) if epoch <= i else epoch - i - 1 for i in changes)]) for epoch in range(len(stage))
    ]
    assert_array_equal(epochs_to_change(stage), expected)


def test_a_change_an_epoch_late_is_matched_within_one_but_not_exactly():
    reference, scored = stages(0, 0, 2, 2, 2, 4), stages(0, 0, 0, 2, 2, 4)
    assert_array_equal(matched_changes(reference, scored), [2, 2, 1, 1, 2, 2])
    assert_array_equal(matched_changes(reference, reference), [2, 2, 2, 2, 2, 2])


def test_a_change_into_another_stage_is_no_match():
    assert_array_equal(matched_changes(stages(0, 2), stages(0, 1)), [1, 1, 0, 0, 0, 0])


def test_changes_beside_unscored_epochs_are_not_asked_for():
    assert_array_equal(matched_changes(stages(0, -1, 2), stages(0, 2, 2)), [0] * 6)
    assert_array_equal(matched_changes(stages(0), stages(1)), [0] * 6)


def test_errors_by_distance_add_up_to_all_epochs_and_errors():
    rng = np.random.default_rng(0)
    reference = np.repeat(rng.integers(-1, 5, 60), 5).astype(np.int8)
    scored = np.where(rng.random(300) < 0.3, rng.integers(-1, 5, 300), reference).astype(np.int8)
    both = (reference >= 0) & (scored >= 0)
    counts = errors_by_distance(reference, scored)
    assert counts[:, 0].sum() == both.sum()
    assert counts[:, 1].sum() == (reference != scored)[both].sum()
