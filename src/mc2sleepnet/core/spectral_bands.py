"""Means over bands of a spectrum's bins, and the bands in which recordings' statistics are compared."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.recording_statistics import BIN_HZ, N_BINS

# Fine where sleep tells itself, broad where muscle does. Edges in bins of 0.39 Hz: single ones below 3 Hz, and a
# quarter wide above.
EDGES = (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 14, 18, 22, 28, 35, 44, 55, 70, 88, 108, N_BINS)
N_BANDS = len(EDGES) - 1


def bands_of_bins() -> NDArray[np.float64]:
    """Mean over each band's bins. Shape: [] → [N_BINS, N_BANDS]"""
    bins = np.arange(N_BINS)[:, None]
    is_in = (bins >= np.array(EDGES[:-1])) & (bins < np.array(EDGES[1:]))
    share: NDArray[np.float64] = is_in / is_in.sum(axis=0)
    return share


def bins_between(edges_hz: Sequence[float]) -> NDArray[np.float32]:
    """Mean over the bins from each edge to below the next. Shape: [E] → [N_BINS, E - 1]"""
    hertz = BIN_HZ[:, None]
    is_in = (hertz >= edges_hz[:-1]) & (hertz < edges_hz[1:])
    share: NDArray[np.float32] = (is_in / is_in.sum(axis=0)).astype(np.float32)
    return share


def bins_of_bands() -> NDArray[np.float64]:
    """Straight lines between the middles of bands, level beyond the outermost. Shape: [] → [N_BANDS, N_BINS]"""
    middle = (np.array(EDGES[:-1]) + np.array(EDGES[1:]) - 1) / 2
    return np.stack([np.interp(np.arange(N_BINS), middle, row) for row in np.eye(N_BANDS)])
