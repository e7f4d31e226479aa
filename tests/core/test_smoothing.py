"""Each way of smoothing by its formula, and a night in which every part of it decides something."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mc2sleepnet.core.own_spectra import said_by_own_spectra
from mc2sleepnet.core.recording_statistics import N_BINS
from mc2sleepnet.core.sleep_course import TRANSITIONS, along_the_course
from mc2sleepnet.core.smoothing import smoothed
from mc2sleepnet.core.stages import N1, N2, R

# Measured on real and held-out nights (docs/log.md, 2026-12-01, smoothing): not to be changed in passing.
COURSE_WEIGHT, SPECTRA_WEIGHT = 0.35, 0.2
EVERYTHING = np.ones(300, bool)


def answers(stage: NDArray[np.int64], certainty: float) -> NDArray[np.float64]:
    probabilities = np.full((len(stage), 5), (1 - certainty) / 4)
    probabilities[np.arange(len(stage)), stage] = certainty
    log_probabilities: NDArray[np.float64] = np.log(probabilities)
    return log_probabilities


def night() -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.int64]]:
    """R, then N2, each with its own spectrum; four epochs of R called N1 with doubt, a lone epoch of N2 called R."""
    rng = np.random.default_rng(0)
    stage = np.repeat([R, N2], 150)
    decibels = (10 + 6 * rng.normal(size=(5, N_BINS))[stage] + rng.normal(size=(300, N_BINS))).astype(np.float32)
    given = answers(stage, 0.8)
    given[60:64] = answers(np.full(4, N1), 0.45)
    given[220] = answers(np.array([R]), 0.5)[0]
    return given, decibels, stage


def test_none_is_the_networks_own_answer_and_needs_no_spectra() -> None:
    given, _, _ = night()
    np.testing.assert_array_equal(smoothed(given, None, EVERYTHING, smoothing="none"), given)


def test_course_is_the_chain_with_this_much_of_the_transitions() -> None:
    given, _, stage = night()
    found = smoothed(given, None, EVERYTHING, smoothing="course")
    np.testing.assert_array_equal(found, along_the_course(given))
    # Two epochs, written out: the second's answer, given the first.
    both = np.exp(given[:1]).T * TRANSITIONS**COURSE_WEIGHT * np.exp(given[149:150])
    np.testing.assert_allclose(np.exp(along_the_course(given[[0, 149]]))[1], both.sum(axis=0) / both.sum())
    assert found[220].argmax() == N2
    assert (found[60:64].argmax(axis=1) == N1).all()
    assert stage[60] == R


def test_the_nights_own_spectra_are_told_by_the_chain_and_go_through_it_again() -> None:
    given, decibels, stage = night()
    found = smoothed(given, decibels, EVERYTHING, smoothing="course+spectra")
    said = said_by_own_spectra(decibels, along_the_course(given), EVERYTHING)
    np.testing.assert_allclose(found, along_the_course(given + SPECTRA_WEIGHT * said))
    # What sounds like R is R, though the network had another mind.
    assert (found.argmax(axis=1) == stage).all()


def test_only_epochs_that_tell_teach() -> None:
    given, decibels, _ = night()
    tells = np.arange(300) >= 20
    shouting = decibels.copy()
    shouting[:20] += 60
    expected = smoothed(given, decibels, tells, smoothing="course+spectra")
    found = smoothed(given, shouting, tells, smoothing="course+spectra")
    np.testing.assert_allclose(found[40:], expected[40:], atol=1e-9)
    assert np.abs(smoothed(given, shouting, EVERYTHING, smoothing="course+spectra") - expected)[40:].max() > 0.01


@pytest.mark.parametrize("smoothing", ["course", "course+spectra"])
def test_what_is_not_scored_stays_so(smoothing: str) -> None:
    given, decibels, _ = night()
    given[[0, 100, 299]], decibels[[0, 100, 299]] = np.nan, np.nan
    found = smoothed(given, decibels, EVERYTHING, smoothing=smoothing)  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.isnan(found), np.isnan(given))
    assert np.isfinite(found[1:100]).all()
