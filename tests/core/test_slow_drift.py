"""What is slower than slow waves goes, and nothing else; in numpy, in the network and in a recording's statistics."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mc2sleepnet.core.recording_statistics import recording_statistics
from mc2sleepnet.core.slow_drift import DRIFT_BELOW_HZ, drift_cosines, drift_free
from mc2sleepnet.inference import score_night
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.network import MC2SleepNet
from mc2sleepnet.training.stager import TorchStager

T_S = np.arange(3000) / 100
SMALL = NetworkConfig(
    width=0.125, spectrogram_layers=1, sequence_layers=1, spectrogram_norm="recording+gain", signal_norm="recording"
)


def wave(frequency_hz: float, phase: float) -> NDArray[np.float32]:
    return (100 * np.sin(2 * np.pi * frequency_hz * T_S + phase)[None]).astype(np.float32)


def deviation(signal_uv: NDArray[np.float32]) -> float:
    return float(np.sqrt((signal_uv.astype(np.float64) ** 2).mean()))


@pytest.mark.parametrize("phase", [0.0, 1.0, 2.5])
def test_slow_waves_stay_and_drift_goes(phase: float) -> None:
    for frequency_hz in (0.02, 0.1, 0.25):
        assert deviation(drift_free(wave(frequency_hz, phase))) < 0.1 * deviation(wave(frequency_hz, phase))
    for frequency_hz in (0.5, 0.8, 1.5, 12.0):
        kept = drift_free(wave(frequency_hz, phase))
        assert deviation(kept) > 0.95 * deviation(wave(frequency_hz, phase))
    assert deviation(drift_free(np.full((1, 3000), 2500, np.float32))) < 1e-2


def test_it_is_the_least_squares_fit_that_goes() -> None:
    signal_uv = np.random.default_rng(0).normal(0, 30, (4, 3000)).astype(np.float32)
    slow = np.stack([np.cos(np.pi * k * (T_S + 0.005) / 30) for k in range(200) if k / 60 < DRIFT_BELOW_HZ], axis=1)
    fit = slow @ np.linalg.lstsq(slow, signal_uv.T.astype(np.float64), rcond=None)[0]
    np.testing.assert_allclose(drift_free(signal_uv), signal_uv - fit.T, atol=1e-3)
    assert drift_cosines().shape == slow.shape


def test_a_network_that_removes_drift_never_sees_it() -> None:
    torch.manual_seed(0)
    kept, removed = (MC2SleepNet(replace(SMALL, drift=drift)).eval() for drift in ("kept", "removed"))  # type: ignore[arg-type]
    removed.load_state_dict(kept.state_dict())
    rng = np.random.default_rng(1)
    night = rng.normal(0, 30, (24, 3000)).astype(np.float32)
    slow = rng.normal(0, 400, (24, 10)) @ drift_cosines().T[:10] * 3000**0.5 / 10
    drifting = (night + slow).astype(np.float32)
    is_scorable = np.ones(24, np.bool_)
    plain, swept = (score_night(TorchStager(removed), x, is_scorable, stride=4) for x in (night, drifting))
    np.testing.assert_allclose(plain, swept, atol=2e-3)
    by_hand = score_night(TorchStager(kept), drift_free(drifting), is_scorable, stride=4)
    np.testing.assert_allclose(swept, by_hand, atol=2e-3)
    assert np.abs(score_night(TorchStager(kept), drifting, is_scorable, stride=4) - plain).max() > 0.01


def test_statistics_without_drift_are_those_of_the_signal_without_it() -> None:
    night = (np.random.default_rng(2).normal(0, 30, (300, 3000)) + 200 * np.sin(0.4 * T_S)).astype(np.float32)
    found = recording_statistics(night, removes_drift=True)
    np.testing.assert_allclose(found, recording_statistics(drift_free(night)), atol=1e-2)
    assert recording_statistics(night)[-1] > 2 * found[-1]
