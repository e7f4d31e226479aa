"""Normalisation by the recording's own statistics: what it takes away, and that numpy, torch and OpenVINO agree."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from completions import some_completion
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import Calibration, open_model_folder
from mc2sleepnet.core.recording_statistics import (
    EPOCHS_PER_PIECE,
    FRAME_STEP,
    N_BINS,
    N_STATISTICS,
    SAMPLE_STEP,
    frame_decibels,
    recording_statistics,
    statistics_of_frames,
)
from mc2sleepnet.core.smoothing import Smoothing
from mc2sleepnet.inference import score_night
from mc2sleepnet.model.checkpoint import Checkpoint, save_checkpoint
from mc2sleepnet.model.network import MC2SleepNet, NetworkConfig
from mc2sleepnet.model.spectrogram import Spectrogram
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.training.model_folder import write_model_folder
from mc2sleepnet.training.presets import chosen_options
from mc2sleepnet.training.stager import TorchStager

VIEWS = ("recording", "gain", "training")
BOTH = NetworkConfig(
    width=0.125,
    spectrogram_layers=1,
    sequence_layers=1,
    spectrogram_norm="recording+gain+training",
    signal_norm="recording",
)


def night(n_epochs: int = 40, scale_uv: float = 20.0) -> np.ndarray:
    rng = np.random.default_rng(3)
    white = rng.standard_normal((n_epochs, 3000))
    return (scale_uv * (0.1 * white.cumsum(1) + white)).astype(np.float32)


def test_numpy_and_the_network_compute_the_same_decibels() -> None:
    signal_uv = night(4)
    own = Spectrogram().decibels(torch.from_numpy(signal_uv)).numpy()
    error_db = np.abs(frame_decibels(signal_uv) - own)
    assert np.quantile(error_db, 0.999) < 0.01
    np.testing.assert_array_equal(frame_decibels(signal_uv, 3), frame_decibels(signal_uv)[:, ::3])


def views_of(signal_uv: np.ndarray) -> dict[str, np.ndarray]:
    spectrogram = Spectrogram(VIEWS)
    spectrogram.mean_db.fill_(30.0)
    spectrogram.deviation_db.fill_(20.0)
    statistics = torch.from_numpy(recording_statistics(signal_uv))[None]
    z = spectrogram(torch.from_numpy(signal_uv), statistics).numpy()
    return dict(zip(VIEWS, np.split(z, 3, axis=2), strict=True))


def test_a_gain_moves_the_view_in_microvolts_alone() -> None:
    quiet, loud = views_of(night(scale_uv=40.0)), views_of(night(scale_uv=80.0))
    np.testing.assert_allclose(loud["training"] - quiet["training"], 20 * np.log10(2) / 20, atol=0.02)
    np.testing.assert_allclose(loud["recording"], quiet["recording"], atol=0.01)
    np.testing.assert_allclose(loud["gain"], quiet["gain"], atol=0.01)


def test_a_filter_moves_the_gain_view_and_not_the_view_per_bin() -> None:
    # A gain in all frames alike, by frequency: what another recorder's filter does.
    spectrogram = Spectrogram(VIEWS)
    statistics = torch.from_numpy(recording_statistics(night()))[None]
    bent = statistics.clone()
    bent[:, :N_BINS] += torch.linspace(-10, 10, N_BINS)
    decibels = spectrogram.decibels(torch.from_numpy(night()))
    filtered = decibels + torch.linspace(-10, 10, N_BINS)
    for view, moves in (("recording", False), ("gain", True)):
        plain = spectrogram.normalised(decibels, view, statistics)
        after = spectrogram.normalised(filtered, view, bent)
        assert (float((plain - after).abs().max()) > 1) is moves


def test_each_recording_in_a_batch_is_normalised_by_its_own_row() -> None:
    network = MC2SleepNet(BOTH).eval()
    nights = [night(), night(scale_uv=90.0)]
    statistics = torch.from_numpy(np.stack([recording_statistics(one) for one in nights]))
    batch = torch.from_numpy(np.stack([one[:16] for one in nights]))
    with torch.no_grad():
        tokens = network.encode(batch, torch.ones(2, 16, dtype=torch.bool), statistics)
        for row in range(2):
            own = network.encode_epochs(batch[row], statistics[row : row + 1])
            torch.testing.assert_close(tokens.signal[row], own[0])
            torch.testing.assert_close(tokens.spectrogram[row], own[1])


def test_a_recording_scaled_by_ten_scores_the_same_where_no_view_is_in_microvolts() -> None:
    config = NetworkConfig(
        width=0.125, spectrogram_layers=1, sequence_layers=1, spectrogram_norm="recording+gain", signal_norm="recording"
    )
    network = MC2SleepNet(config).eval()
    stager = TorchStager(network)
    is_scorable = np.ones(40, np.bool_)
    plain, scaled = (score_night(stager, night(scale_uv=uv), is_scorable, stride=8) for uv in (50.0, 500.0))
    np.testing.assert_allclose(plain, scaled, atol=1e-3)


@pytest.mark.parametrize(
    ("completion", "drift"),
    [("none", "kept"), ("ridge", "kept"), ("ridge", "removed"), ("ridge+stages", "kept"), ("ridge+stages", "removed")],
)
def test_the_exported_graph_takes_the_statistics_and_agrees_with_torch(
    completion: Literal["none", "ridge", "ridge+stages"], drift: Literal["kept", "removed"], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    smoothing: Smoothing = "none" if completion == "none" else "course+spectra"
    network = MC2SleepNet(replace(BOTH, statistics_completion=completion, drift=drift, smoothing=smoothing)).eval()
    if completion != "none":
        network.completion = some_completion(has_levels=completion == "ridge+stages")
    provenance = {
        "phase": "fine-tuning",
        "mc2sleepnet": "0",
        "torch": "0",
        "written": "now",
        "store": {"corpus": "x", "is_synthetic": True},
        "fold": {"name": "x", "train": [], "validation": [], "test": []},
        "best": {"accuracy": 0.0, "macro_f1": 0.0, "kappa": 0.0},
    }
    checkpoint = Checkpoint(network=network, phase="fine-tuning", is_synthetic=True, provenance=provenance)
    save_checkpoint(checkpoint, tmp_path)
    calibration = Calibration(temperature=1.0, n_epochs=1, scoring_stride=4, smoothing=smoothing)
    write_model_folder(checkpoint, calibration, tmp_path)
    engines = OpenVinoStager(open_model_folder(tmp_path)), TorchStager(network)
    is_scorable = np.ones(40, np.bool_)
    is_scorable[7] = False
    found = [score_night(engine, night(), is_scorable, stride=4) for engine in engines]
    assert all(engine.needs_statistics for engine in engines)
    assert all(engine.removes_drift == (drift == "removed") for engine in engines)
    assert all(engine.smoothing == smoothing for engine in engines)
    np.testing.assert_allclose(found[0][is_scorable], found[1][is_scorable], atol=1e-4)
    network.completion = None
    plain = score_night(TorchStager(network), night(), is_scorable, stride=4)
    assert (np.abs(found[1] - plain)[is_scorable].max() > 1e-3) == (completion != "none")


def test_flat_recordings_stay_finite() -> None:
    statistics = recording_statistics(np.zeros((3, 3000), np.float32))
    assert statistics.shape == (N_STATISTICS,)
    network = MC2SleepNet(BOTH).eval()
    with torch.no_grad():
        tokens = network.encode_epochs(torch.zeros(3, 3000), torch.from_numpy(statistics)[None])
    assert all(torch.isfinite(token).all() for token in tokens)


@pytest.mark.parametrize("option", ["spectrogram_norm=loud", "signal_norm=training"])
def test_an_unknown_normalisation_is_refused_by_name(option: str) -> None:
    with pytest.raises(InputError, match="Choose from"):
        chosen_options("paper", [option], (NetworkConfig,))


def test_statistics_gathered_piece_by_piece_are_those_of_the_whole() -> None:
    signal_uv = np.random.default_rng(3).normal(0, 20, (2 * EPOCHS_PER_PIECE + 7, 3000)).astype(np.float32)
    is_readable = np.random.default_rng(4).random(len(signal_uv)) < 0.9
    readable_uv = signal_uv[is_readable]
    whole = statistics_of_frames(frame_decibels(readable_uv, FRAME_STEP), readable_uv[:, ::SAMPLE_STEP])
    np.testing.assert_array_equal(recording_statistics(signal_uv, is_readable), whole)
