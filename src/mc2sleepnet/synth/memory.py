"""How long what an epoch's band powers do about their stage's mean lasts.

Real deviations are white noise for a sixth to two thirds of their variance, and the rest lasts up to half an hour
(`derive_memory`). One AR(1) process with the correlation of neighbouring epochs forgets within minutes. Both are here,
for networks that learned from long memories have not done better on a real night (docs/log.md, 2026-11-30).
"""

import math
from typing import Literal

import numpy as np
import torch
from torch import Generator, Tensor

from mc2sleepnet.core.shapes import Float, Int
from mc2sleepnet.core.stages import N_STAGES
from mc2sleepnet.synth.reference_tables import Dynamics, band_power_table
from mc2sleepnet.synth.spectra import N_BANDS
from mc2sleepnet.synth.traits import matrix_root

Memory = Literal["minutes", "half-hour"]
# After so many epochs the memory of an AR(1) process of 0.75 is below 1e-4.
MINUTES_EPOCHS = 32
# A process is cut off after so many times the epochs in which it forgets: what is left is e^-5 of it.
MEMORIES_KEPT = 5


def dynamics_of(memory: Memory) -> Dynamics:
    """The table's side that goes with a memory.

    Raises
    ------
    KeyError
        If there is no memory of that name.
    """
    table = band_power_table()
    return {"minutes": table.minutes, "half-hour": table.half_hour}[memory]


def normal_scores(stage: Int[Tensor, " N"], generator: Generator, memory: Memory) -> Float[Tensor, "N W"]:
    """Standard normal processes with each stage's memory and correlation over bands.

    Raises
    ------
    KeyError
        If there is no memory of that name.
    """
    correlation = dynamics_of(memory).normal_correlation
    process = _minutes(stage, generator) if memory == "minutes" else _half_hour(stage, generator)
    roots = torch.as_tensor(
        np.stack([matrix_root(c) for c in correlation]), dtype=torch.float32, device=generator.device
    )
    return torch.einsum("nvw,nw->nv", roots[stage], process)


def _minutes(stage: Int[Tensor, " N"], generator: Generator) -> Float[Tensor, "N W"]:
    """One AR(1) process, as all stages remember it."""
    device = generator.device
    lag1 = torch.as_tensor(band_power_table().lag1, dtype=torch.float32, device=device)
    age = torch.arange(MINUTES_EPOCHS, device=device)
    kernel = lag1[..., None] ** age * (1 - lag1[..., None] ** 2).sqrt()
    noise = torch.randn(N_BANDS, len(stage) + MINUTES_EPOCHS - 1, generator=generator, device=device)
    past = noise.unfold(1, MINUTES_EPOCHS, 1).flip(-1)
    every_stage = torch.einsum("wnm,swm->nsw", past, kernel)
    return every_stage[torch.arange(len(stage), device=device), stage]


def _half_hour(stage: Int[Tensor, " N"], generator: Generator) -> Float[Tensor, "N W"]:
    """Processes that forget at once, in minutes and in half an hour; partly the same in all stages."""
    table, device = band_power_table(), generator.device
    remembered = _remembered(len(stage), generator)
    own, common = remembered[stage, torch.arange(len(stage), device=device)], remembered[-1]
    process = math.sqrt(1 - table.shared_by_stages) * own + math.sqrt(table.shared_by_stages) * common
    share = torch.as_tensor(table.memory_share, dtype=torch.float32, device=device)[stage]
    return (share.sqrt() * process).sum(-1)


def _remembered(n_epochs: int, generator: Generator) -> Float[Tensor, "P N W M"]:
    """Standard normal processes of each memory: of the five stages, and one that they share. Shape: [6, N, W, M]"""
    device = generator.device
    memories = torch.as_tensor(band_power_table().memory_epochs, dtype=torch.float32, device=device)
    n_kept = int(MEMORIES_KEPT * memories.max()) + 1
    age = torch.arange(n_kept, device=device)
    kernel = torch.where(age == 0, 1.0, torch.exp(-age / memories.clamp(min=1e-3)[:, None]))
    kernel = kernel / kernel.square().sum(1, keepdim=True).sqrt()
    shape = (N_STAGES + 1, N_BANDS, len(memories), n_epochs + n_kept - 1)
    noise = torch.randn(shape, generator=generator, device=device).flatten(0, 1)
    past = torch.nn.functional.conv1d(noise, kernel.flip(1)[:, None], groups=len(memories))
    return past.reshape(*shape[:3], n_epochs).permute(0, 3, 1, 2)
