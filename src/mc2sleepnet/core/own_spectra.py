"""What the spectra of a night's own epochs say of their stages, once a first answer is there.

People differ in what their stages look like; a night is alike within itself. The first answer says about which epochs
are which; a linear discriminant (Fisher 1936, doi:10.1111/j.1469-1809.1936.tb02137.x), taught by these epochs with the
probabilities of their stages, says which of them look like the others that are called so. It counts a fifth beside the
network's answer. Nothing is learned from any other night. Ours, not the paper's; docs/log.md (2026-12-01, smoothing).
"""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.recording_statistics import N_BINS, TEN_PERCENT_Z
from mc2sleepnet.core.spectral_bands import bands_of_bins

# How much the discriminant's logarithm counts beside the network's.
SPECTRA_WEIGHT = 0.2
# So many epochs of the night's middle are added to each stage's: a rare stage says little.
MIDDLE_EPOCHS = 20.0
# The covariance is drawn so far to that of unrelated bands.
SHRINKAGE = 0.1
# Deviations: what is further out, of electrodes that move, counts as if it were no further.
LIMIT = 4.0
LEAST_SCALE_DB = 1e-3


def said_by_own_spectra(
    decibels: NDArray[np.float32], log_probabilities: NDArray[np.float64], tells: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The log-likelihood of each stage by the night's own spectra, up to a constant of the epoch.

    Parameters
    ----------
    decibels
        Shape ``[N, N_BINS]``: spectra of the epochs, of the signal that the network was given.
    log_probabilities
        Shape ``[N, 5]``: what is known of the stages; NaN where nothing is.
    tells
        Shape ``[N]``: the epochs that teach.

    Returns
    -------
    NDArray
        Shape ``[N, 5]``; 0 for epochs without a spectrum or an answer, and everywhere if nothing teaches.
    """
    assert decibels.shape[1] == N_BINS
    said = np.zeros_like(log_probabilities)
    is_known = ~np.isnan(log_probabilities).any(axis=1) & ~np.isnan(decibels).any(axis=1)
    teaches = is_known & tells
    if not teaches.any():
        return said
    bands = decibels[is_known].astype(np.float64) @ bands_of_bins()
    own = bands[teaches[is_known]]
    low, middle, high = np.quantile(own, (0.1, 0.5, 0.9), axis=0)
    scale = np.maximum((high - low) / (2 * TEN_PERCENT_Z), LEAST_SCALE_DB)
    own, bands = (((rows - middle) / scale).clip(-LIMIT, LIMIT) for rows in (own, bands))
    centre, spread = own.mean(axis=0), np.maximum(own.std(axis=0), LEAST_SCALE_DB)
    own, bands = ((rows - centre) / spread for rows in (own, bands))
    weight = np.exp(log_probabilities[teaches])
    mean = weight.T @ own / (weight.sum(axis=0)[:, None] + MIDDLE_EPOCHS)
    # Summed over stages: deviations of each epoch from each stage, as probable as it is.
    squares = own.T @ own
    crossed = (own.T @ weight) @ mean
    within = (squares - crossed - crossed.T + (mean.T * weight.sum(axis=0)) @ mean) / len(own)
    within = (1 - SHRINKAGE) * within + SHRINKAGE * np.eye(len(within))
    direction = np.linalg.solve(within, mean.T)
    said[is_known] = bands @ direction - (mean.T * direction).sum(axis=0) / 2
    return said
