"""Band powers of each epoch: drawn about their stage's mean with the tails, correlations and memory of real nights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Generator, Tensor

from mc2sleepnet.core.shapes import Float, Int
from mc2sleepnet.synth.memory import Memory, dynamics_of, normal_scores
from mc2sleepnet.synth.reference_tables import Dynamics, band_power_table
from mc2sleepnet.synth.spectra import N_BANDS
from mc2sleepnet.synth.traits import CHANNELS, NightTraits

# How much of an epoch's deviation the two channels share; assumed, the table holds each channel alone.
CHANNEL_CORRELATION = 0.75


@dataclass(frozen=True, kw_only=True)
class BandPowers:
    """What one channel's bands do through a night, ln µV².

    Attributes
    ----------
    stage_log_power
        Shape ``[5 stages, W]``: this night's mean of each stage.
    target
        Shape ``[N, W]``: what each epoch's median Welch powers shall be.
    deviation
        Shape ``[N, W]``: `target` less the mean of the epoch's stage.
    """

    stage_log_power: Tensor
    target: Tensor
    deviation: Tensor


# The powers of each channel, and the normal scores ``[N, W]`` of the first: how an epoch differs from its stage, for
# whatever else should go with it (blinks with δ, spindles with σ).
DrawnPowers = tuple[list[BandPowers], Tensor]


def draw_band_powers(
    stage: Int[Tensor, " N"],
    *,
    traits: NightTraits,
    generator: Generator,
    montage: Sequence[float],
    memory: Memory = "minutes",
) -> DrawnPowers:
    """Draw every epoch's powers for each channel, by its place between Fpz-Cz (0) and Pz-Oz (1).

    Normal scores, correlated over bands and in time, are mapped to the stage's own distribution (a Gaussian copula),
    and lean towards the means of the neighbouring stages as real epochs do near a change of stage.
    """
    table, device = band_power_table(), generator.device
    dynamics = dynamics_of(memory)
    scores = normal_scores(stage, generator, memory)
    own = normal_scores(stage, generator, memory) if len(montage) > 1 else scores
    drawn = []
    front, back = (table.channels[name] for name in CHANNELS)
    fpz = _deviations(front.within_cov)
    for index, place in enumerate(montage):
        offset = _mixed(traits.power_offset[0], traits.power_offset[1], place) + 2.0 * np.log(traits.gain_uv)
        mean = _tensor(_mixed(front.mean, back.mean, place) + offset, device)
        z = scores if index == 0 else CHANNEL_CORRELATION * scores + (1 - CHANNEL_CORRELATION**2) ** 0.5 * own
        spread = _tensor(_mixed(fpz, _deviations(back.within_cov), place) / fpz, device)
        deviation = _to_residuals(z, stage, dynamics) * spread[stage] + _context(stage, mean, dynamics)
        drawn.append(BandPowers(stage_log_power=mean, target=mean[stage] + deviation, deviation=deviation))
    return drawn, scores


def _mixed(front: NDArray[np.float64], back: NDArray[np.float64], place: float) -> NDArray[np.float64]:
    """Between two derivations, or a little beyond either."""
    return (1 - place) * front + place * back


def _deviations(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))


def _tensor(values: NDArray[np.float64], device: torch.device) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32, device=device)


def _to_residuals(scores: Float[Tensor, "N W"], stage: Int[Tensor, " N"], dynamics: Dynamics) -> Float[Tensor, "N W"]:
    """Normal scores to deviations in ln power by the real quantiles, straight lines between them."""
    device = scores.device
    at = _tensor(norm.ppf(band_power_table().quantile_at), device)
    quantiles = _tensor(dynamics.quantiles, device)
    z = scores.clamp(float(at[0]), float(at[-1]))
    right = torch.searchsorted(at, z.contiguous()).clamp(1, len(at) - 1)
    own = quantiles[stage]
    low, high = own.gather(-1, (right - 1)[..., None])[..., 0], own.gather(-1, right[..., None])[..., 0]
    return low + (high - low) * (z - at[right - 1]) / (at[right] - at[right - 1])


def _context(stage: Int[Tensor, " N"], mean: Float[Tensor, "S W"], dynamics: Dynamics) -> Float[Tensor, "N W"]:
    """Lean of each epoch towards the stage means of its neighbours; over all epochs of a stage it is nothing."""
    index = torch.arange(len(stage), device=stage.device)
    lean = torch.zeros(len(stage), N_BANDS, device=stage.device)
    weights = _tensor(dynamics.context_weight, stage.device)[stage]
    for place, (first, last) in enumerate(dynamics.context_windows):
        neighbours = (index[:, None] + torch.arange(first, last + 1, device=stage.device)).clamp(0, len(stage) - 1)
        lean += weights[:, place] * (mean[stage[neighbours]].mean(dim=1) - mean[stage])
    is_stage = torch.nn.functional.one_hot(stage, len(mean)).to(lean.dtype)
    of_stage = (is_stage.T @ lean) / is_stage.sum(0).clamp(min=1)[:, None]
    return lean - of_stage[stage]
