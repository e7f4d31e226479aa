"""Do tokens still tell epochs apart? Their rank and spread, watched during pre-training: both fall in a collapse."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mc2sleepnet.core.shapes import Float

MOST_EPOCHS = 4096
MODALITIES = ("signal", "spectrogram")


def effective_rank(tokens: Float[Tensor, "M D"]) -> float:
    """How many dimensions tokens use: ``exp(−Σ p ln p)``, p the singular values of the centred tokens over their sum.

    1 where all lie on a line (or in a point), D where they fill the space evenly. Source: Roy, Vetterli, "The
    effective rank", EUSIPCO 2007.
    """
    values = torch.linalg.svdvals(tokens - tokens.mean(dim=0))
    share = values / values.sum().clamp(min=torch.finfo(values.dtype).tiny)
    return float(torch.special.entr(share).sum().exp())


def deviation(tokens: Float[Tensor, "M D"]) -> float:
    """Root of the mean variance over epochs; 0 where all tokens are one."""
    return float(tokens.var(dim=0, correction=0).mean().sqrt())


def token_figures(tokens: NDArray[np.float32]) -> dict[str, float]:
    """Rank and deviation of both modalities' tokens. Shape: [M, 2, D]"""
    every = max(1, -(-len(tokens) // MOST_EPOCHS))
    apart = torch.from_numpy(tokens[::every]).double().unbind(dim=1)
    figures = {}
    for name, modality in zip(MODALITIES, apart, strict=True):
        figures[f"{name}_token_rank"] = effective_rank(modality)
        figures[f"{name}_token_deviation"] = deviation(modality)
    return figures
