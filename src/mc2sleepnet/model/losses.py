"""The three losses, as pure functions: InfoNCE over epochs, L1 over restored tokens, cross-entropy over stages."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from mc2sleepnet.core.shapes import Bool, Float, Int
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.model.precision import at_least_float32, full_precision


def negative_pairs(
    epoch: Int[Tensor, "M"], recording: Int[Tensor, "M"], *, skip_neighbours: bool = False
) -> Bool[Tensor, "M M"]:
    """Which pairs (i, j) of a batch's epochs are negatives of each other.

    An epoch met twice, in overlapping sequences, is never its own negative; with `skip_neighbours` neither are
    the epochs right before and after it in the same recording.

    Parameters
    ----------
    epoch
        Number of each example's epoch, unique over recordings and consecutive within one.
    recording
        Number of each example's recording.
    """
    distance = (epoch[:, None] - epoch[None, :]).abs()
    is_negative = distance > 0
    if skip_neighbours:
        is_negative &= (distance > 1) | (recording[:, None] != recording[None, :])
    return is_negative


def info_nce(
    signal: Float[Tensor, "M D"],
    spectrogram: Float[Tensor, "M D"],
    is_negative: Bool[Tensor, "M M"],
    *,
    temperature: float,
) -> Float[Tensor, ""]:
    """Symmetric InfoNCE between two embeddings of the same epochs (van den Oord et al. 2018).

    ``−log exp(s_ii/τ) / (exp(s_ii/τ) + Σ_{j negative of i} exp(s_ij/τ))``, s the cosine similarity, averaged over
    epochs and over both directions.
    """
    signal, spectrogram = at_least_float32(signal), at_least_float32(spectrogram)
    with full_precision(signal.device):
        similarity = F.normalize(signal, dim=1) @ F.normalize(spectrogram, dim=1).T / temperature
    is_kept = is_negative | torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    similarity = similarity.masked_fill(~is_kept, -torch.inf)
    positive = torch.arange(len(similarity), device=similarity.device)
    return (F.cross_entropy(similarity, positive) + F.cross_entropy(similarity.T, positive)) / 2


def restoration_l1(
    restored: Float[Tensor, "B L D"],
    target: Float[Tensor, "B L D"],
    is_counted: Bool[Tensor, "B L"],
    *,
    reduction: Literal["mean", "sum"] = "mean",
) -> Float[Tensor, ""]:
    """L1 distance between restored and original tokens over the counted epochs; zero where none is counted."""
    error = (at_least_float32(restored) - target).abs() * is_counted[:, :, None]
    if reduction == "sum":
        return error.sum()
    return error.sum() / (is_counted.sum() * target.shape[2]).clamp(min=1)


def stage_cross_entropy(
    logits: Float[Tensor, "B L 5"], stage: Int[Tensor, "B L"], weight: Float[Tensor, "5"] | None = None
) -> Float[Tensor, ""]:
    """Mean cross-entropy over scored epochs; zero (with zero gradient) in a batch that has none.

    With a `weight` for each stage, the mean is weighted by that of each epoch's stage.
    """
    is_scored = stage != UNSCORED
    logits = at_least_float32(logits)
    if weight is not None:
        weight = weight.to(logits)
    total = F.cross_entropy(
        logits.flatten(0, 1), stage.flatten(), weight=weight, ignore_index=UNSCORED, reduction="sum"
    )
    if weight is None:
        return total / is_scored.sum().clamp(min=1)
    mass = weight[stage.clamp(min=0)] * is_scored
    return total / mass.sum().clamp(min=torch.finfo(logits.dtype).tiny)
