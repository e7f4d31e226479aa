"""What a whole night's statistics would be, judged by those of a part of it.

Half an hour of deep sleep, normalised by itself, looks like an average night, and a night of which N2 is missing like
another one. But a part's statistics betray what it is a part of: their slope says how deep the sleep is, their
deviations say how much of a night is in them. A ridge regression over parts of the training recordings and the whole
recordings that they come from learns how the whole differs from the part, band by band; what is particular to a
recorder, such as a line of the mains, stays as the part has it. Ours, not the paper's.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mc2sleepnet.core.recording_statistics import N_BINS
from mc2sleepnet.core.shapes import Float
from mc2sleepnet.model.precision import full_precision

# Edges of the bands in which statistics are compared, in bins of 0.39 Hz: single bins below 3 Hz, a quarter wide above.
EDGES = (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 14, 18, 22, 28, 35, 44, 55, 70, 88, 108, N_BINS)
N_BANDS = len(EDGES) - 1
# Medians and ln deviations of the bands, ln deviation of the raw signal.
N_FEATURES = 2 * N_BANDS + 1
# In deviations over the parts of training: what is further out is corrected as if it were no further.
LIMIT = 4.0
LEAST_DEVIATION_DB, LEAST_DEVIATION_UV = 0.5, 0.1
RIDGE = 30.0


class StatisticsCompletion(nn.Module):
    """From the statistics of a part to those of a whole; until `fit` it changes nothing.

    Shape: [R, N_STATISTICS] → [R, N_STATISTICS]
    """

    to_bands: Tensor
    to_bins: Tensor
    middle: Tensor
    scale: Tensor
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        to_bands, to_bins = (torch.from_numpy(matrix).float() for matrix in (bands_of_bins(), bins_of_bands()))
        self.register_buffer("to_bands", to_bands, persistent=False)
        self.register_buffer("to_bins", to_bins, persistent=False)
        self.register_buffer("middle", torch.zeros(N_FEATURES))
        self.register_buffer("scale", torch.ones(N_FEATURES))
        self.register_buffer("weight", torch.zeros(N_FEATURES + 1, N_FEATURES))

    def features(self, statistics: Float[Tensor, "R C"]) -> Float[Tensor, "R W"]:
        """Medians and ln deviations by band, and the raw signal's ln deviation."""
        deviation_db = statistics[:, N_BINS : 2 * N_BINS].clamp(min=LEAST_DEVIATION_DB)
        deviation_uv = statistics[:, -1:].clamp(min=LEAST_DEVIATION_UV)
        return torch.cat(
            [statistics[:, :N_BINS] @ self.to_bands, deviation_db.log() @ self.to_bands, deviation_uv.log()], dim=1
        )

    def forward(self, statistics: Float[Tensor, "R C"]) -> Float[Tensor, "R C"]:
        with full_precision(statistics.device):
            z = ((self.features(statistics) - self.middle) / self.scale).clamp(-LIMIT, LIMIT)
            change = z @ self.weight[:-1] + self.weight[-1]
            return torch.cat(
                [
                    statistics[:, :N_BINS] + change[:, :N_BANDS] @ self.to_bins,
                    statistics[:, N_BINS : 2 * N_BINS] * (change[:, N_BANDS:-1] @ self.to_bins).exp(),
                    statistics[:, -2:-1],
                    statistics[:, -1:] * change[:, -1:].exp(),
                ],
                dim=1,
            )

    @torch.no_grad()
    def fit(
        self,
        part: NDArray[np.float32],
        whole: NDArray[np.float32],
        counts: NDArray[np.float64] | None = None,
        *,
        strength: float = 1.0,
    ) -> None:
        """Learn from parts and the recordings that they are parts of.

        Parameters
        ----------
        part, whole
            Shape ``[P, N_STATISTICS]``.
        counts
            Shape ``[P]``: how much each part counts, 1 on average; None for all alike.
        strength
            Share of the learned change that is made.
        """
        device = self.weight.device
        x, y = (self.features(torch.from_numpy(rows).to(device)).double().cpu() for rows in (part, whole))
        middle, scale = x.mean(0), x.std(0, correction=0).clamp(min=1e-3)
        z = ((x - middle) / scale).clamp(-LIMIT, LIMIT)
        rows = torch.cat([z, torch.ones(len(z), 1, dtype=z.dtype)], dim=1)
        weighted = rows * torch.from_numpy(np.ones(len(part)) if counts is None else counts)[:, None]
        penalty = RIDGE * torch.eye(N_FEATURES + 1, dtype=z.dtype)
        weight = strength * torch.linalg.solve(weighted.T @ rows + penalty, weighted.T @ (y - x))
        for buffer, value in ((self.middle, middle), (self.scale, scale), (self.weight, weight)):
            buffer.copy_(value)


def bands_of_bins() -> NDArray[np.float64]:
    """Mean over each band's bins. Shape: [] → [N_BINS, N_BANDS]"""
    bins = np.arange(N_BINS)[:, None]
    is_in = (bins >= np.array(EDGES[:-1])) & (bins < np.array(EDGES[1:]))
    share: NDArray[np.float64] = is_in / is_in.sum(axis=0)
    return share


def bins_of_bands() -> NDArray[np.float64]:
    """Straight lines between the middles of bands, level beyond the outermost. Shape: [] → [N_BANDS, N_BINS]"""
    middle = (np.array(EDGES[:-1]) + np.array(EDGES[1:]) - 1) / 2
    return np.stack([np.interp(np.arange(N_BINS), middle, row) for row in np.eye(N_BANDS)])
