"""Bands wax and wane within the epoch, and arousals break through: what a mean over 30 s hides."""

import math

import torch
from torch import Generator, Tensor

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.synth.frames import HOP_S
from mc2sleepnet.synth.spectra import N_BANDS

# Deviations of ln power from frame to frame (δ θ α σ β) and how fast they fade. Without such dynamics a network
# taught by synthetic nights scored a real one at κ .61 rather than .69 (feasibility study); sizes set by eye.
FAST_SD, FAST_S = (0.45, 0.35, 0.5, 0.45, 0.3), 4.0
SLOW_SD, SLOW_S = (0.25, 0.2, 0.3, 0.25, 0.2), 20.0
# A part of it all bands share.
SHARED = 0.4

# Arousals per minute in W N1 N2 N3 R (Bonnet & Arand 2007: 10–20 an hour of sleep), 3–15 s of faster rhythms.
AROUSALS_PER_MIN = (0.0, 0.35, 0.2, 0.08, 0.25)
AROUSAL_S = (3.0, 15.0)
AROUSAL_LOG_POWER = (-0.2, 0.1, 1.0, 0.5, 1.3)


def modulation(
    states: Float[Tensor, "F S"], *, generator: Generator, arousals: float = 1.0, restless: float = 0.0
) -> Float[Tensor, "F W"]:
    """Deviation of each frame's ln band powers from its epoch's.

    `arousals` is a factor on their number, `restless` how much more varies awake.
    """
    fast = fading_noise(len(states), FAST_S, generator) * torch.tensor(FAST_SD, device=states.device)
    slow = fading_noise(len(states), SLOW_S, generator) * torch.tensor(SLOW_SD, device=states.device)
    # Awake, people move and look about: bands vary more from second to second.
    unrest = 1 + restless * states[:, :1]
    return unrest * (fast + slow) + _arousals(states, generator, arousals)


def fading_noise(count: int, fade_s: float, generator: Generator) -> Float[Tensor, "F W"]:
    """AR(1) noise of variance one with the given time constant, partly shared by the bands."""
    decay = math.exp(-HOP_S / fade_s)
    memory = math.ceil(5 * fade_s / HOP_S)
    kernel = decay ** torch.arange(memory, device=generator.device)
    kernel = kernel / kernel.square().sum().sqrt()
    white = torch.randn(count + memory - 1, N_BANDS + 1, generator=generator, device=generator.device)
    process = white.unfold(0, memory, 1) @ kernel.flip(0)
    return math.sqrt(SHARED) * process[:, -1:] + math.sqrt(1 - SHARED) * process[:, :-1]


def _arousals(states: Float[Tensor, "F S"], generator: Generator, factor: float) -> Float[Tensor, "F W"]:
    device, count = states.device, len(states)
    expected = states @ torch.tensor(AROUSALS_PER_MIN, device=device) * (factor * HOP_S / 60)
    begins = torch.rand(count, generator=generator, device=device) < expected
    start = begins.nonzero()[:, 0]
    low, high = AROUSAL_S
    duration_s = low + (high - low) * torch.rand(len(start), generator=generator, device=device) ** 2
    frames = torch.arange(math.ceil(high / HOP_S), device=device)
    is_on = frames * HOP_S < duration_s[:, None]
    at = (start[:, None] + frames).clamp(max=count - 1)
    level = torch.zeros(count, device=device).index_put_((at[is_on],), torch.ones((), device=device))
    return level[:, None] * torch.tensor(AROUSAL_LOG_POWER, device=device)
