"""One step of training: what a phase has to bring, and one update of its parameters."""

import math
from collections.abc import Iterable
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
        """What a step works on, on the host: `indices` [B, L], some perhaps hidden, and all that is asked of them.

        Another thread may call it, while a step or a validation computes.
        """

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch of sequences, on the device, and its named terms, detached; nothing in it waits for a GPU.

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


class Told:
    """What a step has to tell, on its way from the device: the loss, its gradient's norm, the loss's terms."""

    def __init__(self, names: Iterable[str], values: Tensor) -> None:
        self._names, self._values, self._arrival = tuple(names), values, None
        if values.is_cuda:
            self._values = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            self._values.copy_(values, non_blocking=True)
            self._arrival = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._arrival.record()

    def read(self) -> tuple[float, dict[str, float]]:
        """Wait for it. The loss is NaN where it or its gradient was not finite."""
        if self._arrival is not None:
            self._arrival.synchronize()
        loss, norm, *terms = self._values.tolist()
        is_finite = math.isfinite(loss) and math.isfinite(norm)
        return loss if is_finite else math.nan, dict(zip(self._names, terms, strict=True))


def update(
    phase: Phase,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    options: LoopOptions,
    *,
    step: int,
    last_step: int,
) -> Told:
    """One optimizer update. The host does not wait for a GPU: whoever wants to know, reads what is told."""
    phase.enter_training()
    for group in optimizer.param_groups:
        group["lr"] = options.learning_rate * rate_at(options, step, last_step)
    ranks, device = Ranks.current(), phase.parameters()[0].device
    begin_step(options.compile)
    blocks = dropout_blocks(batch.indices, options.dropout_blocks, device, seed=options.seed, step=step)
    with seeded_torch(options.seed, "dropout" if ranks.is_first else f"dropout of rank {ranks.rank}", step):
        with autocast(device, options.precision), dropout_draws_from(blocks):
            loss, terms = phase.loss(batch.on(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
    ranks.add_up_gradients(phase.parameters())
    norm = nn.utils.clip_grad_norm_(phase.parameters(), options.gradient_clip)
    told = Told(terms, torch.stack([one.detach().double() for one in (loss, norm, *terms.values())]))
    optimizer.step()
    return told
