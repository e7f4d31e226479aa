"""The rivals: composed of MC2SleepNet's parts where they are the same, and scored the same way."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH
from mc2sleepnet.model.architectures import ARCHITECTURES, build_network
from mc2sleepnet.model.cnn_lstm import CnnLstm, pad_to_cover
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.export import export_encoder, export_relator
from mc2sleepnet.model.network import MC2SleepNet
from mc2sleepnet.model.staging_network import StagingNetwork

L = 16
RIVALS = [name for name in ARCHITECTURES if name != "mc2sleepnet"]


def small(architecture: str, **options: object) -> StagingNetwork:
    shape = {"width": 0.125, "spectrogram_layers": 1, "sequence_layers": 1, **options}
    return build_network(NetworkConfig(architecture=architecture, **shape))  # type: ignore[arg-type]


def signal_uv(batch: int = 2) -> torch.Tensor:
    return 20 * torch.randn(batch, L, SAMPLES_PER_EPOCH, generator=torch.Generator().manual_seed(3))


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_network_scores_epochs_in_two_steps(architecture: str) -> None:
    network = small(architecture).eval()
    with torch.no_grad():
        tokens = network.epoch_tokens(signal_uv()[0])
        assert tokens.shape == (L, *network.token_shape)
        is_valid = torch.ones(1, L, dtype=torch.bool)
        torch.testing.assert_close(
            network(signal_uv()[:1], is_valid), network.predict(tokens[None], is_valid), atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize("architecture", RIVALS)
def test_every_parameter_of_a_rival_gets_gradient(architecture: str) -> None:
    network = small(architecture).train()
    is_valid = torch.ones(2, L, dtype=torch.bool)
    answers = network.supervised_logits(network.sequence_tokens(signal_uv(), is_valid), is_valid)
    torch.stack([logits.square().sum() for logits in answers.values()]).sum().backward()
    without = {name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()}
    # A narrow gate's one ReLU may be off for every epoch.
    assert {name for name in without if ".gate." not in name} == set()


@pytest.mark.parametrize("architecture", RIVALS)
def test_padding_changes_nothing_for_the_epochs_before_it(architecture: str) -> None:
    network = small(architecture).eval()
    is_valid = torch.arange(L)[None] < 10
    tokens = torch.randn(1, L, *network.token_shape, generator=torch.Generator().manual_seed(0))
    noisy = torch.where(is_valid[:, :, None, None], tokens, 100.0)
    with torch.no_grad():
        torch.testing.assert_close(
            network.predict(noisy, is_valid)[:, :10], network.predict(tokens, is_valid)[:, :10], atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize(("architecture", "other"), [("signal_only", 1), ("spectrogram_only", 0)])
def test_a_rival_of_one_modality_has_the_weights_and_the_answer_of_that_half_of_the_network(
    architecture: str, other: int
) -> None:
    whole, rival = small("mc2sleepnet").eval(), small(architecture).eval()
    assert isinstance(whole, MC2SleepNet)
    modality = architecture.removesuffix("_only")
    weights = whole.state_dict()
    rival.load_state_dict(
        {name: weights[name.replace("stack.", f"{modality}_stack.", 1)] for name in rival.state_dict()}
    )
    is_valid = torch.ones(2, L, dtype=torch.bool)
    with torch.no_grad():
        single = whole.single_view(whole.encode(signal_uv(), is_valid), is_valid)
        torch.testing.assert_close(rival(signal_uv(), is_valid), getattr(single, modality), atol=1e-4, rtol=1e-4)


def test_concatenation_is_the_networks_single_view_and_its_fusion_head() -> None:
    whole, rival = small("mc2sleepnet").eval(), small("concatenated").eval()
    assert isinstance(whole, MC2SleepNet)
    weights = whole.state_dict()
    rival.load_state_dict({name: weights[name] for name in rival.state_dict()})
    is_valid = torch.ones(2, L, dtype=torch.bool)
    with torch.no_grad():
        single = whole.single_view(whole.encode(signal_uv(), is_valid), is_valid)
        torch.testing.assert_close(rival(signal_uv(), is_valid), single.fusion, atol=1e-4, rtol=1e-4)


def test_the_cnn_lstm_has_the_published_sizes() -> None:
    """By hand: 3000 samples become ⌈/6⌉ 500, ⌈/8⌉ 63, ⌈/4⌉ 16; 16 · 128 = 2048 enter an LSTM of 128."""
    network = CnnLstm(NetworkConfig(architecture="cnn_lstm"))
    assert network.token_shape == (1, 2048)
    convolutions = 50 * 128 + 3 * 8 * 128 * 128 + 4 * 2 * 128
    lstm = 4 * 128 * (2048 + 128) + 2 * 4 * 128
    assert parameters(network) == convolutions + lstm + 128 * 5 + 5 == 1_516_421


def test_the_lstm_looks_back_and_never_ahead() -> None:
    network = small("cnn_lstm").eval()
    tokens, is_valid = torch.randn(1, L, *network.token_shape), torch.ones(1, L, dtype=torch.bool)
    later = tokens.clone()
    later[:, 9:] += 1
    with torch.no_grad():
        before, after = network.predict(tokens, is_valid), network.predict(later, is_valid)
    assert torch.equal(before[:, :9], after[:, :9])
    assert not torch.equal(before[:, 9:], after[:, 9:])


@pytest.mark.parametrize(("length", "kernel", "stride", "expected"), [(3000, 50, 6, 500), (63, 8, 1, 63), (7, 3, 2, 4)])
def test_padding_gives_as_many_samples_as_strides_begin(length: int, kernel: int, stride: int, expected: int) -> None:
    padded = pad_to_cover(torch.ones(1, 1, length), kernel, stride)
    assert (padded.shape[2] - kernel) // stride + 1 == expected


def compiled(path: Path) -> Any:
    import openvino

    return openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


@pytest.mark.parametrize("architecture", ["cnn_lstm", "spectrogram_only"])
def test_exported_encoders_give_the_rivals_tokens(architecture: str, tmp_path: Path) -> None:
    network = small(architecture).eval()
    export_encoder(network, tmp_path)
    with torch.no_grad():
        expected = network.epoch_tokens(signal_uv()[0])
    found = compiled(tmp_path / "encoder.onnx")([signal_uv()[0].numpy()])[0]
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-3)


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("cnn_lstm", {}),
        ("signal_only", {}),
        ("concatenated", {}),
        ("mc2sleepnet", {"cross_memory": "layerwise"}),
        ("mc2sleepnet", {"prediction_view": "single", "prediction_head": "spectrogram"}),
    ],
)
def test_exported_graphs_follow_every_option_that_changes_scoring(
    architecture: str, options: dict[str, object], tmp_path: Path
) -> None:
    network = small(architecture, **options).eval()
    export_relator(network, tmp_path)
    generator = torch.Generator().manual_seed(1)
    is_valid = torch.rand(3, L, generator=generator) > 0.2
    is_valid[:, 0] = True
    tokens = torch.randn(3, L, *network.token_shape, generator=generator)
    with torch.no_grad():
        expected = network.predict(tokens, is_valid).log_softmax(dim=2)
    answers = compiled(tmp_path / "sequence.onnx")([tokens.numpy(), is_valid.numpy()])[0]
    np.testing.assert_allclose(answers[is_valid.numpy()], expected[is_valid].numpy(), atol=1e-4)
