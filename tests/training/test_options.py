"""Every option of both phases does what it says, and stands in config.json."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.margins import night_with_margins
from mc2sleepnet.core.model_folder import open_model_folder
from mc2sleepnet.inference import score_night
from mc2sleepnet.model.checkpoint import load_checkpoint
from mc2sleepnet.model.losses import info_nce, restoration_l1
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.recipes import finetune_fold, pretrain_fold
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.training.finetune import finetune
from mc2sleepnet.training.finetuning import FinetuneOptions, Finetuning, stage_weight, with_holes
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions, Phase
from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
from mc2sleepnet.training.seeding import keyed_generator, seeded_torch
from mc2sleepnet.training.stager import TorchStager

Make = Callable[..., Any]
TINY = ["width=0.125", "spectrogram_layers=1", "sequence_layers=1", "max_steps=2", "validate_every_steps=2"]
FOLD = {"fold": 1, "preset": "paper", "resume": False}


def loss_of(phase: Phase, indices: torch.Tensor, seed: int) -> tuple[torch.Tensor, dict[str, float]]:
    masking = keyed_generator(seed, "masking")
    loss, terms = phase.loss(phase.batch(indices, masking))
    return loss, {name: term.item() for name, term in terms.items()}


def sequences(data: FoldData, n: int = 4) -> Tensor:
    return torch.from_numpy(data.sequences("training", length=16)[:n])


def one_step(phase: Pretraining | Finetuning, indices: Tensor) -> dict[str, float]:
    phase.enter_training()
    with seeded_torch(0, "dropout"):
        loss, terms = loss_of(phase, indices, 0)
        loss.backward()
    return terms


def test_every_option_of_a_run_stands_in_its_config_and_comes_back(trained: Path) -> None:
    for run, options in (("pretrain", PretrainOptions), ("model", FinetuneOptions)):
        provenance = json.loads((trained / run / "config.json").read_text())["provenance"]
        for kind, saved in ((options, provenance["options"]), (LoopOptions, provenance["loop"])):
            assert set(saved) == {field.name for field in fields(kind)}
            assert kind(**saved).__class__ is kind
    assert PretrainOptions(
        **json.loads((trained / "pretrain" / "config.json").read_text())["provenance"]["options"]
    ) == (PretrainOptions())


@pytest.mark.parametrize("positions", ["all", "masked"])
def test_restoration_counts_all_positions_or_the_masked_ones(
    fold_data: FoldData, make_pretraining: Make, monkeypatch: pytest.MonkeyPatch, positions: str
) -> None:
    counted: list[Tensor] = []

    def spy(restored: Tensor, target: Tensor, is_counted: Tensor, **options: Any) -> Tensor:
        counted.append(is_counted)
        return restoration_l1(restored, target, is_counted, **options)

    monkeypatch.setattr("mc2sleepnet.training.pretraining.restoration_l1", spy)
    one_step(make_pretraining(recon_positions=positions, mask_ratio=0.25), sequences(fold_data))
    assert [mask.sum(dim=1).tolist() for mask in counted] == 2 * [4 * [16 if positions == "all" else 4]]
    assert positions == "all" or not torch.equal(counted[0], counted[1])


def test_masked_positions_alone_give_another_loss_than_all(fold_data: FoldData, make_pretraining: Make) -> None:
    losses = [
        one_step(make_pretraining(recon_positions=where), sequences(fold_data))["recon"] for where in ("all", "masked")
    ]
    assert losses[0] != losses[1]


def test_options_of_info_nce_reach_it(
    fold_data: FoldData, make_pretraining: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, float]] = []

    def spy(signal: Tensor, spectrogram: Tensor, is_negative: Tensor, *, temperature: float) -> Tensor:
        seen.append((int(is_negative.sum()), temperature))
        return info_nce(signal, spectrogram, is_negative, temperature=temperature)

    monkeypatch.setattr("mc2sleepnet.training.pretraining.info_nce", spy)
    for options in ({}, {"nce_skip_neighbours": True, "nce_temperature": 0.5}):
        one_step(make_pretraining(**options), sequences(fold_data, 2))
    # Two consecutive sequences are 32 epochs in a row: 31 pairs of neighbours, both ways.
    assert seen == [(32 * 31, 0.07), (32 * 31 - 2 * 31, 0.5)]


@pytest.mark.parametrize(("option", "term"), [("lambda_nce", "nce"), ("lambda_recon", "recon")])
def test_a_term_of_no_weight_is_left_out_and_changes_no_other(
    fold_data: FoldData, make_pretraining: Make, option: str, term: str
) -> None:
    whole, without = (one_step(make_pretraining(**options), sequences(fold_data)) for options in ({}, {option: 0.0}))
    assert set(whole) - set(without) == {term}
    assert all(without[name] == pytest.approx(whole[name], rel=1e-6) for name in without)


def test_unfrozen_backbones_learn_and_validation_follows_them(fold_data: FoldData, make_finetuning: Make) -> None:
    phase = make_finetuning(backbones="trained")
    recording = fold_data.validation[0]
    before = phase.validation_tokens()[recording]
    running = phase.network.signal_backbone.blocks[0][0].norm.running_mean.clone()
    one_step(phase, sequences(fold_data))
    touched = ("signal_backbone", "signal_token", "spectrogram_backbone", "signal_stack", "fusion_head")
    for part in touched:
        assert any(p.grad is not None and p.grad.any() for p in getattr(phase.network, part).parameters()), part
    assert not torch.equal(phase.network.signal_backbone.blocks[0][0].norm.running_mean, running)
    torch.optim.SGD(phase.parameters(), lr=0.1).step()
    assert np.abs(phase.validation_tokens()[recording] - before).max() > 1e-3


def test_frozen_and_unfrozen_fine_tuning_start_from_the_same_loss(fold_data: FoldData, make_finetuning: Make) -> None:
    losses = []
    for backbones in ("frozen", "trained"):
        phase = make_finetuning(backbones=backbones)
        phase.network.eval()
        with torch.no_grad():
            losses.append(float(loss_of(phase, sequences(fold_data), 0)[0]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_holes_stand_inside_sequences_and_never_fill_one() -> None:
    indices = torch.arange(1600).reshape(100, 16)
    assert with_holes(indices, 0.0, keyed_generator(0, "holes")) is indices
    holed = with_holes(indices, 0.3, keyed_generator(0, "holes"))
    assert (holed < 0).float().mean() == pytest.approx(0.3, abs=0.03)
    assert torch.equal(holed[holed >= 0], indices[holed >= 0])
    nearly_all = with_holes(indices, 0.99, keyed_generator(0, "holes"))
    assert (nearly_all >= 0).any(dim=1).all()


@pytest.mark.parametrize("backbones", ["frozen", "trained"])
def test_a_hole_hides_an_epoch_from_its_neighbours_and_asks_no_stage_there(
    fold_data: FoldData, make_finetuning: Make, backbones: str
) -> None:
    """A step with holes costs what a step on the same sequences with padding in those places costs."""
    indices = sequences(fold_data)
    costs = []
    for phase, given in (
        (make_finetuning(backbones=backbones, hole_probability=0.3), indices),
        (make_finetuning(backbones=backbones), with_holes(indices, 0.3, keyed_generator(0, "masking"))),
        (make_finetuning(backbones=backbones), indices),
    ):
        phase.network.eval()
        with torch.no_grad():
            costs.append(float(loss_of(phase, given, 0)[0]))
    assert costs[0] == costs[1] != costs[2]


def test_a_rival_is_trained_from_scratch_and_scores_like_any_model(store_dir: Path, tmp_path: Path) -> None:
    assignments = [*TINY, "from_scratch=true", "architecture=cnn_lstm", "batch_sequences=8"]
    finetune_fold(store_dir, None, tmp_path / "model", assignments=assignments, **FOLD)  # type: ignore[arg-type]
    model = open_model_folder(tmp_path / "model")
    assert model.config["network"]["architecture"] == "cnn_lstm"
    assert model.config["spectrogram"] is None
    assert model.config["provenance"]["options"]["backbones"] == "trained"
    assert "Rival (cnn_lstm)" in (tmp_path / "model" / "README.md").read_text()
    signal_uv = np.random.default_rng(0).normal(0, 30, (40, 3000)).astype(np.float32)
    stagers = OpenVinoStager(model), TorchStager(load_checkpoint(tmp_path / "model").network)
    found = [score_night(stager, signal_uv, np.ones(40, bool), stride=4) for stager in stagers]
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)


def test_another_prediction_and_aggregation_are_followed_from_fine_tuning_to_the_scored_night(
    store_dir: Path, trained: Path, cohort: Path, tmp_path: Path
) -> None:
    """The first 15 epochs have no sequence that ends with them: unscored, and the reason is told."""
    from mc2sleepnet.scoring.night import score_recording
    from mc2sleepnet.signals import read_epochs

    asked = ["prediction_view=single", "prediction_head=signal", "aggregation=last", "scoring_stride=1"]
    loop = ["max_steps=2", "validate_every_steps=2", "batch_sequences=8"]
    finetune_fold(store_dir, trained / "pretrain", tmp_path, assignments=[*loop, *asked], **FOLD)  # type: ignore[arg-type]
    model, network = open_model_folder(tmp_path), load_checkpoint(tmp_path).network
    assert (network.config.prediction_view, network.config.prediction_head) == ("single", "signal")
    assert model.calibration.aggregation == "last"
    engine = OpenVinoStager(model)
    night = score_recording(
        read_epochs(sorted(cohort.glob("*PSG.edf"))[0]), model, engine, origin={"file": "night.edf", "sha256": ""}
    )
    assert night.stages[:15].tolist() == 15 * ["UNS"]
    assert [str(source) for source in night.recording.source[:16]] == [*15 * ["context"], "model"]
    assert "UNS" not in night.stages[15:]
    short = replace(night.recording, signal_uv=night.recording.signal_uv[:9], source=9 * (night.recording.source[-1],))
    with pytest.raises(InputError, match="shorter than one sequence"):
        score_recording(short, model, engine, origin={"file": "night.edf", "sha256": ""})
    other = TorchStager(network)
    tokens = other.encode(night.recording.signal_uv[:16])[None]
    flipped = tokens.copy()
    flipped[:, :, 1] = flipped[:, ::-1, 1]
    is_valid = np.ones((1, 16), bool)
    np.testing.assert_allclose(engine.relate(flipped, is_valid), other.relate(tokens, is_valid), atol=1e-4)


def test_rare_stages_weigh_by_a_power_of_their_share(fold_data: FoldData) -> None:
    stage = np.concatenate([fold_data.store.stage[fold_data.epochs([i])] for i in fold_data.training])
    share = np.array([(stage == k).sum() for k in range(5)]) / (stage >= 0).sum()
    for power in (0.5, 1.0):
        weight = stage_weight(fold_data, power)
        assert weight is not None
        np.testing.assert_allclose(weight.numpy() * share**power, (weight.numpy() * share**power)[0])
        assert float(weight.mean()) == pytest.approx(1)
    assert stage_weight(fold_data, 0.0) is None


def test_a_stage_that_weighs_more_pulls_the_loss(make_finetuning: Make) -> None:
    indices = sequences(make_finetuning().data)
    losses = []
    for power in (0.0, 1.0):
        phase = make_finetuning(stage_weight_power=power)
        phase.module.eval()
        losses.append(loss_of(phase, indices, 0)[0].item())
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("start", "assignments", "fault"),
    [
        (None, [], "no network to start from"),
        ("pretrain", ["from_scratch=true"], "names a network to start from, and from_scratch too"),
        ("pretrain", ["width=0.5"], "width cannot change in fine-tuning"),
        (None, ["from_scratch=true", "backbones=frozen"], "would freeze what has never learned"),
        ("pretrain", ["aggregation=last"], r"aggregation=last leaves epochs out at scoring_stride=4"),
        ("pretrain", ["hole_probability=1"], "hole_probability must lie in"),
        ("pretrain", ["stage_weight_power=2"], "stage_weight_power must lie in"),
    ],
)
def test_what_fine_tuning_cannot_do_is_refused(  # noqa: PLR0917
    store_dir: Path, trained: Path, tmp_path: Path, start: str | None, assignments: list[str], fault: str
) -> None:
    with pytest.raises(InputError, match=fault):
        finetune_fold(
            store_dir,
            trained / start if start else None,
            tmp_path / "run",
            assignments=["max_steps=1", *assignments],
            **FOLD,  # type: ignore[arg-type]
        )
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_rival_has_no_pre_training(store_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="architecture=signal_only has no pre-training"):
        pretrain_fold(store_dir, tmp_path, assignments=[*TINY, "architecture=signal_only"], **FOLD)  # type: ignore[arg-type]


def test_a_python_caller_cannot_change_a_trained_networks_shape(
    fold_data: FoldData, trained: Path, tmp_path: Path
) -> None:
    from mc2sleepnet.recipes import open_fold

    data = open_fold(fold_data.store.path, 1)
    with pytest.raises(InputError, match="cross_memory cannot change"):
        finetune(
            data, trained / "pretrain", tmp_path, loop=LoopOptions(max_steps=1), network={"cross_memory": "layerwise"}
        )


def test_training_and_scoring_give_an_epoch_the_same_neighbours(fold_data: FoldData) -> None:
    epochs = fold_data.epochs([fold_data.training[1]])
    night = fold_data.signal_uv(epochs, "training")
    expected = night_with_margins(night, fold_data.store.is_readable[epochs], np.arange(len(epochs)), margin=50)
    np.testing.assert_array_equal(fold_data.signal_uv(epochs, "training", margin=50), expected)
    padded = fold_data.signal_uv(np.array([[-1, epochs[0]]]), "training", margin=50)
    assert padded.shape == (1, 2, 3100)
    assert not padded[0, 0].any()


def test_a_filtered_network_pre_trains_with_and_without_stages(fold_data: FoldData, make_pretraining: Make) -> None:
    config = NetworkConfig(width=0.125, spectrogram_layers=1, sequence_layers=1, spectrogram_filter="recording")
    plain = make_pretraining(replace(config, spectrogram_filter="none")).model.network.spectrogram.mean_db
    for supervision in ("stages", "none"):
        phase = make_pretraining(config, pretrain_supervision=supervision)
        assert np.isfinite(list(one_step(phase, sequences(fold_data)).values())).all()
        assert np.isfinite(list(phase.validate().values())).all()
    # 49 Hz is cut in the statistics too, and 10 Hz is not.
    fitted = phase.model.network.spectrogram.mean_db
    assert fitted[125] < plain[125] - 10
    assert abs(fitted[25] - plain[25]) < 0.5
