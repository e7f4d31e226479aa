"""Operations and bytes per epoch of each part of training, and their bounds. Run: python bench/floor.py [WIDTH].

Operations are counted by torch (`FlopCounterMode`: matrix products and convolutions, two for a multiply-add), bytes by
a dispatch mode that adds up what every operation reads and writes, as an engine does that fuses nothing. A fused engine
moves less, so the bound by bytes is one for eager execution; the bound by operations holds for all.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from mc2sleepnet.core.stages import N_STAGES, SAMPLES_PER_EPOCH
from mc2sleepnet.model.losses import info_nce, negative_pairs, restoration_l1, stage_cross_entropy
from mc2sleepnet.model.masking import sample_is_masked
from mc2sleepnet.model.network import MC2SleepNet, NetworkConfig, Tokens
from mc2sleepnet.model.pretraining_network import PretrainingNetwork

SEQUENCES, LENGTH = 4, 16
# NVIDIA's data sheet of the H100 SXM: dense bf16 on tensor cores, memory.
H100_FLOP_PER_S, H100_BYTES_PER_S = 989e12, 3.35e12


class ByteCounter(TorchDispatchMode):
    """Adds up the bytes that operations read and write; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.n_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        read = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        written = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        known = {leaf.untyped_storage().data_ptr() for leaf in read}
        if all(leaf.untyped_storage().data_ptr() in known for leaf in written) and not func._schema.is_mutable:
            return out
        self.n_bytes += sum(leaf.numel() * leaf.element_size() for leaf in (*read, *written))
        return out


@dataclass(frozen=True)
class Cost:
    """What a part costs per epoch, forward and backward."""

    flop: float
    n_bytes: float

    def epochs_per_s(self, flop_per_s: float, bytes_per_s: float) -> float:
        return 1 / max(self.flop / flop_per_s, self.n_bytes / bytes_per_s)


def cost(step: Callable[[], None], n_epochs: int) -> Cost:
    with FlopCounterMode(display=False) as operations:
        step()
    with ByteCounter() as moved:
        step()
    return Cost(operations.get_total_flops() / n_epochs, moved.n_bytes / n_epochs)


def costs(width: float) -> dict[str, Cost]:
    """Of every part of the network at a width, and of both phases whole."""
    model = PretrainingNetwork(NetworkConfig(width=width)).to(memory_format=torch.channels_last)
    network, n_epochs = model.network, SEQUENCES * LENGTH
    signal_uv = torch.randn(n_epochs, SAMPLES_PER_EPOCH) * 20
    is_valid = torch.ones(SEQUENCES, LENGTH, dtype=torch.bool)
    stage = torch.randint(N_STAGES, (SEQUENCES, LENGTH))
    epoch = torch.arange(n_epochs)
    frames = network.spectrogram(signal_uv)
    halves = [torch.randn(SEQUENCES, LENGTH, network.config.token_width) for _ in range(2)]
    tokens = Tokens(*(half.requires_grad_() for half in halves))

    def backward(loss: Tensor) -> None:
        model.zero_grad(set_to_none=True)
        loss.backward()

    def whole() -> None:
        encoded = network.encode(signal_uv.reshape(SEQUENCES, LENGTH, -1), is_valid)
        backward(pretraining_loss(model, encoded, is_valid, stage, epoch))

    return {
        "spectrogram": cost(lambda: void(network.spectrogram(signal_uv)), n_epochs),
        "signal backbone": cost(lambda: backward(network.signal_backbone(signal_uv).sum()), n_epochs),
        "spectrogram backbone": cost(lambda: backward(network.spectrogram_backbone(frames).sum()), n_epochs),
        "stacks, single view": cost(lambda: backward(sum_of(network.single_view(tokens, is_valid))), n_epochs),
        "stacks, cross view": cost(lambda: backward(sum_of(network.cross_view(tokens, is_valid))), n_epochs),
        "pre-training step": cost(whole, n_epochs),
        "fine-tuning step": cost(lambda: backward(finetuning_loss(network, tokens, is_valid, stage)), n_epochs),
    }


def pretraining_loss(
    model: PretrainingNetwork, tokens: Tokens, is_valid: Tensor, stage: Tensor, epoch: Tensor
) -> Tensor:
    logits = model.single_view(tokens, is_valid)
    project = model.extra.projector
    is_masked = [sample_is_masked(is_valid, 0.5, torch.Generator().manual_seed(0)) for _ in tokens]
    restored = model.restore(tokens, *is_masked, is_valid)
    negatives = negative_pairs(epoch, torch.zeros_like(epoch))
    nce = info_nce(project(tokens.signal[is_valid]), project(tokens.spectrogram[is_valid]), negatives, temperature=0.07)
    lost = [restoration_l1(found, kept.detach(), is_valid) for found, kept in zip(restored, tokens, strict=True)]
    return torch.stack([*(stage_cross_entropy(head, stage) for head in logits), nce, *lost]).sum()


def finetuning_loss(network: MC2SleepNet, tokens: Tokens, is_valid: Tensor, stage: Tensor) -> Tensor:
    heads = [*network.single_view(tokens, is_valid)[:2], *network.cross_view(tokens, is_valid)]
    return torch.stack([stage_cross_entropy(head, stage) for head in heads]).sum()


def sum_of(logits: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([head.sum() for head in logits]).sum()


def void(_: object) -> None:
    return None


def fastest(step: Callable[[], object], seconds: float = 1.0) -> float:
    """The shortest of the repeats that fit into some seconds: noise only ever adds."""
    step()
    best, started = float("inf"), time.perf_counter()
    while time.perf_counter() - started < seconds:
        begun = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - begun)
    return best


def this_machine() -> tuple[float, float]:
    """Operations and bytes per second of a large matrix product and of a large copy, now."""
    side, n = 1024, 2**25
    a, b = torch.randn(side, side), torch.randn(side, side)
    source, target = torch.randn(n), torch.empty(n)
    return 2 * side**3 / fastest(lambda: a @ b), 2 * 4 * n / fastest(lambda: target.copy_(source))


def bounds(of_part: Cost, flop_per_s: float, bytes_per_s: float) -> tuple[float, float, float]:
    """Epochs per second: here by operations, here in eager execution, on an H100 in eager bf16 (half the bytes)."""
    half = Cost(of_part.flop, of_part.n_bytes / 2)
    return (
        of_part.epochs_per_s(flop_per_s, float("inf")),
        of_part.epochs_per_s(flop_per_s, bytes_per_s),
        half.epochs_per_s(H100_FLOP_PER_S, H100_BYTES_PER_S),
    )


def main() -> None:
    width = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    flop_per_s, bytes_per_s = this_machine()
    print(f"width {width:g}; this machine, {torch.get_num_threads()} threads: {flop_per_s / 1e9:.0f} GFLOP/s, ", end="")
    print(
        f"{bytes_per_s / 1e9:.1f} GB/s; H100: {H100_FLOP_PER_S / 1e12:.0f} TFLOP/s, {H100_BYTES_PER_S / 1e12:.2f} TB/s"
    )
    print(f"{'':<22} {'per epoch':>19} {'at the most, epochs/s':>41}")
    print(f"{'part':<22} {'MFLOP':>10} {'MB':>8} {'here':>13} {'here, eager':>13} {'H100, eager':>13}")
    for part, of_part in costs(width).items():
        here, eager, h100 = bounds(of_part, flop_per_s, bytes_per_s)
        print(
            f"{part:<22} {of_part.flop / 1e6:>10.1f} {of_part.n_bytes / 1e6:>8.1f} "
            f"{here:>13,.0f} {eager:>13,.0f} {h100:>13,.0f}"
        )


if __name__ == "__main__":
    main()
