"""Levels of stages between nights: what some of them say of the others, and all of a night's medians."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mc2sleepnet.core.spectral_bands import N_BANDS
from mc2sleepnet.core.stage_levels import ENOUGH_EPOCHS, FEWEST, StageLevels, shortness

Array = NDArray[np.float64]
SHARES = np.array([0.2, 0.1, 0.4, 0.15, 0.15])
# Of the stages' levels, in every band alike, dB.
STAGES_DB = np.array([10.0, 12.0, 15.0, 24.0, 11.0])


def nights(count: int, seed: int, *, gain_db: float = 3.0, depth_db: float = 3.0) -> tuple[Array, Array]:
    """Levels and medians: every night has a gain, and a depth by which N2 and N3 rise, N3 twice as much."""
    rng = np.random.default_rng(seed)
    depth = rng.normal(0, depth_db, (count, 1, 1)) * np.array([0, 0, 1.0, 2.0, 0])[:, None]
    levels = (
        STAGES_DB[:, None] + rng.normal(0, gain_db, (count, 1, 1)) + depth + rng.normal(0, 0.3, (count, 5, N_BANDS))
    )
    return levels, np.einsum("s,rsb->rb", SHARES, levels)


def learned() -> StageLevels:
    levels, medians = nights(300, seed=0)
    return StageLevels.of_nights(levels, medians, np.tile(np.eye(N_BANDS), (5, 1, 1)))


def epochs_of(levels: Array, stages: list[int], each: int, seed: int = 1) -> tuple[Array, Array]:
    """Epochs of some stages, and probabilities that are sure of them."""
    stage = np.repeat(stages, each)
    bands_db = levels[stage] + np.random.default_rng(seed).normal(0, 1, (len(stage), N_BANDS))
    return bands_db, np.eye(5)[stage]


@pytest.mark.parametrize("stages", [[0, 1, 2, 3, 4], [2, 4], [0, 2]])
def test_the_median_of_a_night_is_told_by_the_stages_that_are_there(stages: list[int]) -> None:
    levels, medians = nights(40, seed=2)
    model = learned()
    by_levels, by_part = [], []
    for own, median in zip(levels, medians, strict=True):
        bands_db, probabilities = epochs_of(own, stages, 20)
        by_levels.append(np.abs(model.medians(bands_db, probabilities) - median).mean())
        by_part.append(np.abs(np.median(bands_db, axis=0) - median).mean())
    assert np.mean(by_levels) < 0.5 * np.mean(by_part)
    assert np.mean(by_levels) < 1.0


def test_with_all_stages_known_exactly_it_is_the_weighted_mean_of_their_levels() -> None:
    levels, medians = nights(1, seed=3)
    bands_db, probabilities = epochs_of(levels[0], [0, 1, 2, 3, 4], 2000)
    np.testing.assert_allclose(learned().medians(bands_db, probabilities), medians[0], atol=0.3)


def test_it_agrees_with_the_conditional_expectation_written_out() -> None:
    """One stage heard, of 25 sure epochs: mean + C_all,k (C_kk + noise)⁻¹ (found − mean_k)."""
    model = learned()
    levels, _ = nights(1, seed=4)
    bands_db, probabilities = epochs_of(levels[0], [2], 25)
    covariance = model.covariance.astype(np.float64)
    k = slice(2 * N_BANDS, 3 * N_BANDS)
    gain = covariance[:, k] @ np.linalg.inv(covariance[k, k] + (5 / 25 + 0.03) * model.within[2])
    expected = model.mean.ravel() + gain @ (bands_db.mean(axis=0) - model.mean[2])
    median = [model.weights[b] @ expected.reshape(5, N_BANDS)[:, b] + model.constant[b] for b in range(N_BANDS)]
    np.testing.assert_allclose(model.medians(bands_db, probabilities), median, atol=1e-4)


def test_any_gain_comes_out_as_it_went_in() -> None:
    model = learned()
    levels, _ = nights(1, seed=5)
    bands_db, probabilities = epochs_of(levels[0], [0, 2, 4], 50)
    plain, loud = (model.medians(bands_db + gain, probabilities) for gain in (0.0, 12.0))
    np.testing.assert_allclose(loud - plain, 12.0, atol=1.5)


def test_a_stage_of_hardly_any_evidence_is_not_heard_unless_it_is_all_there_is() -> None:
    model = learned()
    levels, _ = nights(1, seed=6)
    bands_db, probabilities = epochs_of(levels[0], [2], 50)
    few = int(FEWEST) - 1
    odd_db, odd = np.full((few, N_BANDS), 60.0), np.eye(5)[np.full(few, 3)]
    together = model.medians(np.concatenate([bands_db, odd_db]), np.concatenate([probabilities, odd]))
    np.testing.assert_allclose(together, model.medians(bands_db, probabilities), atol=1e-9)
    assert np.isfinite(model.medians(bands_db[:1], probabilities[:1])).all()
    assert np.isfinite(model.medians(bands_db[:1], np.full((1, 5), 0.2))).all()


def test_unsure_epochs_say_less_than_sure_ones() -> None:
    model = learned()
    bands_db = np.full((30, N_BANDS), 35.0)  # far louder than any N2
    sure, unsure = np.eye(5)[np.full(30, 2)], np.tile([0.1, 0.1, 0.6, 0.1, 0.1], (30, 1))
    usual = model.medians(np.tile(model.mean[2], (30, 1)), sure)
    moved = [np.abs(model.medians(bands_db, given) - usual).mean() for given in (sure, unsure)]
    assert moved[1] < moved[0]


def test_shortness_asks_from_the_first_to_the_last_epoch_and_overlooks_holes() -> None:
    tells = np.zeros(1000, np.bool_)
    tells[300:340] = True
    assert shortness(tells) == pytest.approx(1 - 40 / ENOUGH_EPOCHS)
    tells[310:330] = False
    assert shortness(tells) == pytest.approx(1 - 40 / ENOUGH_EPOCHS)
    tells[300 + ENOUGH_EPOCHS - 1] = True
    assert shortness(tells) == 0
    assert shortness(np.zeros(5, np.bool_)) == 0
