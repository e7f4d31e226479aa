"""Pre-training without stages: it needs none, reads none, learns, is watched, and does not collapse."""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.progress import silent
from mc2sleepnet.corpora import Fold
from mc2sleepnet.model.architectures import build_network
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.recipes import finetune_fold, pretrain_fold
from mc2sleepnet.store import Store
from mc2sleepnet.training.fit_completion import fit_completion
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions, Phase, train
from mc2sleepnet.training.pretrain import pretrain
from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
from mc2sleepnet.training.probe import _encoded, fit_linear, linear_probe, with_bias
from mc2sleepnet.training.seeding import keyed_generator, seeded_torch
from mc2sleepnet.training.stager import TorchStager
from mc2sleepnet.training.token_figures import deviation, effective_rank, token_figures

NONE = PretrainOptions(pretrain_supervision="none")
TINY = NetworkConfig(width=0.125, spectrogram_layers=1, sequence_layers=1)
Make = Callable[..., Pretraining]


def loss_of(phase: Phase, indices: torch.Tensor, seed: int) -> tuple[torch.Tensor, dict[str, float]]:
    masking = keyed_generator(seed, "masking")
    loss, terms = phase.loss(phase.batch(indices, masking))
    return loss, {name: term.item() for name, term in terms.items()}


@pytest.fixture(scope="module")
def unlabelled(store_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> FoldData:
    """The shared store without a single stage."""
    path = tmp_path_factory.mktemp("unlabelled") / "store"
    shutil.copytree(store_dir, path)
    index = json.loads((path / "index.json").read_text())
    for recording in index["recordings"]:
        recording["stage"] = "?" * len(recording["stage"])
    (path / "index.json").write_text(json.dumps(index))
    fold = Fold(name="unlabelled", train=("0", "1", "2", "3"), validation=("4", "5"), test=("6", "7"))
    return FoldData(store=Store.open(path), fold=fold, needs_stages=False)


def rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in (run / "metrics.jsonl").read_text().splitlines()]


def test_recordings_without_a_stage_train_a_network_and_the_validation_loss_chooses_it(
    unlabelled: FoldData, tmp_path: Path
) -> None:
    loop = LoopOptions(max_steps=4, validate_every_steps=2, batch_sequences=8)
    result = pretrain(unlabelled, tmp_path, network=TINY, options=NONE, loop=loop)
    found = rows(tmp_path)
    assert (result.judged_by, result.best_figure) == ("loss", min(row["validation_loss"] for row in found))
    assert set(found[0]) == {
        *("step", "pass", "loss", "nce", "recon", "epochs_per_s"),
        *("validation_loss", "validation_loss_nce", "validation_loss_recon"),
        *(f"validation_{name}_token_{what}" for name in ("signal", "spectrogram") for what in ("rank", "deviation")),
    }
    assert json.loads((tmp_path / "config.json").read_text())["provenance"]["options"]["pretrain_supervision"] == "none"


def test_stages_are_still_asked_for_where_they_are_learned(unlabelled: FoldData) -> None:
    with pytest.raises(InputError, match="no training epoch that is both recorded and scored"):
        FoldData(store=unlabelled.store, fold=unlabelled.fold)


def test_no_stage_changes_the_self_supervised_loss(
    fold_data: FoldData, unlabelled: FoldData, make_pretraining: Make
) -> None:
    indices = torch.from_numpy(fold_data.sequences("training", length=16)[:4])
    losses = []
    for data in (fold_data, unlabelled):
        phase = make_pretraining(pretrain_supervision="none")
        phase.data = data
        phase.enter_training()
        with seeded_torch(0, "dropout"):
            losses.append(loss_of(phase, indices, 0)[0].item())
    assert losses[0] == losses[1]


def test_on_scored_nights_a_linear_probe_is_reported_and_decides_nothing(store_dir: Path, tmp_path: Path) -> None:
    assignments = ["width=0.125", "spectrogram_layers=1", "sequence_layers=1", "pretrain_supervision=none"]
    loop = ["max_steps=4", "validate_every_steps=2", "batch_sequences=8"]
    said = pretrain_fold(
        store_dir, tmp_path / "pretrain", fold=1, preset="paper", assignments=[*assignments, *loop], resume=False
    )
    assert "best loss on the validation subjects" in said
    found = rows(tmp_path / "pretrain")
    assert all(0 <= row[f"validation_probe_{name}"] <= 1 for row in found for name in ("accuracy", "macro_f1"))
    # What it learned goes into fine-tuning like any other start.
    options = {"fold": 1, "preset": None, "resume": False}
    finetune_fold(store_dir, tmp_path / "pretrain", tmp_path / "model", assignments=loop, **options)  # type: ignore[arg-type]
    assert rows(tmp_path / "model")[-1]["validation_macro_f1"] > 0


class Scripted(Pretraining):
    """Validation losses that follow a script."""

    def validate(self) -> dict[str, float]:
        return {"loss": next(self.script)}  # type: ignore[attr-defined]


def test_training_stops_when_the_validation_loss_has_not_fallen_for_the_patience(
    fold_data: FoldData, make_pretraining: Make, tmp_path: Path
) -> None:
    plain = make_pretraining(TINY, pretrain_supervision="none")
    kept: list[int] = []
    phase = Scripted(plain.model, fold_data, plain.options, loop=plain.loop, keep=lambda _, step: kept.append(step))
    phase.script = iter([3.0, 2.0, 2.5, 2.0, 1.0])  # type: ignore[attr-defined]
    loop = LoopOptions(batch_sequences=2, validate_every_steps=1, patience=2, max_steps=9)
    sequences = fold_data.sequences("training", length=16)[:4]
    result = train(phase, sequences, loop, tmp_path, fingerprint={}, resume=False, advance=lambda *_: None)
    assert (result.ended_by, result.steps, result.best_step, result.best_figure) == ("patience", 4, 2, 2.0)
    assert kept == [1, 2]


def test_the_validation_loss_is_the_same_every_time_it_is_asked(make_pretraining: Make) -> None:
    phase = make_pretraining(pretrain_supervision="none")
    assert phase.validate() == phase.validate()


def test_nothing_to_learn_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is learned"):
        PretrainOptions(pretrain_supervision="none", lambda_nce=0, lambda_recon=0)


def test_self_supervision_falls_and_does_not_collapse(fold_data: FoldData, make_pretraining: Make) -> None:
    """After 30 steps the tokens tell epochs apart, in more dimensions than two.

    Untrained, the raw backbone's tokens are nearly one token; a collapse would leave or make them so.
    """
    phase = make_pretraining(pretrain_supervision="none")
    before = phase.validate()
    optimizer = torch.optim.Adam(phase.parameters(), lr=1e-3)
    sequences = fold_data.sequences("training", length=16)
    for step in range(30):
        phase.enter_training()
        chosen = np.random.default_rng(step).permutation(len(sequences))[:8]
        with seeded_torch(step, "dropout"):
            loss, _ = phase.loss(phase.batch(torch.from_numpy(sequences[chosen]), keyed_generator(step, "masking")))
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
    after = phase.validate()
    assert after["loss"] < 0.9 * before["loss"]
    for modality in ("signal", "spectrogram"):
        assert after[f"{modality}_token_rank"] > 2.5
        assert after[f"{modality}_token_deviation"] > 0.1
    assert before["signal_token_deviation"] < 0.01
    assert after["probe_macro_f1"] > 0.2


def test_a_collapse_is_seen() -> None:
    one = np.ones((200, 2, 16), np.float32)
    figures = token_figures(one)
    assert figures["signal_token_deviation"] == 0
    assert figures["signal_token_rank"] == pytest.approx(1, abs=1e-6)
    line = torch.randn(200, 1, dtype=torch.float64) * torch.randn(1, 16, dtype=torch.float64)
    assert effective_rank(line) == pytest.approx(1, abs=1e-6)


def test_rank_counts_the_dimensions_that_are_used_evenly() -> None:
    generator = torch.Generator().manual_seed(0)
    for used in (2, 8):
        tokens = torch.zeros(4000, 16, dtype=torch.float64)
        tokens[:, :used] = torch.randn(4000, used, generator=generator, dtype=torch.float64)
        assert effective_rank(tokens + 7) == pytest.approx(used, rel=0.01)
        assert deviation(tokens) == pytest.approx(math.sqrt(used / 16), rel=0.05)


def test_a_linear_reader_finds_what_is_linear_and_nothing_in_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(600, 8, generator=generator, dtype=torch.float64)
    stage = (tokens @ torch.randn(8, 5, generator=generator, dtype=torch.float64)).argmax(dim=1)

    def agrees(wanted: Tensor) -> float:
        weight = fit_linear(tokens[:400], wanted[:400])
        return float(((with_bias(tokens[400:]) @ weight).argmax(dim=1) == wanted[400:]).double().mean())

    assert agrees(stage) > 0.9
    assert agrees(stage[torch.randperm(600, generator=generator)]) < 0.4


def test_the_probe_learns_from_training_epochs_and_is_told_on_validation(
    fold_data: FoldData, unlabelled: FoldData, make_pretraining: Make
) -> None:
    phase = make_pretraining()
    stager = TorchStager(phase.model.network)
    tokens = fold_data.encode(stager, fold_data.validation)
    found = linear_probe(fold_data, stager, tokens, seed=1)
    assert set(found) == {"probe_accuracy", "probe_macro_f1", "probe_kappa"}
    assert found == linear_probe(fold_data, stager, tokens, seed=1)
    assert linear_probe(unlabelled, stager, tokens, seed=1) == {}


def test_the_probe_reads_training_epochs_as_validation_epochs_are_read(fold_data: FoldData) -> None:
    config = replace(TINY, signal_norm="recording", spectrogram_norm="recording", statistics_completion="ridge")
    with seeded_torch(0, "test"):
        network = build_network(config)
    network.completion = fit_completion(config, fold_data, seed=0, step=silent)
    stager = TorchStager(network)
    recording = fold_data.training[0]
    epochs = fold_data.epochs([recording])
    readable = epochs[fold_data.store.is_readable[epochs]]
    night = fold_data.encode(stager, [recording])[recording][fold_data.store.is_readable[epochs]]
    np.testing.assert_allclose(_encoded(fold_data, stager, readable[5:12]), night[5:12], atol=1e-5)


def test_levels_of_stages_are_not_learned_where_no_stage_is_read(unlabelled: FoldData, tmp_path: Path) -> None:
    config = replace(TINY, signal_norm="recording", statistics_completion="ridge+stages")
    with pytest.raises(InputError, match="learns from stages"):
        pretrain(unlabelled, tmp_path, network=config, options=NONE, loop=LoopOptions(max_steps=1))
