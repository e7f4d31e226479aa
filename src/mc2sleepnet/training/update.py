"""One step of training: what a phase has to bring, and one update of its parameters."""

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from mc2sleepnet.model.dropout import dropout_draws_from
from mc2sleepnet.model.precision import autocast
from mc2sleepnet.model.ranks import Ranks
from mc2sleepnet.training.batch import Batch
from mc2sleepnet.training.dropout_blocks import dropout_blocks
from mc2sleepnet.training.engine import begin_step
from mc2sleepnet.training.loop_options import LoopOptions
from mc2sleepnet.training.seeding import seeded_torch


class Phase(Protocol):
    """One phase of training: what is trained, by which loss, and how good it is by now."""

    @property
    def module(self) -> nn.Module:
        """Everything whose state has to survive an interruption."""

    @property
    def is_on_device(self) -> bool:
        """Whether all that `batch` reads lies on the device of training, so that nothing is to be read ahead."""

    def parameters(self) -> list[nn.Parameter]:
        """What the optimizer may change."""

    def enter_training(self) -> None:
        """Put every part in the mode the phase wants for a step."""

    def batch(self, indices: Tensor, masking: torch.Generator) -> Batch:
        """What a step works on: `indices` [B, L], some perhaps hidden, and what the network reads of them.

        Another thread may call it, while a step or a validation computes.
        """

    def loss(self, batch: Batch, masking: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch of sequences and its named terms, detached: the host waits for them once a step.

        Of several ranks each computes its own rows and returns the loss of all.
        """

    def validate(self) -> dict[str, float]:
        """Figures on the validation subjects; ``macro_f1`` decides, or, where there is none, ``loss``."""

    def save(self, figures: dict[str, float], step: int) -> None:
        """Keep the network as it is now: it is the best so far."""

    def recordings_of(self, indices: Tensor) -> list[str]:
        """Names of the recordings whose epochs are in a batch."""


def rate_at(options: LoopOptions, step: int, last_step: int) -> float:
    """Share of the learning rate that holds in a step: warm-up, then decay."""
    warm = min(1.0, (step + 1) / (options.warmup_steps + 1))
    return warm * (0.5 + 0.5 * math.cos(math.pi * step / last_step) if options.decay == "cosine" else 1.0)


def update(
    phase: Phase,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    masking: torch.Generator,
    options: LoopOptions,
    *,
    step: int,
    last_step: int,
) -> tuple[float, dict[str, float]]:
    """One optimizer update: the loss and its terms. Where the loss is not finite, NaN and no update."""
    phase.enter_training()
    for group in optimizer.param_groups:
        group["lr"] = options.learning_rate * rate_at(options, step, last_step)
    ranks, device = Ranks.current(), phase.parameters()[0].device
    begin_step(options.compile)
    blocks = dropout_blocks(batch.indices, options.dropout_blocks, device, seed=options.seed, step=step)
    with seeded_torch(options.seed, "dropout" if ranks.is_first else f"dropout of rank {ranks.rank}", step):
        with autocast(device, options.precision), dropout_draws_from(blocks):
            loss, terms = phase.loss(batch, masking)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
    ranks.add_up_gradients(phase.parameters())
    norm = nn.utils.clip_grad_norm_(phase.parameters(), options.gradient_clip)
    # The one place where the host waits for the device.
    told = torch.stack([one.detach().double() for one in (loss, norm, *terms.values())]).tolist()
    values = dict(zip(terms, told[2:], strict=True))
    if not (math.isfinite(told[0]) and math.isfinite(told[1])):
        return math.nan, values
    optimizer.step()
    return told[0], values
