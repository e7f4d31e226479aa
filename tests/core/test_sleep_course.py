"""The chain of stages, against the sum over every path; and its table, against the hypnograms it is of."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from mc2sleepnet.core.sleep_course import COURSE_WEIGHT, TRANSITIONS, along_the_course
from mc2sleepnet.core.stages import N1, N2, N3, R, W
from mc2sleepnet.synth.real_hypnograms import real_hypnograms

WAKE_ABOUT_SLEEP = 60
NEVER = 1e-4


def answers(n_epochs: int, seed: int = 0) -> NDArray[np.float64]:
    logits = np.random.default_rng(seed).normal(0, 2, (n_epochs, 5))
    found: NDArray[np.float64] = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return found


def by_every_path(log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.zeros((len(log_probabilities), 5))
    for path in product(range(5), repeat=len(log_probabilities)):
        weight = 1.0
        for epoch, stage in enumerate(path):
            answer = log_probabilities[epoch, stage]
            weight *= 1 if np.isnan(answer) else np.exp(answer)
            if epoch:
                weight *= TRANSITIONS[path[epoch - 1], stage] ** COURSE_WEIGHT
        for epoch, stage in enumerate(path):
            total[epoch, stage] += weight
    total /= total.sum(axis=1, keepdims=True)
    total[np.isnan(log_probabilities).any(axis=1)] = np.nan
    return total


@pytest.mark.parametrize("n_epochs", [1, 2, 5])
@pytest.mark.parametrize("missing", [[], [0], [1, 2], [4]])
def test_every_epoch_is_answered_by_all_paths_through_the_others(n_epochs: int, missing: list[int]) -> None:
    given = answers(n_epochs)
    given[[epoch for epoch in missing if epoch < n_epochs]] = np.nan
    before = given.copy()
    np.testing.assert_allclose(np.exp(along_the_course(given)), by_every_path(given), atol=1e-12)
    np.testing.assert_array_equal(given, before)


def test_the_table_is_that_of_real_nights() -> None:
    shares = np.zeros((5, 5))
    for nights in real_hypnograms().values():
        counts = np.zeros((5, 5))
        for night in nights:
            asleep = np.flatnonzero(night > W)
            part = night[max(0, asleep[0] - WAKE_ABOUT_SLEEP) : asleep[-1] + 1 + WAKE_ABOUT_SLEEP]
            before, after = part[:-1], part[1:]
            both = (before >= 0) & (after >= 0)
            np.add.at(counts, (before[both], after[both]), 1)
        shares += counts / counts.sum()
    shares /= shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.maximum(shares, NEVER), TRANSITIONS, atol=5.1e-5)


def test_a_lone_doubtful_epoch_follows_its_neighbours_and_a_sure_one_does_not() -> None:
    for certainty, expected in ((0.55, N2), (0.99999, R)):
        probabilities = np.full((21, 5), 0.02)
        probabilities[:, N2] = 0.92
        probabilities[10] = (1 - certainty) / 4
        probabilities[10, R] = certainty
        assert along_the_course(np.log(probabilities)).argmax(axis=1).tolist() == [N2] * 10 + [expected] + [N2] * 10


def test_what_no_sleep_does_is_not_said_for_little() -> None:
    """Wake, then N3, then wake: N3 comes out of N2 in people."""
    probabilities = np.full((12, 5), 0.025)
    probabilities[:, W] = 0.9
    probabilities[6] = [0.2, 0.05, 0.1, 0.6, 0.05]
    assert along_the_course(np.log(probabilities))[6].argmax() == W


def test_answers_of_any_certainty_stay_finite_and_sum_to_one() -> None:
    given = np.full((400, 5), -2000.0)
    given[np.arange(400), np.random.default_rng(0).choice([W, N1, N2, N3, R], 400)] = 0.0
    found = along_the_course(given)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)
    assert np.isnan(along_the_course(np.full((3, 5), np.nan))).all()
    assert along_the_course(np.empty((0, 5))).shape == (0, 5)
