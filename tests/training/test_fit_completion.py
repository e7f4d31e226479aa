"""Parts of training recordings, and what they teach: short records come nearer to their nights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mc2sleepnet.core.recording_statistics import N_BINS, recording_statistics
from mc2sleepnet.core.stages import N3, W
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.model.ensemble import joined, with_completion
from mc2sleepnet.model.network import MC2SleepNet, NetworkConfig
from mc2sleepnet.model.statistics_completion import StatisticsCompletion
from mc2sleepnet.recipes import pretrain_fold
from mc2sleepnet.store import Store
from mc2sleepnet.training.fit_completion import N_LENGTHS, fit_completion, parts_of
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.recording_parts import SHORTEST_EPOCHS
from mc2sleepnet.training.seeding import keyed_generator

SMALL = NetworkConfig(
    width=0.125,
    spectrogram_layers=1,
    sequence_layers=1,
    spectrogram_norm="recording+gain+training",
    signal_norm="recording",
)


@pytest.fixture(scope="module")
def data(store_dir: Path) -> FoldData:
    fold = Fold(name="test", train=("0", "1", "2", "3"), validation=("4", "5"), test=("6", "7"))
    return FoldData(store=Store.open(store_dir), fold=fold)


def test_stretches_of_every_length_cover_the_whole_night() -> None:
    stage = np.random.default_rng(0).integers(0, 5, 900).astype(np.int8)
    parts = list(parts_of(stage, keyed_generator(0, "test")))
    assert parts[0][0] == 0
    assert parts[0][1].all()
    for kind in range(1, N_LENGTHS + 1):
        own = np.stack([is_in for other, is_in in parts if other == kind])
        assert own.any(axis=0).all()
        assert (own.sum(axis=1) == own[0].sum()).all()
        assert own[0].sum() >= SHORTEST_EPOCHS
    lengths = [next(is_in.sum() for other, is_in in parts if other == kind) for kind in range(1, N_LENGTHS + 1)]
    assert lengths == sorted(lengths)
    np.testing.assert_array_equal(parts[-1][1], np.isin(stage, (W, N3)))


def test_parts_come_nearer_to_their_nights_and_strength_says_how_far(data: FoldData) -> None:
    whole, half = StatisticsCompletion(), StatisticsCompletion()
    assert fit_completion(whole, data, seed=0) == ["0", "1", "2", "3"]
    fit_completion(half, data, seed=0, strength=0.5)
    epochs = data.store.epochs_of(data.training[0])
    signal_uv = data.signal_uv(epochs, "training")
    of_night = recording_statistics(signal_uv)[:N_BINS]
    before, after = [], []
    for start in range(0, len(epochs) - SHORTEST_EPOCHS, SHORTEST_EPOCHS):
        own = torch.from_numpy(recording_statistics(signal_uv[start : start + SHORTEST_EPOCHS]))[None]
        completed, halfway = whole(own)[0], half(own)[0]
        np.testing.assert_allclose((halfway - own[0])[:N_BINS], 0.5 * (completed - own[0])[:N_BINS], atol=1e-3)
        before.append(np.abs(own[0, :N_BINS].numpy() - of_night).mean())
        after.append(np.abs(completed[:N_BINS].numpy() - of_night).mean())
    assert np.mean(after) < 0.9 * np.mean(before)


def test_an_ensemble_completes_what_each_of_its_networks_reads(data: FoldData) -> None:
    completion = StatisticsCompletion()
    fit_completion(completion, data, seed=0)
    torch.manual_seed(0)
    networks = [MC2SleepNet(SMALL).eval() for _ in range(2)]
    together = with_completion(joined(networks), completion)
    assert together.config.statistics_completion == "ridge"
    signal_uv = torch.from_numpy(data.signal_uv(data.store.epochs_of(data.training[0])[:3], "training"))
    statistics = torch.from_numpy(recording_statistics(signal_uv.numpy()))[None]
    with torch.no_grad():
        expected = [network.epoch_tokens(signal_uv, completion(statistics)) for network in networks]
        found = together.epoch_tokens(signal_uv, statistics)
    torch.testing.assert_close(found, torch.cat(expected, dim=1))


def test_pre_training_fits_it_where_it_is_asked_for(store_dir: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    asked = ["max_steps=2", "validate_every_steps=2", "batch_sequences=4", "width=0.125", "spectrogram_layers=1"]
    asked += ["sequence_layers=1", "signal_norm=recording", "statistics_completion=ridge"]
    pretrain_fold(store_dir, tmp_path, fold=1, preset="paper", resume=False, assignments=asked)
    weights = load_file(tmp_path / "model.safetensors")
    assert np.abs(weights["completion.weight"]).max() > 0
