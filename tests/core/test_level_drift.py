"""A level that drifts is told from sleep, and taken out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mc2sleepnet.core.level_drift import FEWEST_EPOCHS, LEAST_DB, level_drift, without_drift_of_level
from mc2sleepnet.core.recording_statistics import BIN_HZ, N_BINS

Spectra = NDArray[np.float32]
Stages = NDArray[np.int8]
# By how much stages differ at low, middle and high frequencies, dB; W N1 N2 N3 R.
TILT_DB = np.array([[0, 2, 6, 14, 1], [4, 3, 4, 6, 2], [8, 4, 2, -2, 1]], np.float32)


def night(n_epochs: int = 900, seed: int = 0) -> tuple[Spectra, Stages]:
    """Four cycles of the five stages, wake at both ends, N3 in the first half and R in the second."""
    rng = np.random.default_rng(seed)
    stage = np.zeros(n_epochs, np.int8)
    for cycle in range(4):
        start, length = n_epochs // 10 + cycle * n_epochs // 5, n_epochs // 5
        deep = 0.6 if cycle < 2 else 0.1
        parts = np.cumsum([0.1, 0.2, deep, 0.9 - 0.2 - deep])
        own = np.searchsorted(parts, np.linspace(0, 0.999, length), side="right")
        stage[start : start + length] = np.array([1, 2, 3, 4, 4])[own]
    group = np.searchsorted([3.5, 11.0], BIN_HZ, side="right")
    spectra = 20 - 10 * np.log10(BIN_HZ) + TILT_DB[group][:, stage].T
    return (spectra + rng.normal(0, 2, (n_epochs, 1)) + rng.normal(0, 2, (n_epochs, N_BINS))).astype(np.float32), stage


def drifts(n_epochs: int) -> dict[str, NDArray[np.float64]]:
    t = np.linspace(0, 1, n_epochs)
    return {"louder": 10 * t, "quieter": -8 * t, "to and fro": 4 * np.sin(4 * np.pi * t), "late": 9 * t**3}


@pytest.mark.parametrize("name", list(drifts(1)))
def test_a_drift_is_found_as_it_is_and_most_of_the_night_stays(name: str) -> None:
    spectra, stage = night()
    drift = drifts(len(stage))[name]
    found = level_drift(spectra + drift[:, None].astype(np.float32), stage, np.ones(900, bool))
    assert found is not None
    # Medians of half an hour say less of the ends, and stages that come early or late take some of it for themselves.
    inside = slice(30, -30)
    np.testing.assert_allclose(found[inside], (drift - np.median(drift))[inside], atol=3)
    assert np.abs(found - drift + np.median(drift))[inside].mean() < 1.2
    assert abs(np.median(found)) < 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_sleep_is_no_drift(seed: int) -> None:
    spectra, stage = night(seed=seed)
    assert level_drift(spectra, stage, np.ones(900, bool)) is None


def test_a_drift_that_sleep_could_be_is_none() -> None:
    """Slow waves that fall all night, noise that rises at high frequencies, and what is below 5 dB."""
    spectra, stage = night()
    t = np.linspace(0, 1, len(stage))[:, None]
    everywhere = np.ones(900, bool)
    assert level_drift((spectra - 12 * t * (BIN_HZ < 3.5)).astype(np.float32), stage, everywhere) is None
    assert level_drift((spectra + 12 * t * (BIN_HZ > 11)).astype(np.float32), stage, everywhere) is None
    assert level_drift((spectra + 0.7 * LEAST_DB * t).astype(np.float32), stage, everywhere) is None


def test_half_an_hour_of_a_loose_electrode_is_no_drift() -> None:
    spectra, stage = night()
    spectra[100:160] -= 15
    assert level_drift(spectra, stage, np.ones(900, bool)) is None


def test_wrong_stages_hide_little_of_it() -> None:
    spectra, stage = night()
    rng = np.random.default_rng(1)
    wrong = np.where(rng.random(900) < 0.4, rng.integers(0, 5, 900), stage).astype(np.int8)
    drift = drifts(900)["louder"]
    found = level_drift(spectra + drift[:, None].astype(np.float32), wrong, np.ones(900, bool))
    assert found is not None
    np.testing.assert_allclose(found[30:-30], (drift - np.median(drift))[30:-30], atol=3)


def test_holes_unscored_epochs_and_what_tells_nothing_are_passed_over() -> None:
    spectra, stage = night()
    drift = drifts(900)["louder"]
    loud = spectra + drift[:, None].astype(np.float32)
    tells = np.ones(900, bool)
    tells[300:420] = False
    loud[300:420] = np.nan
    stage = stage.copy()
    stage[500:520] = -1
    loud[500:520] = 200
    found = level_drift(loud, stage, tells)
    assert found is not None
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.ptp(found), 10, atol=2)


def test_short_recordings_say_too_little() -> None:
    spectra, stage = night(FEWEST_EPOCHS - 1)
    loud = spectra + np.linspace(0, 12, len(stage))[:, None].astype(np.float32)
    assert level_drift(loud, stage, np.ones(len(stage), bool)) is None
    assert level_drift(loud[:0], stage[:0], np.ones(0, bool)) is None
    assert level_drift(loud, np.full(len(stage), -1, np.int8), np.ones(len(stage), bool)) is None


def test_what_is_taken_out_leaves_every_epoch_as_loud_as_most() -> None:
    signal_uv = np.ones((3, 3000), np.float32)
    evened = without_drift_of_level(signal_uv, np.array([0.0, 20.0, -6.0206]))
    assert evened.dtype == np.float32
    np.testing.assert_allclose(evened[:, 0], [1, 0.1, 2], rtol=1e-4)
