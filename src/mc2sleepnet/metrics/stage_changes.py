"""Where stages change: how often, from what to what, whether two scorers place it alike, and errors around it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N_STAGES, UNSCORED

N_DISTANCES: Final = 11
"""Distances 0 to 9 epochs, and 10 or more together."""


def transition_matrix(stage: NDArray[np.int8], is_counted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Counts of neighbouring epochs, shape ``[5, 5]``: rows the earlier stage, columns the later.

    Parameters
    ----------
    stage
        Shape ``[N]``.
    is_counted
        Shape ``[N]``: True where an epoch takes part; a pair needs both. Unscored epochs never do.
    """
    is_in = is_counted & np.not_equal(stage, UNSCORED)
    is_pair = is_in[:-1] & is_in[1:]
    cell = stage[:-1][is_pair].astype(np.int64) * N_STAGES + stage[1:][is_pair]
    return np.bincount(cell, minlength=N_STAGES**2).astype(np.int64).reshape(N_STAGES, N_STAGES)


def matched_changes(reference: NDArray[np.int8], scored: NDArray[np.int8]) -> NDArray[np.int64]:
    """Changes of stage on both sides, and how many the other side has too.

    Only between neighbouring epochs that both sides scored. A change is matched where the other side changes
    into the same stage, exactly there, or one epoch earlier or later at the most.

    Returns
    -------
    counts
        Shape ``[6]``: changes of the reference and of the scorer; of these the reference's matched exactly and
        the scorer's matched exactly; the reference's and the scorer's matched within one epoch.
    """
    is_common = np.not_equal(reference, UNSCORED) & np.not_equal(scored, UNSCORED)
    is_pair = is_common[:-1] & is_common[1:]
    into_reference = np.where(is_pair & (reference[:-1] != reference[1:]), reference[1:], UNSCORED)
    into_scored = np.where(is_pair & (scored[:-1] != scored[1:]), scored[1:], UNSCORED)
    exact, within_one = [], []
    for own, other in ((into_reference, into_scored), (into_scored, into_reference)):
        around = np.concatenate([[UNSCORED], other, [UNSCORED]])
        is_change = own != UNSCORED
        is_exact = is_change & (own == other)
        is_near = is_exact | (is_change & ((own == around[:-2]) | (own == around[2:])))
        exact.append(np.count_nonzero(is_exact))
        within_one.append(np.count_nonzero(is_near))
    n_changes = [np.count_nonzero(into != UNSCORED) for into in (into_reference, into_scored)]
    return np.array([*n_changes, *exact, *within_one], dtype=np.int64)


def epochs_to_change(stage: NDArray[np.int8]) -> NDArray[np.int64]:
    """Epochs between each epoch and the nearest change of stage.

    Parameters
    ----------
    stage
        Shape ``[N]``; unscored epochs part what lies around them without being a change.

    Returns
    -------
    distance
        Shape ``[N]``: 0 for the epochs on both sides of a change, 1 for their neighbours, up to 10, which also
        stands for more and for no change at all.
    """
    n_epochs = len(stage)
    is_scored = np.not_equal(stage, UNSCORED)
    change = np.flatnonzero((stage[:-1] != stage[1:]) & is_scored[:-1] & is_scored[1:])
    if not len(change):
        return np.full(n_epochs, N_DISTANCES - 1, dtype=np.int64)
    epoch = np.arange(n_epochs)
    next_change = np.searchsorted(change, epoch)  # a change at i lies between epochs i and i + 1
    far = np.iinfo(np.int64).max // 4
    ahead = np.where(next_change < len(change), change[np.minimum(next_change, len(change) - 1)] - epoch, far)
    behind = np.where(next_change > 0, epoch - change[np.maximum(next_change - 1, 0)] - 1, far)
    return np.minimum(np.minimum(ahead, behind), N_DISTANCES - 1).astype(np.int64)


def errors_by_distance(reference: NDArray[np.int8], scored: NDArray[np.int8]) -> NDArray[np.int64]:
    """Epochs both sides scored, and those where they differ, by distance from a change in the reference.

    Returns
    -------
    counts
        Shape ``[11, 2]``: epochs, and errors among them, at distances 0 to 9 and 10 or more (`epochs_to_change`).
    """
    is_common = np.not_equal(reference, UNSCORED) & np.not_equal(scored, UNSCORED)
    distance = epochs_to_change(reference)[is_common]
    is_wrong = np.not_equal(reference, scored)[is_common]
    counts = [np.bincount(distance, minlength=N_DISTANCES), np.bincount(distance[is_wrong], minlength=N_DISTANCES)]
    return np.stack(counts, axis=1).astype(np.int64)
