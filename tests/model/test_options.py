"""Every option of the network does what it says, and survives config.json."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mc2sleepnet.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mc2sleepnet.model.config import ADDED_LATER, NetworkConfig
from mc2sleepnet.model.network import MC2SleepNet, Tokens
from mc2sleepnet.model.pretraining_network import PretrainingNetwork
from mc2sleepnet.model.sequence_stack import layerwise

L = 16
SMALL = {"width": 0.125, "spectrogram_layers": 1, "sequence_layers": 2}
NOT_DEFAULT: dict[str, Any] = {
    "architecture": "concatenated",
    "width": 0.125,
    "sequence_length": 12,
    "spectrogram_layers": 1,
    "sequence_layers": 2,
    "dropout": 0.2,
    "batch_norm_momentum": 0.3,
    "token_norm": "none",
    "restoration_layer": False,
    "single_view_restarts": True,
    "spectrogram_norm": "recording+gain",
    "signal_norm": "recording",
    "members": 2,
    "spectrogram_filter": "recording",
    "cross_memory": "layerwise",
    "prediction_view": "single",
    "prediction_head": "signal",
    "statistics_completion": "ridge",
    "drift": "removed",
    "smoothing": "course",
}
# What an option needs beside it.
NEEDS = {"statistics_completion": {"signal_norm": "recording"}}


def network(**options: Any) -> MC2SleepNet:
    torch.manual_seed(0)
    return MC2SleepNet(NetworkConfig(**{**SMALL, **options})).eval()


def some_tokens(batch: int = 2) -> Tokens:
    generator = torch.Generator().manual_seed(1)
    return Tokens(*(torch.randn(batch, L, 16, generator=generator) for _ in range(2)))


def all_valid(batch: int = 2) -> Tensor:
    return torch.ones(batch, L, dtype=torch.bool)


@pytest.mark.parametrize("name", [field.name for field in fields(NetworkConfig)])
def test_every_option_of_the_network_survives_config_json(name: str, tmp_path: Path) -> None:
    config = NetworkConfig(**{**SMALL, **NEEDS.get(name, {}), name: NOT_DEFAULT[name]})
    if name != "architecture" and name not in SMALL:
        assert getattr(config, name) != getattr(NetworkConfig(), name)
    from mc2sleepnet.model.architectures import build_network

    saved = Checkpoint(network=build_network(config), phase="pre-training", is_synthetic=True)
    save_checkpoint(saved, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["network"][name] == NOT_DEFAULT[name]
    assert load_checkpoint(tmp_path).network.config == config


def test_a_config_of_before_an_option_means_what_was_done_then() -> None:
    earlier = {name: value for name, value in NetworkConfig().to_json().items() if name not in ADDED_LATER}
    assert NetworkConfig.from_json(earlier) == NetworkConfig()


def test_layerwise_memory_is_the_other_stacks_state_before_each_layer() -> None:
    net, tokens, is_valid = network(cross_memory="layerwise"), some_tokens(), all_valid()
    signal, spectrogram = (modality + net.positions for modality in tokens)
    for own, other in zip(net.signal_stack.layers, net.spectrogram_stack.layers, strict=True):
        before = signal
        signal = own(before, is_valid, spectrogram, is_valid)
        spectrogram = other(spectrogram, is_valid, before, is_valid)
    expected = net.fusion_head(torch.cat([signal, spectrogram], dim=2))
    torch.testing.assert_close(net.cross_view(tokens, is_valid).fusion, expected)


def test_static_and_layerwise_memory_differ_from_the_second_layer_on() -> None:
    tokens, is_valid = some_tokens(), all_valid()
    for layers, is_same in ((1, True), (2, False)):
        answers = [
            network(cross_memory=memory, sequence_layers=layers).cross_view(tokens, is_valid).fusion
            for memory in ("static", "layerwise")
        ]
        assert torch.allclose(answers[0], answers[1], atol=1e-6) is is_same


@pytest.mark.parametrize("memory", ["static", "layerwise"])
def test_no_hidden_token_reaches_its_own_restoration(memory: str) -> None:
    torch.manual_seed(0)
    model = PretrainingNetwork(NetworkConfig(**SMALL, cross_memory=memory)).eval()  # type: ignore[arg-type]
    tokens = some_tokens(1)
    is_masked, nothing = torch.zeros(1, L, dtype=torch.bool), torch.zeros(1, L, dtype=torch.bool)
    is_masked[0, 5] = True
    changed = tokens.signal.clone()
    changed[0, 5] += 3
    with torch.no_grad():
        before, after = (
            model.restore(some, is_masked, nothing, all_valid(1)) for some in (tokens, tokens._replace(signal=changed))
        )
    assert torch.equal(before.signal, after.signal)
    assert not torch.equal(before.spectrogram, after.spectrogram)


def test_masking_without_the_other_modality_restores_from_its_own_alone() -> None:
    torch.manual_seed(0)
    model = PretrainingNetwork(NetworkConfig(**SMALL)).eval()  # type: ignore[arg-type]
    tokens = some_tokens()
    other = tokens._replace(spectrogram=tokens.spectrogram.flip(1))
    is_masked = torch.arange(L)[None].repeat(2, 1) % 2 == 0
    for memory, depends in (("other", True), ("none", False)):
        with torch.no_grad():
            before, after = (
                model.restore(some, is_masked, is_masked, all_valid(), memory=memory).signal  # type: ignore[arg-type]
                for some in (tokens, other)
            )
        assert torch.equal(before, after) is not depends


@pytest.mark.parametrize("view", ["cross", "single"])
@pytest.mark.parametrize("head", ["fusion", "signal", "spectrogram"])
def test_the_prediction_is_the_view_and_head_it_names(view: str, head: str) -> None:
    net, tokens = network(prediction_view=view, prediction_head=head), some_tokens()
    of_view = net.cross_view if view == "cross" else net.single_view
    found = net.predict(torch.stack(list(tokens), dim=2), all_valid())
    assert torch.equal(found, getattr(of_view(tokens, all_valid()), head))


def test_what_predicts_is_among_what_learns() -> None:
    both = torch.stack(list(some_tokens()), dim=2)
    for view in ("cross", "single"):
        for head in ("fusion", "signal", "spectrogram"):
            net = network(prediction_view=view, prediction_head=head)
            answers = net.supervised_logits(both, all_valid())
            assert len(answers) == 5
            assert any(torch.equal(answer, net.predict(both, all_valid())) for answer in answers.values())


def test_layerwise_stacks_are_symmetric_in_their_order() -> None:
    net, tokens, is_valid = network(), some_tokens(), all_valid()
    one = layerwise(net.signal_stack, net.spectrogram_stack, tokens.signal, tokens.spectrogram, is_valid)
    other = layerwise(net.spectrogram_stack, net.signal_stack, tokens.spectrogram, tokens.signal, is_valid)
    assert torch.equal(one[0], other[1])
    assert torch.equal(one[1], other[0])
