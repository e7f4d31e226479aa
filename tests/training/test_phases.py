"""What each phase trains, freezes, reads and leaves alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import open_model_folder
from mc2sleepnet.corpora import Fold
from mc2sleepnet.model.losses import restoration_l1
from mc2sleepnet.model.network import MC2SleepNet, NetworkConfig, Tokens
from mc2sleepnet.model.pretraining_network import PretrainingNetwork
from mc2sleepnet.model.spectrogram import Spectrogram
from mc2sleepnet.recipes import finetune_fold, pretrain_fold
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.store import Store
from mc2sleepnet.training.finetune import finetune
from mc2sleepnet.training.finetuning import Finetuning
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.leaks import refuse_leak_from
from mc2sleepnet.training.loop import LoopOptions, Phase
from mc2sleepnet.training.pretrain import pretrain
from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
from mc2sleepnet.training.seeding import keyed_generator, seeded_torch
from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics
from mc2sleepnet.training.stager import TorchStager

SMALL = NetworkConfig(width=0.125, spectrogram_layers=2, sequence_layers=2)
LOOP = LoopOptions()


def loss_of(phase: Phase, indices: torch.Tensor, seed: int) -> tuple[torch.Tensor, dict[str, float]]:
    masking = keyed_generator(seed, "masking")
    loss, terms = phase.loss(phase.batch(indices, masking))
    return loss, {name: term.item() for name, term in terms.items()}


@pytest.fixture(scope="module")
def data(store_dir: Path) -> FoldData:
    store = Store.open(store_dir)
    fold = Fold(name="test", train=("0", "1", "2", "3"), validation=("4", "5"), test=("6", "7"))
    return FoldData(store=store, fold=fold)


def pretraining(data: FoldData, config: NetworkConfig = SMALL, **options: object) -> Pretraining:
    with seeded_torch(0, "test"):
        model = PretrainingNetwork(config)
    fit_spectrogram_statistics(model.network.spectrogram, data)
    return Pretraining(model, data, PretrainOptions(**options), loop=LOOP, keep=lambda *_: None)  # type: ignore[arg-type]


def finetuning(data: FoldData) -> Finetuning:
    network = pretraining(data).model.network
    return Finetuning(network, data, loop=LOOP, keep=lambda *_: None)


def some_sequences(data: FoldData, n: int = 4) -> torch.Tensor:
    return torch.from_numpy(data.sequences("training", length=16)[:n])


def one_step(phase: Pretraining | Finetuning, indices: torch.Tensor) -> dict[str, float]:
    phase.enter_training()
    with seeded_torch(0, "dropout"):
        loss, terms = loss_of(phase, indices, 0)
        loss.backward()
    return terms


def test_every_parameter_gets_gradient_in_pretraining(data: FoldData) -> None:
    phase = pretraining(data)
    one_step(phase, some_sequences(data))
    without = [name for name, p in phase.model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_finetuning_gives_gradient_to_stacks_and_heads_and_to_nothing_else(data: FoldData) -> None:
    phase = finetuning(data)
    one_step(phase, some_sequences(data))
    with_gradient = {name for name, p in phase.network.named_parameters() if p.grad is not None and p.grad.any()}
    expected = {
        name
        for name, _ in phase.network.named_parameters()
        if name.startswith(("signal_stack", "spectrogram_stack", "stage_head", "fusion_head"))
    }
    assert with_gradient == expected
    assert sum(p.numel() for p in phase.parameters()) == sum(
        p.numel() for name, p in phase.network.named_parameters() if name in expected
    )


def test_batch_norm_statistics_stand_still_in_finetuning_and_move_in_pretraining(data: FoldData) -> None:
    def statistics(network: MC2SleepNet) -> torch.Tensor:
        return torch.cat([buffer for name, buffer in network.named_buffers() if "running_" in name]).clone()

    for phase, moves in ((pretraining(data), True), (finetuning(data), False)):
        network = phase.model.network if isinstance(phase, Pretraining) else phase.network
        before = statistics(network)
        phase.enter_training()
        network.encode_epochs(torch.from_numpy(data.store.signal_uv(np.arange(8))))
        assert (not torch.equal(statistics(network), before)) == moves


def test_backbones_are_in_eval_mode_while_finetuning_trains(data: FoldData) -> None:
    phase = finetuning(data)
    phase.enter_training()
    assert not any(module.training for part in phase.network.backbones() for module in part.modules())
    assert phase.network.signal_stack.training


def test_finetuning_reads_the_tokens_that_the_backbones_would_give(data: FoldData) -> None:
    phase = finetuning(data)
    epochs = data.epochs(data.training)[[0, 5, 200]]
    with torch.no_grad():
        encoded = torch.stack(phase.network.encode_epochs(torch.from_numpy(data.store.signal_uv(epochs))), dim=1)
    torch.testing.assert_close(phase.inputs.of(torch.from_numpy(epochs)), encoded, atol=1e-4, rtol=1e-4)


def test_pretraining_adds_up_its_weighted_terms(data: FoldData) -> None:
    indices = some_sequences(data)
    plain, weighted = (one_step(pretraining(data, **options), indices) for options in ({}, {"lambda_nce": 0.2}))
    assert list(plain) == ["ce_signal", "ce_spectrogram", "ce_fusion", "nce", "recon"]
    assert weighted["nce"] == pytest.approx(2 * plain["nce"], rel=1e-5)
    assert weighted["ce_fusion"] == pytest.approx(plain["ce_fusion"], rel=1e-5)


@pytest.mark.parametrize("detach", [True, False])
def test_restored_targets_carry_gradient_only_where_asked(
    data: FoldData, monkeypatch: pytest.MonkeyPatch, detach: bool
) -> None:
    seen: list[bool] = []

    def spy(restored: Tensor, target: Tensor, is_counted: Tensor, **options: Any) -> Tensor:
        seen.append(target.requires_grad)
        return restoration_l1(restored, target, is_counted, **options)

    monkeypatch.setattr("mc2sleepnet.training.pretraining.restoration_l1", spy)
    one_step(pretraining(data, detach_targets=detach), some_sequences(data))
    assert seen == [not detach, not detach]


def test_padding_changes_no_term_of_the_loss(data: FoldData) -> None:
    whole = some_sequences(data, 2)
    padded = torch.cat([whole, torch.full((1, 16), -1)])
    terms = []
    for indices in (whole, padded):
        phase = pretraining(data, mask_ratio=0.99)  # all but one epoch hidden, whatever the draw
        phase.model.eval()
        with torch.no_grad():
            terms.append(loss_of(phase, indices, 0)[1])
    for name in ("ce_signal", "ce_spectrogram", "ce_fusion", "nce"):
        assert terms[1][name] == pytest.approx(terms[0][name], rel=1e-4), name


def test_a_sequence_of_one_epoch_has_nothing_to_restore(data: FoldData) -> None:
    alone = torch.full((2, 16), -1, dtype=torch.long)
    alone[:, 0] = torch.from_numpy(data.epochs(data.training)[[3, 9]])
    terms = one_step(pretraining(data), alone)
    assert terms["recon"] == 0
    assert np.isfinite(list(terms.values())).all()


@pytest.mark.parametrize("restarts", [False, True])
def test_pretraining_is_judged_by_the_single_view_it_trains(data: FoldData, restarts: bool) -> None:
    phase = pretraining(data, replace(SMALL, single_view_restarts=restarts))
    tokens = np.random.default_rng(0).normal(size=(2, 16, 2, SMALL.token_width)).astype(np.float32)
    is_valid = np.ones((2, 16), bool)
    both = Tokens(torch.from_numpy(tokens[:, :, 0]), torch.from_numpy(tokens[:, :, 1]))
    phase.model.eval()
    with torch.no_grad():
        trained = phase.model.single_view(both, torch.from_numpy(is_valid)).fusion.log_softmax(dim=2)
    judged = TorchStager(phase.model.network, answer=phase.single_view_fusion).relate(tokens, is_valid)
    np.testing.assert_allclose(judged, trained.numpy(), atol=1e-5)


def test_the_author_code_preset_trains(store_dir: Path, tmp_path: Path) -> None:
    loop = ["width=0.125", "max_steps=2", "validate_every_steps=1", "batch_sequences=4"]
    said = pretrain_fold(store_dir, tmp_path, fold=1, preset="author_code", assignments=loop, resume=False)
    assert "2 steps" in said


def test_a_network_that_learned_from_held_out_subjects_is_refused(
    store_dir: Path, trained: Path, tmp_path: Path
) -> None:
    """The planted leak: pre-trained on fold 1, fine-tuned on fold 2, whose test subject 1 was in training."""
    with pytest.raises(InputError, match=r"learned from subjects that sleep-edf-20 fold 2 holds out: .*1"):
        finetune_fold(
            store_dir,
            trained / "pretrain",
            tmp_path / "run",
            fold=2,
            preset=None,
            assignments=["max_steps=1"],
            resume=False,
        )


def test_a_network_that_does_not_say_whom_it_learned_from_is_refused(data: FoldData) -> None:
    with pytest.raises(InputError, match="does not say whom it learned from"):
        refuse_leak_from({}, Path("run"), data.store, data.fold)


def test_finetuning_refuses_another_preset_than_its_start(store_dir: Path, trained: Path, tmp_path: Path) -> None:
    options = {"fold": 1, "assignments": ["max_steps=1"], "resume": False}
    with pytest.raises(InputError, match="not pre-trained with the preset author_code"):
        finetune_fold(store_dir, trained / "pretrain", tmp_path / "run", preset="author_code", **options)  # type: ignore[arg-type]


def test_spectrogram_statistics_are_those_of_the_training_epochs(data: FoldData) -> None:
    spectrogram = Spectrogram()
    fit_spectrogram_statistics(spectrogram, data)
    signal_uv = torch.from_numpy(data.store.signal_uv(data.epochs(data.training)))
    decibels = spectrogram.decibels(signal_uv).flatten(0, 1)
    torch.testing.assert_close(spectrogram.mean_db, decibels.mean(dim=0), atol=1e-3, rtol=0)
    torch.testing.assert_close(spectrogram.deviation_db, decibels.std(dim=0, correction=0), atol=1e-3, rtol=0)


def test_a_fold_without_scored_training_epochs_is_refused(store_dir: Path) -> None:
    fold = Fold(name="empty", train=("70",), validation=("4",), test=("6",))
    with pytest.raises(InputError, match="no training epoch that is both recorded and scored"):
        FoldData(store=Store.open(store_dir), fold=fold)


def test_both_phases_of_the_paper_preset_run_at_full_width(data: FoldData, tmp_path: Path) -> None:
    options = LoopOptions(batch_sequences=2, max_steps=3, validate_every_steps=3, scoring_stride=16)
    one_night = FoldData(store=data.store, fold=Fold(name="one night", train=("0",), validation=("4",), test=("6",)))
    start = tmp_path / "pretrain"
    first = pretrain(one_night, start, network=NetworkConfig(), options=PretrainOptions(), loop=options)
    second = finetune(one_night, start, tmp_path / "model", loop=options)
    assert (first.steps, second.steps) == (3, 3)
    assert (tmp_path / "model" / "model.safetensors").stat().st_size > 4 * 6_051_407
    model = open_model_folder(tmp_path / "model")
    log_probabilities = OpenVinoStager(model).relate(
        OpenVinoStager(model).encode(data.store.signal_uv(np.arange(16)))[None], np.ones((1, 16), bool)
    )
    np.testing.assert_allclose(np.exp(log_probabilities).sum(axis=2), 1, rtol=1e-5)
