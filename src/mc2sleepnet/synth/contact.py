"""Electrodes come off, are plugged late, or sit badly while somebody is awake and moves.

Real wake is the least uniform of stages: in the UCDDB subjects band powers of wake epochs differ by 7 dB where those of
a tidy generator differ by 4, because recorders run before the electrodes are plugged and after they are taken off.
"""

import math

import torch
from torch import Generator, Tensor

from mc2sleepnet.core.shapes import Float, Int
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH

# Share of nights with electrodes off for a while; how many stretches at most, their length and what is left of it.
SHARE_OF_NIGHTS, MOST_STRETCHES = 0.45, 4
STRETCH_EPOCHS = (1.0, 40.0)
LEFT_OF_SIGNAL = (0.003, 0.4)
LOOSE_NOISE_UV = (0.3, 30.0)
# Deviation of ln gain between wake epochs, by how a head lies on its electrodes.
GREATEST_WAKE_SPREAD = 0.4
MEMORY = 0.8


def loosen(signal: Float[Tensor, " T"], stage: Int[Tensor, " N"], generator: Generator) -> Float[Tensor, " T"]:
    """Let contact vary through wake, and go altogether in some stretches of it; sleep stays as it is.

    Shape: [N · 3000] µV, [N] stages → [N · 3000] µV
    """
    device = signal.device
    u = torch.rand(3, generator=generator, device=device).tolist()
    is_wake = (stage == 0) | (stage < 0)
    epochs = signal.reshape(-1, SAMPLES_PER_EPOCH)
    spread = GREATEST_WAKE_SPREAD * u[0] * _wander(len(stage), generator)
    epochs = epochs * torch.where(is_wake, spread, 0.0).exp()[:, None]
    wake = is_wake.nonzero()[:, 0]
    if u[1] < SHARE_OF_NIGHTS and len(wake):
        for _ in range(1 + int(MOST_STRETCHES * u[2])):
            epochs = _off(epochs, is_wake, wake, generator)
    return epochs.reshape(-1)


def _off(epochs: Tensor, is_wake: Tensor, wake: Tensor, generator: Generator) -> Tensor:
    """Electrodes off from some wake epoch on, as long as wake lasts or less: little signal, much noise."""
    u = torch.rand(4, generator=generator, device=epochs.device).tolist()
    first = int(wake[int(u[0] * len(wake))])
    last = min(first + math.ceil(_log_uniform(STRETCH_EPOCHS, u[1])), len(epochs))
    awake_until = first
    while awake_until < last and bool(is_wake[awake_until]):
        awake_until += 1
    part = epochs[first:awake_until]
    noise = torch.randn(part.shape, generator=generator, device=epochs.device)
    epochs[first:awake_until] = _log_uniform(LEFT_OF_SIGNAL, u[2]) * part + _log_uniform(LOOSE_NOISE_UV, u[3]) * noise
    return epochs


def _wander(count: int, generator: Generator) -> Float[Tensor, " N"]:
    """AR(1) noise of variance one."""
    white = torch.randn(count + 32, generator=generator, device=generator.device)
    kernel = MEMORY ** torch.arange(32, device=generator.device) * math.sqrt(1 - MEMORY**2)
    return (white.unfold(0, 32, 1) @ kernel.flip(0))[:count]


def _log_uniform(between: tuple[float, float], u: float) -> float:
    return between[0] * math.exp(u * math.log(between[1] / between[0]))
