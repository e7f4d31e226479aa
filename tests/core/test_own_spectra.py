"""A night's own spectra, against a discriminant by loops; and what they must not be swayed by."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mc2sleepnet.core.own_spectra import LIMIT, MIDDLE_EPOCHS, SHRINKAGE, said_by_own_spectra
from mc2sleepnet.core.recording_statistics import N_BINS
from mc2sleepnet.core.spectral_bands import bands_of_bins
from mc2sleepnet.core.stages import N2, N3, R


def spectra(stage: NDArray[np.int64], seed: int = 0) -> NDArray[np.float32]:
    """Each stage with a spectrum of its own, blurred."""
    rng = np.random.default_rng(seed)
    of_stage = rng.normal(0, 3, (5, N_BINS))
    return (10 + of_stage[stage] + rng.normal(0, 4, (len(stage), N_BINS))).astype(np.float32)


def unsure(stage: NDArray[np.int64], certainty: float = 0.6) -> NDArray[np.float64]:
    probabilities = np.full((len(stage), 5), (1 - certainty) / 4)
    probabilities[np.arange(len(stage)), stage] = certainty
    log_probabilities: NDArray[np.float64] = np.log(probabilities)
    return log_probabilities


def by_loops(decibels: NDArray[np.float32], log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    x = decibels.astype(np.float64) @ bands_of_bins()
    low, middle, high = np.quantile(x, (0.1, 0.5, 0.9), axis=0)
    x = np.clip((x - middle) / ((high - low) / 2.5632), -LIMIT, LIMIT)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    weight = np.exp(log_probabilities)
    mean = np.stack([(weight[:, s, None] * x).sum(axis=0) / (weight[:, s].sum() + MIDDLE_EPOCHS) for s in range(5)])
    within = np.zeros((x.shape[1], x.shape[1]))
    for row, of_stages in zip(x, weight, strict=True):
        for s in range(5):
            within += of_stages[s] * np.outer(row - mean[s], row - mean[s]) / len(x)
    inverse = np.linalg.inv((1 - SHRINKAGE) * within + SHRINKAGE * np.eye(len(within)))
    return np.array([[m @ inverse @ row - m @ inverse @ m / 2 for m in mean] for row in x])


def test_it_is_the_discriminant_by_loops() -> None:
    stage = np.random.default_rng(1).integers(0, 5, 60)
    decibels, given = spectra(stage), unsure(stage)
    decibels[5] += 80  # an electrode that moved: further out than counts
    np.testing.assert_allclose(
        said_by_own_spectra(decibels, given, np.ones(60, bool)), by_loops(decibels, given), atol=1e-8
    )


def test_an_epoch_that_was_called_something_else_is_told_by_what_it_looks_like() -> None:
    stage = np.repeat([N2, N3, R], 100)
    given = stage.copy()
    given[50:60] = N3
    said = said_by_own_spectra(spectra(stage), unsure(given), np.ones(300, bool))
    assert (said[50:60].argmax(axis=1) == N2).mean() >= 0.9
    assert (said.argmax(axis=1) == stage).mean() > 0.9


@pytest.mark.parametrize("gain_db", [-30.0, 17.0])
def test_a_gain_changes_nothing(gain_db: float) -> None:
    stage = np.random.default_rng(2).integers(0, 5, 200)
    given, tells = unsure(stage), np.ones(200, bool)
    expected = said_by_own_spectra(spectra(stage), given, tells)
    found = said_by_own_spectra((spectra(stage) + gain_db).astype(np.float32), given, tells)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_epochs_that_do_not_tell_teach_nothing_and_are_answered() -> None:
    stage = np.random.default_rng(3).integers(0, 5, 200)
    decibels, given = spectra(stage), unsure(stage)
    tells = np.arange(200) >= 80
    expected = said_by_own_spectra(decibels[80:], given[80:], np.ones(120, bool))
    decibels[:40] = 200
    found = said_by_own_spectra(decibels, given, tells)
    np.testing.assert_allclose(found[80:], expected)
    assert np.isfinite(found).all()
    assert np.abs(found[40:80]).max() > 0.1


def test_without_a_spectrum_an_answer_or_a_teacher_nothing_is_said() -> None:
    stage = np.random.default_rng(4).integers(0, 5, 50)
    decibels, given = spectra(stage), unsure(stage)
    assert not said_by_own_spectra(decibels, given, np.zeros(50, bool)).any()
    decibels[3], given[7] = np.nan, np.nan
    said = said_by_own_spectra(decibels, given, np.ones(50, bool))
    assert not said[[3, 7]].any()
    assert said[0].any()


@pytest.mark.parametrize("n_epochs", [1, 2, 5])
def test_a_handful_of_epochs_says_little(n_epochs: int) -> None:
    stage = np.arange(n_epochs)
    said = said_by_own_spectra(spectra(stage), unsure(stage), np.ones(n_epochs, bool))
    assert np.isfinite(said).all()
    assert np.ptp(said, axis=1).max() < 2.5


def test_a_night_that_is_the_same_throughout_says_nothing_of_any_epoch() -> None:
    decibels = np.full((100, N_BINS), 12.0, np.float32)
    said = said_by_own_spectra(decibels, unsure(np.arange(100) % 5), np.ones(100, bool))
    np.testing.assert_allclose(said - said[0], 0, atol=1e-9)
