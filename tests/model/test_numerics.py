"""Arithmetic that must hold to a stated number of digits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mc2sleepnet.model.encoder_layer import Attention
from mc2sleepnet.model.precision import LayerNorm, autocast, full_precision
from mc2sleepnet.model.spectrogram import Spectrogram, fourier_basis


def attention_by_loops(attention: Attention, queries: Tensor, memory: Tensor, is_valid: Tensor) -> Tensor:
    """Written out in float64, example by example and head by head."""
    weights = {name: layer.weight.double() for name, layer in attention.named_children()}
    queries, memory = queries.double(), memory.double()
    size = queries.shape[2] // attention.heads
    outputs = []
    for example in range(len(queries)):
        heads = []
        for head in range(attention.heads):
            rows = slice(head * size, (head + 1) * size)
            q, k, v = (
                tokens[example] @ weights[name][rows].T
                for name, tokens in (("query", queries), ("key", memory), ("value", memory))
            )
            score = (q @ k.T / size**0.5).masked_fill(~is_valid[example][None], -torch.inf)
            share = (score - score.amax(dim=1, keepdim=True)).exp()
            heads.append(share / share.sum(dim=1, keepdim=True) @ v)
        outputs.append(torch.cat(heads, dim=1) @ weights["output"].T)
    return torch.stack(outputs)


@pytest.mark.parametrize(("width", "heads", "length"), [(128, 8, 16), (128, 4, 16), (128, 8, 29), (32, 8, 16)])
def test_attention_in_float32_agrees_with_a_written_out_float64_reference_to_1e_5(
    width: int, heads: int, length: int
) -> None:
    torch.manual_seed(0)
    attention = Attention(width=width, heads=heads)
    queries, memory = torch.randn(3, length, width), torch.randn(3, length, width)
    is_valid = torch.rand(3, length) > 0.3
    is_valid[:, 0] = True
    with torch.no_grad():
        expected = attention_by_loops(attention, queries, memory, is_valid)
        error = (attention(queries, memory, is_valid).double() - expected).abs().max()
    assert error <= 1e-5


def test_a_real_nights_spectrogram_in_float32_is_within_a_hundredth_of_a_decibel_of_float64(real_data: Path) -> None:
    from mc2sleepnet.signals import read_epochs

    night = read_epochs(real_data / "ucddb" / "ucddb022.edf")
    signal_uv = torch.from_numpy(night.signal_uv[night.is_scorable][::20].copy())
    precise = Spectrogram().double()
    precise.cosines, precise.sines = fourier_basis()
    error_db = (Spectrogram().decibels(signal_uv).double() - precise.decibels(signal_uv.double())).abs().numpy()
    assert np.quantile(error_db, 0.999) < 0.01


def test_layer_norm_and_spectrogram_never_round_to_bfloat16() -> None:
    norm, front_end = LayerNorm(64), Spectrogram()
    x = torch.randn(4, 64).to(torch.bfloat16)
    assert norm(x).dtype == torch.float32
    assert torch.equal(norm(x), torch.nn.LayerNorm(64)(x.float()))
    assert norm.double()(x.double()).dtype == torch.float64
    signal_uv = 20 * torch.randn(2, 3000)
    plain = front_end(signal_uv)
    with autocast(torch.device("cpu"), "bf16"):
        assert torch.equal(front_end(signal_uv), plain)
        assert torch.mm(torch.eye(2), torch.eye(2)).dtype == torch.bfloat16
        with full_precision(torch.device("cpu")):
            assert torch.mm(torch.eye(2), torch.eye(2)).dtype == torch.float32
