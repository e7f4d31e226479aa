"""Band powers of each epoch: drawn about their stage's mean with the tails, correlations and memory of real nights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Generator, Tensor

from mc2sleepnet.core.shapes import Float, Int
from mc2sleepnet.synth.reference_tables import band_power_table
from mc2sleepnet.synth.spectra import N_BANDS
from mc2sleepnet.synth.traits import CHANNELS, NightTraits, matrix_root

# How much of an epoch's deviation the two channels share; assumed, the table holds each channel alone.
CHANNEL_CORRELATION = 0.75
# After so many epochs the memory of an AR(1) process of 0.75 is below 1e-4.
MEMORY_EPOCHS = 32


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


def draw_band_powers(
    stage: Int[Tensor, " N"], *, traits: NightTraits, generator: Generator, montage: Sequence[float]
) -> tuple[list[BandPowers], Float[Tensor, "N W"]]:
    """Draw every epoch's powers for each channel, by its place between Fpz-Cz (0) and Pz-Oz (1).

    An AR(1) process of normal scores, correlated over bands, is mapped to the stage's own distribution (a Gaussian
    copula), and leans towards the means of the neighbouring stages as real epochs do near a change of stage.

    Returns
    -------
    tuple
        The powers of each channel, and the normal scores ``[N, W]`` of the first: how an epoch differs from its
        stage, for whatever else should go with it (blinks with δ, spindles with σ).
    """
    table, device = band_power_table(), generator.device
    scores = _scores(stage, generator)
    own = _scores(stage, generator) if len(montage) > 1 else scores
    drawn = []
    front, back = (table.channels[name] for name in CHANNELS)
    fpz = _deviations(front.within_cov)
    for index, place in enumerate(montage):
        offset = _mixed(traits.power_offset[0], traits.power_offset[1], place) + 2.0 * np.log(traits.gain_uv)
        mean = _tensor(_mixed(front.mean, back.mean, place) + offset, device)
        z = scores if index == 0 else CHANNEL_CORRELATION * scores + (1 - CHANNEL_CORRELATION**2) ** 0.5 * own
        spread = _tensor(_mixed(fpz, _deviations(back.within_cov), place) / fpz, device)
        deviation = _to_residuals(z, stage) * spread[stage] + _context(stage, mean)
        drawn.append(BandPowers(stage_log_power=mean, target=mean[stage] + deviation, deviation=deviation))
    return drawn, scores


def _mixed(front: NDArray[np.float64], back: NDArray[np.float64], place: float) -> NDArray[np.float64]:
    """Between two derivations, or a little beyond either."""
    return (1 - place) * front + place * back


def _deviations(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))


def _tensor(values: NDArray[np.float64], device: torch.device) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32, device=device)


def _scores(stage: Int[Tensor, " N"], generator: Generator) -> Float[Tensor, "N W"]:
    """Standard normal processes with each stage's memory and correlation over bands."""
    table, device = band_power_table(), generator.device
    lag1 = _tensor(table.residual_normal_lag1, device)
    age = torch.arange(MEMORY_EPOCHS, device=device)
    kernel = lag1[..., None] ** age * (1 - lag1[..., None] ** 2).sqrt()
    noise = torch.randn(N_BANDS, len(stage) + MEMORY_EPOCHS - 1, generator=generator, device=device)
    past = noise.unfold(1, MEMORY_EPOCHS, 1).flip(-1)
    every_stage = torch.einsum("wnm,swm->nsw", past, kernel)
    process = every_stage[torch.arange(len(stage), device=device), stage]
    roots = _tensor(np.stack([matrix_root(c) for c in table.residual_normal_correlation]), device)
    return torch.einsum("nvw,nw->nv", roots[stage], process)


def _to_residuals(scores: Float[Tensor, "N W"], stage: Int[Tensor, " N"]) -> Float[Tensor, "N W"]:
    """Normal scores to deviations in ln power by the real quantiles, straight lines between them."""
    table, device = band_power_table(), scores.device
    at = _tensor(norm.ppf(table.residual_quantile_at), device)
    quantiles = _tensor(table.residual_quantiles, device)
    z = scores.clamp(float(at[0]), float(at[-1]))
    right = torch.searchsorted(at, z.contiguous()).clamp(1, len(at) - 1)
    own = quantiles[stage]
    low, high = own.gather(-1, (right - 1)[..., None])[..., 0], own.gather(-1, right[..., None])[..., 0]
    return low + (high - low) * (z - at[right - 1]) / (at[right] - at[right - 1])


def _context(stage: Int[Tensor, " N"], mean: Float[Tensor, "S W"]) -> Float[Tensor, "N W"]:
    """Lean of each epoch towards the stage means of its neighbours; over all epochs of a stage it is nothing."""
    table = band_power_table()
    index = torch.arange(len(stage), device=stage.device)
    lean = torch.zeros(len(stage), N_BANDS, device=stage.device)
    weights = _tensor(table.context_weight, stage.device)[stage]
    for place, lag in enumerate(table.context_lags):
        neighbour = stage[(index + lag).clamp(0, len(stage) - 1)]
        lean += weights[:, place] * (mean[neighbour] - mean[stage])
    is_stage = torch.nn.functional.one_hot(stage, len(mean)).to(lean.dtype)
    of_stage = (is_stage.T @ lean) / is_stage.sum(0).clamp(min=1)[:, None]
    return lean - of_stage[stage]
