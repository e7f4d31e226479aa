"""What several scorers of one night say together: soft agreement and the majority's hypnogram.

Definitions of Guillot et al. 2020, "Dreem Open Datasets" (IEEE TNSRE 28, 1955; arXiv 1911.03221).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N_STAGES, UNSCORED


@dataclass(frozen=True, kw_only=True, eq=False)
class LeaveOneOut:
    """Each scorer against the others' consensus.

    Attributes
    ----------
    soft_agreement
        Shape ``[K]``: of scorer k with the other scorers.
    consensus
        Shape ``[K, N]``: the others' consensus, without scorer k.
    """

    soft_agreement: NDArray[np.float64]
    consensus: NDArray[np.int8]


def votes(stages: NDArray[np.int8]) -> NDArray[np.int64]:
    """How many scorers gave each stage.

    Parameters
    ----------
    stages
        Shape ``[K, N]``: 0-4, or -1 where a scorer left an epoch out.

    Returns
    -------
    votes
        Shape ``[N, 5]``.
    """
    return np.stack([np.count_nonzero(stages == stage, axis=0) for stage in range(N_STAGES)], axis=1).astype(np.int64)


def hypnodensity_of(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the scorers who gave each stage, shape ``[N, 5]``; NaN where nobody scored (Stephansen et al. 2018)."""
    n_scorers = counts.sum(axis=1, keepdims=True)
    shares = np.full(counts.shape, np.nan)
    np.divide(counts, n_scorers, out=shares, where=n_scorers != 0)
    return shares


def disagreement(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the pairs of scorers who differ about an epoch, 0 to 1.

    Parameters
    ----------
    counts
        Shape ``[N, 5]``, as `votes` gives them.

    Returns
    -------
    disagreement
        Shape ``[N]``; NaN where fewer than two scored. Its mean is 1 minus the mean pairwise agreement.
    """
    n_scorers = counts.sum(axis=1)
    n_pairs = n_scorers * (n_scorers - 1)
    n_alike = (counts * (counts - 1)).sum(axis=1)
    share = np.full(len(counts), np.nan)
    np.divide(n_alike, n_pairs, out=share, where=n_pairs > 0)
    return 1 - share


def soft_agreement(stage: NDArray[np.int8], others: NDArray[np.int8]) -> float:
    """How well a scorer meets the others: 1 for the stage most of them gave, less for a rarer one.

    The mean over epochs of (others who gave the scorer's stage) / (others who gave the most frequent stage);
    every one of several most frequent stages counts as 1.

    Parameters
    ----------
    stage
        Shape ``[N]``: the scorer.
    others
        Shape ``[K - 1, N]``.

    Returns
    -------
    agreement
        Over the epochs that all of them scored; NaN where there is none.
    """
    is_common = np.not_equal(stage, UNSCORED) & np.all(others != UNSCORED, axis=0)
    if not is_common.any() or not len(others):
        return np.nan
    counts = votes(others[:, is_common])
    chosen = np.take_along_axis(counts, stage[is_common].astype(np.intp)[:, None], axis=1)[:, 0]
    return float((chosen / counts.max(axis=1)).mean())


def consensus(stages: NDArray[np.int8], reliability: NDArray[np.float64]) -> NDArray[np.int8]:
    """Stage that most scorers gave; of equals, the one that the most reliable of those scorers gave.

    Parameters
    ----------
    stages
        Shape ``[K, N]``; -1 where a scorer left an epoch out.
    reliability
        Shape ``[K]``: each scorer's soft agreement on this night; of equal or unknown ones the first counts more.

    Returns
    -------
    consensus
        Shape ``[N]``; -1 where nobody scored.
    """
    counts = votes(stages)
    is_top = (counts == counts.max(axis=1, keepdims=True)) & (counts > 0)
    decided = np.full(stages.shape[1], UNSCORED, dtype=np.int8)
    for scorer in np.argsort(-np.nan_to_num(reliability, nan=-1.0), kind="stable"):
        own = stages[scorer]
        is_his_to_decide = np.not_equal(own, UNSCORED) & np.equal(decided, UNSCORED)
        is_his_to_decide &= is_top[np.arange(len(own)), np.maximum(own, 0)]
        decided[is_his_to_decide] = own[is_his_to_decide]
    return decided


def leave_one_out(stages: NDArray[np.int8]) -> LeaveOneOut:
    """Each scorer's soft agreement with the others, and the others' consensus, on the epochs everybody scored.

    Ties in the consensus go to the most reliable of the others, by their soft agreement with all.

    Parameters
    ----------
    stages
        Shape ``[K, N]``, at least two scorers.
    """
    n_scorers = len(stages)
    is_common = np.all(stages != UNSCORED, axis=0)
    soft = np.array([soft_agreement(stages[k], np.delete(stages, k, axis=0)) for k in range(n_scorers)])
    left_out = np.full(stages.shape, UNSCORED, dtype=np.int8)
    for k in range(n_scorers):
        others = np.delete(stages, k, axis=0)
        left_out[k, is_common] = consensus(others, np.delete(soft, k))[is_common]
    return LeaveOneOut(soft_agreement=soft, consensus=left_out)


def consensus_of_most_reliable(stages: NDArray[np.int8]) -> NDArray[np.int8]:
    """Consensus of all scorers but the least reliable: what a machine is set against, shape ``[N]`` of ``[K, N]``.

    As many scorers stand behind it as behind the consensus each person is set against (Guillot et al. 2020).
    Over the epochs everybody scored; with one scorer, that scorer.
    """
    if len(stages) == 1:
        only: NDArray[np.int8] = stages[0].copy()
        return only
    soft = leave_one_out(stages).soft_agreement
    kept = np.sort(np.argsort(-np.nan_to_num(soft, nan=-1.0), kind="stable")[:-1])
    decided = consensus(stages[kept], soft[kept])
    decided[(stages == UNSCORED).any(axis=0)] = UNSCORED
    return decided
