"""`start_share`: weights between the start's and those reached are judged and kept; training goes on as ever."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mc2sleepnet.core.model_folder import Calibration
from mc2sleepnet.model.checkpoint import load_checkpoint
from mc2sleepnet.recipes import finetune_fold, open_fold
from mc2sleepnet.recipes.single_fold import ADAPTING
from mc2sleepnet.training.averaged_weights import averaged, take_mean_weights, weights_of
from mc2sleepnet.training.finetune import finetune
from mc2sleepnet.training.finetuning import FinetuneOptions, Finetuning
from mc2sleepnet.training.loop import LoopOptions, TrainingResult
from mc2sleepnet.training.model_folder import model_card
from mc2sleepnet.training.runs import find_runs

SHORT = LoopOptions(max_steps=3, validate_every_steps=3, batch_sequences=4, learning_rate=1e-2)


def test_between_start_and_reached_and_back_again_bit_for_bit() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    start = weights_of(module)
    module(torch.randn(8, 2))
    with torch.no_grad():
        module[0].weight += 1
    reached = weights_of(module)
    with averaged(module, start, 0.25):
        assert torch.allclose(module[0].weight, start["0.weight"] + 0.75)
        between = 0.25 * start["1.running_mean"] + 0.75 * reached["1.running_mean"]
        assert torch.allclose(module[1].running_mean, between)
    assert all(torch.equal(value, reached[name]) for name, value in weights_of(module).items())


def test_weights_come_back_when_what_is_done_with_them_fails() -> None:
    module = nn.Linear(2, 2)
    start = {name: torch.zeros_like(value) for name, value in weights_of(module).items()}
    reached = weights_of(module)
    with pytest.raises(KeyError), averaged(module, start, 0.5):
        raise KeyError
    assert all(torch.equal(value, reached[name]) for name, value in weights_of(module).items())


def test_a_network_takes_the_mean_of_its_own_and_others_weights() -> None:
    three = [nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)) for _ in range(3)]
    for module in three:
        module(torch.randn(8, 2))
    before = [weights_of(module) for module in three]
    take_mean_weights(three[0], three[1:])
    for name, value in weights_of(three[0]).items():
        assert torch.allclose(value, (before[0][name] + before[1][name] + before[2][name]) / 3)
    assert all(torch.equal(value, before[1][name]) for name, value in weights_of(three[1]).items())
    assert int(three[0][1].num_batches_tracked) == 1


def test_the_average_is_kept_and_the_steps_are_those_without_it(
    store_dir: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rising = iter(range(100))
    monkeypatch.setattr(Finetuning, "validate", lambda _: {"macro_f1": next(rising) / 100})
    data = open_fold(store_dir, 1)
    start = load_checkpoint(trained / "model").network.state_dict()
    for share in (0.0, 0.75):
        options = FinetuneOptions(start_share=share)
        finetune(data, trained / "model", tmp_path / str(share), loop=SHORT, options=options, exports=False)
    reached, kept = (load_checkpoint(tmp_path / share).network.state_dict() for share in ("0.0", "0.75"))
    assert any(not torch.equal(reached[name], start[name]) for name in start)
    for name, value in kept.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, torch.lerp(reached[name], start[name], 0.75), msg=name)


def test_what_is_judged_is_what_is_kept(make_finetuning: Callable[..., Finetuning]) -> None:
    phase = make_finetuning(start_share=0.5)
    with torch.no_grad():
        for parameter in phase.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    moved, figures = weights_of(phase.network), phase.validate()
    start = phase._start
    with torch.no_grad():
        for name, value in phase.network.state_dict().items():
            if name in start:
                value.copy_(torch.lerp(moved[name], start[name], 0.5))
    plain = make_finetuning()
    plain.network.load_state_dict(phase.network.state_dict())
    assert plain.validate() == pytest.approx(figures)


@pytest.mark.parametrize("first", [0.2, 0.5])
def test_a_start_that_no_step_betters_is_kept(
    store_dir: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: float
) -> None:
    figures = iter([first, 0.4, 0.3])
    monkeypatch.setattr(Finetuning, "validate", lambda _: {"macro_f1": next(figures), "kappa": 0.1, "accuracy": 0.1})
    loop = replace(SHORT, max_steps=2, validate_every_steps=1)
    result = finetune(open_fold(store_dir, 1), trained / "model", tmp_path, loop=loop, exports=False)
    start, kept = (load_checkpoint(folder) for folder in (trained / "model", tmp_path))
    is_start = first == 0.5
    assert (result.best_step, result.best_figure) == ((0, 0.5) if is_start else (1, 0.4))
    assert kept.provenance["best"]["step"] == result.best_step
    # A kept start has seen no other recordings than before, and `runs` tells its figure.
    seen = [checkpoint.provenance.get("statistics_range") for checkpoint in (kept, start)]
    assert not is_start or seen[0] == seen[1]
    assert [run.best for run in find_runs(tmp_path)] == [result.best_figure]
    card = model_card(kept, Calibration(temperature=1.0, n_epochs=1, scoring_stride=4))
    assert ("preferred none of its steps" in card) == is_start
    # Nothing was learned from recordings that no step was kept of.
    of_start = model_card(start, Calibration(temperature=1.0, n_epochs=1, scoring_stride=4))
    assert card.count("Learned from") == of_start.count("Learned from") + (not is_start)
    known = start.network.state_dict()
    assert is_start == all(torch.equal(value, known[name]) for name, value in kept.network.state_dict().items())


def test_a_pre_trained_start_is_not_judged(
    store_dir: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = iter([0.2])
    monkeypatch.setattr(Finetuning, "validate", lambda _: {"macro_f1": next(figures), "kappa": 0.1, "accuracy": 0.1})
    loop = replace(SHORT, max_steps=1)
    assert finetune(open_fold(store_dir, 1), trained / "pretrain", tmp_path, loop=loop, exports=False).best_step == 1


def test_a_start_that_stages_is_adapted_and_a_pre_trained_one_fine_tuned(
    store_dir: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def spy(*_: object, loop: LoopOptions, options: FinetuneOptions, **__: object) -> TrainingResult:
        told = {"start_share": options.start_share, "validate_every_steps": loop.validate_every_steps}
        seen.append(told | {"patience": loop.patience})
        return TrainingResult(steps=0, best_step=0, judged_by="loss", best_figure=0.0, ended_by="limit")

    monkeypatch.setattr("mc2sleepnet.recipes.single_fold.finetune", spy)
    for index, (start, asked) in enumerate((("pretrain", []), ("model", []), ("model", ["start_share=0.2"]))):
        out = tmp_path / str(index)
        finetune_fold(store_dir, trained / start, out, fold=1, preset=None, assignments=asked, resume=False)
    of_paper = {"start_share": 0.0, "validate_every_steps": 50, "patience": 20}
    assert seen == [of_paper, ADAPTING, {**ADAPTING, "start_share": 0.2}]


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="start_share"):
        FinetuneOptions(start_share=share)
