import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from mc2sleepnet.metrics.agreement import agreement
from mc2sleepnet.metrics.consensus import (
    consensus,
    consensus_of_most_reliable,
    disagreement,
    hypnodensity_of,
    leave_one_out,
    soft_agreement,
    votes,
)


def stages(*rows):
    return np.array(rows, np.int8)


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_soft_agreement_equals_the_double_loop(seed, n_scorers):
    rng = np.random.default_rng(seed)
    scorers = rng.integers(-1, 5, (n_scorers, 20)).astype(np.int8)
    scorers[:, 0] = 0
    total, n = 0.0, 0
    for epoch in range(20):
        if (scorers[:, epoch] < 0).any():
            continue
        given_by_others = [int((scorers[1:, epoch] == stage).sum()) for stage in range(5)]
        total += given_by_others[scorers[0, epoch]] / max(given_by_others)
        n += 1
    assert_allclose(soft_agreement(scorers[0], scorers[1:]), total / n)


def test_every_one_of_tied_stages_counts_whole():
    assert soft_agreement(stages([1])[0], stages([1], [2], [1], [2])) == 1
    assert soft_agreement(stages([2])[0], stages([1], [2], [1], [2])) == 1
    assert soft_agreement(stages([3])[0], stages([1], [2], [1], [2])) == 0
    assert soft_agreement(stages([2])[0], stages([1], [2], [1])) == 0.5


def test_consensus_is_the_majority_and_ties_go_to_the_most_reliable_of_those_tied():
    scorers = stages([0, 1, 3], [0, 2, 4], [4, 2, 4], [4, 1, 3], [0, 3, 2])
    # The last is the most reliable, but its stage is not among the tied ones.
    assert_array_equal(consensus(scorers, np.array([0.5, 0.8, 0.6, 0.7, 0.9])), [0, 2, 4])
    assert_array_equal(consensus(scorers, np.array([0.8, 0.5, 0.6, 0.7, 0.9])), [0, 1, 3])


def test_consensus_of_nobody_is_unscored_and_unknown_reliability_counts_least():
    scorers = stages([-1, 1], [-1, 2])
    assert_array_equal(consensus(scorers, np.array([np.nan, 0.1])), [-1, 2])


def test_leaving_one_out_leaves_that_one_out():
    rng = np.random.default_rng(1)
    scorers = rng.integers(0, 5, (4, 30)).astype(np.int8)
    found = leave_one_out(scorers)
    for k in range(4):
        others = np.delete(scorers, k, axis=0)
        assert_allclose(found.soft_agreement[k], soft_agreement(scorers[k], others))
        assert_array_equal(found.consensus[k], consensus(others, np.delete(found.soft_agreement, k)))
    changed = scorers.copy()
    changed[2] = 0
    # Only ties, which reliability decides, may feel who was left out.
    is_tie = (
        np.sort(votes(np.delete(scorers, 2, axis=0)), axis=1)[:, -1]
        == np.sort(votes(np.delete(scorers, 2, axis=0)), axis=1)[:, -2]
    )
    assert_array_equal(leave_one_out(changed).consensus[2][~is_tie], found.consensus[2][~is_tie])


def test_with_two_scorers_the_others_consensus_is_the_other():
    scorers = stages([0, 1, 2], [0, 2, -1])
    assert_array_equal(leave_one_out(scorers).consensus, [[0, 2, -1], [0, 1, -1]])


def test_a_machine_is_set_against_all_but_the_least_reliable():
    good = np.tile(np.arange(5, dtype=np.int8), 8)
    bad = (good + 1).astype(np.int8) % 5
    assert_array_equal(consensus_of_most_reliable(np.stack([bad, good, good])), good)
    assert_array_equal(consensus_of_most_reliable(good[None]), good)


@pytest.mark.parametrize("n_scorers", [2, 3, 5])
def test_mean_disagreement_is_one_minus_the_mean_pairwise_agreement(n_scorers):
    scorers = np.random.default_rng(n_scorers).integers(0, 3, (n_scorers, 200)).astype(np.int8)
    pairs = [agreement(scorers[i], scorers[j]).accuracy for i in range(n_scorers) for j in range(i)]
    assert_allclose(disagreement(votes(scorers)).mean(), 1 - np.mean(pairs))


def test_hypnodensity_is_the_share_of_scorers_and_nan_where_nobody_scored():
    found = hypnodensity_of(votes(stages([0, -1, 2], [1, -1, -1])))
    assert_array_equal(found[0], [0.5, 0.5, 0, 0, 0])
    assert np.isnan(found[1]).all()
    assert_array_equal(found[2], [0, 0, 1, 0, 0])
    assert np.isnan(disagreement(votes(stages([0, -1, 2], [1, -1, -1])))[1:]).all()
