"""How long what bands do about their stage's mean lasts in real nights: shares of variance by memory.

One AR(1) process with the correlation of neighbouring epochs forgets within four minutes. Real deviations are white
noise for a sixth to two thirds of their variance, and half of what is left lasts for half an hour and more.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from mc2sleepnet.core.stages import N_STAGES

Array = NDArray[np.float64]
Places = NDArray[np.int64]

# Deviations are taken as a sum of processes that forget within so many epochs: at once, in two minutes, eight, and half
# an hour. Shares are fitted to correlations at these lags.
MEMORY_EPOCHS = (0, 4, 16, 64)
MEMORY_LAGS = (1, 2, 4, 8, 16, 32, 64)
# Lags at which two stages are compared: further than the lean towards neighbours, nearer than noise.
SHARED_LAGS = (8, 16, 32)


def memory_shares(scores: Array, stage: NDArray[np.int8], recording: NDArray[np.int16]) -> tuple[Array, float]:
    """How long deviations last, and how much of them a change of stage survives.

    Deviations are from the night's own middle, which takes away more of what lasts longer: shares are those that
    leave what was found once the middle is taken away.

    Scores are NaN in all bands where there is none.

    Shape: [N, W], [N], [N] → [5 stages, W, M] shares of variance by memory, and the share all stages share
    """
    known = ~np.isnan(scores[:, 0])
    nights = [np.flatnonzero(recording == night) for night in np.unique(recording)]
    placed = [[np.flatnonzero(known[n] & (stage[n] == s)) for s in range(N_STAGES)] for n in nights]
    shares = np.empty((N_STAGES, scores.shape[1], len(MEMORY_EPOCHS)))
    for s in range(N_STAGES):
        pairs = [(night, places[s], places[s]) for night, places in zip(nights, placed, strict=True)]
        found, expected = _correlations(scores, pairs, (0, *MEMORY_LAGS))
        for band in range(scores.shape[1]):
            share, _ = nnls(expected, found[:, band])
            shares[s, band] = share / share.sum()
    in_common = []
    for s, t in combinations(range(N_STAGES), 2):
        pairs = [(night, places[s], places[t]) for night, places in zip(nights, placed, strict=True)]
        found, expected = _correlations(scores, pairs, SHARED_LAGS)
        in_common.append([found.sum(), (expected @ np.sqrt(shares[s] * shares[t]).T).sum()])
    found_by_pair, expected_by_pair = np.transpose(in_common)
    return shares, float(found_by_pair.sum() / expected_by_pair.sum())


def _correlations(
    scores: Array, pairs: list[tuple[Places, Places, Places]], lags: tuple[int, ...]
) -> tuple[Array, Array]:
    """What epochs of two stages have in common, so far apart in either order: found, and expected of each memory.

    Parameters
    ----------
    scores
        Shape ``[N, W]``.
    pairs
        Of each night: its epochs, and the places in it of the one stage and of the other.
    lags
        L of them.

    Returns
    -------
    tuple
        Shapes ``[L, W]`` and ``[L, M]``: means over all pairs of epochs of all nights.
    """
    found = np.zeros((len(lags), scores.shape[1]))
    expected, count = np.zeros((len(lags), len(MEMORY_EPOCHS))), np.zeros(len(lags))
    for night, one, other in pairs:
        if not (len(one) and len(other)):
            continue
        apart = np.abs(one[:, None] - other)
        memories = np.maximum(MEMORY_EPOCHS, 1e-3)
        remembered = [_without_middles(np.exp(-apart / memory)) for memory in memories]
        for row, lag in enumerate(lags):
            first, second = np.nonzero(apart == lag)
            count[row] += len(first)
            found[row] += (scores[night[one[first]]] * scores[night[other[second]]]).sum(0)
            expected[row] += [each[first, second].sum() for each in remembered]
    count = np.maximum(count, 1)
    return found / count[:, None], expected / count[:, None]


def _without_middles(covariance: Array) -> Array:
    """Covariance of two groups once the mean of each is taken away. Shape: [A, B] → [A, B]"""
    middled: Array = covariance - covariance.mean(0) - covariance.mean(1, keepdims=True) + covariance.mean()
    return middled
