"""Parts of training recordings, and what they teach: short records come nearer to their nights."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from mc2sleepnet.core.completion import Completion
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import copy_model_folder, open_model_folder
from mc2sleepnet.core.progress import silent
from mc2sleepnet.core.recording_statistics import FRAME_STEP, N_BINS, frame_decibels, recording_statistics
from mc2sleepnet.core.spectral_bands import bands_of_bins
from mc2sleepnet.core.stages import N2, N3, W
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.model.checkpoint import load_checkpoint
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.recipes import finetune_fold, pretrain_fold
from mc2sleepnet.store import Store
from mc2sleepnet.training.fit_completion import N_LENGTHS, completing, fit_completion, fit_ridge, parts_of
from mc2sleepnet.training.fit_stage_levels import fit_stage_levels
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.recording_parts import SHORTEST_EPOCHS, parts_for
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
    whole, half = (Completion(ridge=fit_ridge(data, seed=0, strength=strength)) for strength in (1.0, 0.5))
    epochs = data.store.epochs_of(data.training[0])
    signal_uv = data.signal_uv(epochs, "training")
    of_night = recording_statistics(signal_uv)[:N_BINS]
    before, after = [], []
    for start in range(0, len(epochs) - SHORTEST_EPOCHS, SHORTEST_EPOCHS):
        own = recording_statistics(signal_uv[start : start + SHORTEST_EPOCHS])
        completed, halfway = (one.of_parts(own[None], np.array([SHORTEST_EPOCHS]))[0] for one in (whole, half))
        np.testing.assert_allclose((halfway - own)[:N_BINS], 0.5 * (completed - own)[:N_BINS], atol=1e-3)
        before.append(np.abs(own[:N_BINS] - of_night).mean())
        after.append(np.abs(completed[:N_BINS] - of_night).mean())
    assert np.mean(after) < 0.9 * np.mean(before)


@pytest.fixture
def all_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every night has all five stages in turn; the cohort's of an hour lack some."""
    known = FoldData.stage

    def in_turn(self: FoldData, epochs: np.ndarray, side: Literal["training", "validation"]) -> np.ndarray:
        stage = known(self, epochs, side)
        return np.where(stage >= 0, epochs % 5, stage).astype(np.int8)

    monkeypatch.setattr(FoldData, "stage", in_turn)


def naive_levels(data: FoldData) -> tuple[np.ndarray, np.ndarray]:
    """Mean level of each stage, and the covariance of N2's epochs within nights, by loops."""
    levels, apart = [], []
    for recording in data.training:
        epochs = data.store.epochs_of(recording)
        signal_uv, stage = data.signal_uv(epochs, "training"), data.stage(epochs, "training")
        bands_db = (
            np.stack([frame_decibels(one[None], FRAME_STEP)[0].mean(axis=0) for one in signal_uv]) @ bands_of_bins()
        )
        levels.append([bands_db[stage == number].mean(axis=0) for number in range(5)])
        apart.extend(bands_db[stage == N2] - bands_db[stage == N2].mean(axis=0))
    return np.mean(levels, axis=0), np.einsum("ei,ej->ij", np.array(apart), np.array(apart)) / len(apart)


@pytest.mark.usefixtures("all_stages")
def test_levels_of_stages_are_those_of_the_training_nights(data: FoldData) -> None:
    told: list[tuple[int, int, str]] = []
    found = fit_stage_levels(data, advance=lambda *step: told.append(step))
    assert found is not None
    mean, within_n2 = naive_levels(data)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-4)
    np.testing.assert_allclose(found.within[N2], within_n2, rtol=1e-3, atol=1e-3)
    assert [step[:2] for step in told] == [(done, len(data.training)) for done in range(1, len(data.training) + 1)]


def test_nights_that_lack_stages_teach_no_levels(data: FoldData) -> None:
    assert fit_stage_levels(data) is None


@pytest.mark.usefixtures("all_stages")
def test_levels_ask_held_out_nights_for_nothing_and_one_night_for_no_covariance(data: FoldData) -> None:
    one = FoldData(store=data.store, fold=Fold(name="one", train=("0",), validation=("4",), test=("6",)))
    assert fit_stage_levels(one) is None
    other = FoldData(store=data.store, fold=Fold(name="o", train=("0", "1", "2", "3"), validation=("6",), test=("4",)))
    first, second = fit_stage_levels(data), fit_stage_levels(other)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.covariance, second.covariance)


@pytest.mark.usefixtures("all_stages")
@pytest.mark.parametrize("kind", ["ridge", "ridge+stages"])
def test_pre_training_fits_it_where_it_is_asked_for_and_fine_tuning_keeps_it(
    kind: str, store_dir: Path, tmp_path: Path
) -> None:
    few = ["max_steps=2", "validate_every_steps=2", "batch_sequences=4"]
    asked = [*few, "width=0.125", "spectrogram_layers=1"]
    asked += ["sequence_layers=1", "signal_norm=recording", f"statistics_completion={kind}"]
    pretrain_fold(store_dir, tmp_path / "pre", fold=1, preset="paper", resume=False, assignments=asked)
    fitted = load_checkpoint(tmp_path / "pre").network.completion
    assert fitted is not None
    assert np.abs(fitted.ridge.weight).max() > 0
    assert (fitted.levels is not None) == (kind == "ridge+stages")
    options: dict[str, Any] = {"fold": 1, "preset": "paper", "resume": False, "assignments": few}
    finetune_fold(store_dir, tmp_path / "pre", tmp_path / "fine", **options)
    model = open_model_folder(tmp_path / "fine")
    kept = model.completion
    assert kept is not None
    np.testing.assert_array_equal(kept.ridge.weight, fitted.ridge.weight)
    copy_model_folder(tmp_path / "fine", tmp_path / "copy")
    assert (tmp_path / "copy" / "completion.npz").read_bytes() == (tmp_path / "fine" / "completion.npz").read_bytes()
    # The seal says what scores: a config that forgets to name it elsewhere changes nothing.
    config = json.loads((tmp_path / "copy" / "config.json").read_text())
    del config["completion_sha256"]
    (tmp_path / "copy" / "config.json").write_text(json.dumps(config))
    assert open_model_folder(tmp_path / "copy").completion is not None
    # What it is for decides what scores: it is sealed as the graphs are.
    (tmp_path / "fine" / "completion.npz").write_bytes(b"another")
    with pytest.raises(InputError, match=r"not the file that config\.json names"):
        open_model_folder(tmp_path / "fine")
    with pytest.raises(InputError, match=r"not the one config\.json was written for"):
        load_checkpoint(tmp_path / "fine")


def test_a_run_begun_when_more_was_completed_is_not_gone_on_with(
    store_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ["max_steps=2", "validate_every_steps=2", "batch_sequences=4", "width=0.125", "spectrogram_layers=1"]
    asked = [*few, "sequence_layers=1", "signal_norm=recording", "statistics_completion=ridge"]
    pretrain_fold(store_dir, tmp_path / "run", fold=1, preset="paper", resume=False, assignments=asked)
    pretrain_fold(store_dir, tmp_path / "run", fold=1, preset="paper", resume=True, assignments=asked)
    monkeypatch.setattr("mc2sleepnet.training.fit_completion.NIGHT_EPOCHS", 9999)
    with pytest.raises(InputError, match="was written with other statistics_completed"):
        pretrain_fold(store_dir, tmp_path / "run", fold=1, preset="paper", resume=True, assignments=asked)
    assert completing(NetworkConfig()) == {}


def test_training_reads_parts_as_completed_as_scoring_does(data: FoldData) -> None:
    config = replace(SMALL, statistics_completion="ridge")
    completion = fit_completion(config, data, seed=0, step=silent)
    assert completion is not None
    parts = parts_for(config, data, LoopOptions(statistics_window="random"), lambda *_: None)
    assert parts is not None
    completed = parts.completed(completion)
    for recording, rows in parts.statistics.items():
        n_epochs = parts.is_in[recording].sum(axis=1)
        np.testing.assert_array_equal(completed.statistics[recording], completion.of_parts(rows, n_epochs))
    assert parts.completed(None) is parts
