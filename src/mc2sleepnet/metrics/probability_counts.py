"""Whether probabilities mean what they say, from counts that add up over nights and subjects."""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N_STAGES, UNSCORED
from mc2sleepnet.metrics.confusions import ratio

N_BINS: Final = 15
# Edges of 1 - confidence, fine near certainty, where most epochs are.
_DOUBT_EDGES: Final = np.concatenate([[0.0], np.geomspace(1e-5, 0.05, 45), np.linspace(0.05, 0.8, 76)[1:], [1.0]])
N_LEVELS: Final = len(_DOUBT_EDGES) - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class ProbabilityCounts:
    """Sums over the epochs that both sides scored and that carry probabilities.

    Attributes
    ----------
    bins
        Shape ``[..., 15, 3]``: epochs, sum of confidence, and right ones, by confidence in bins of equal width.
    levels
        Shape ``[..., 121, 2]``: epochs and errors from the surest to the least sure level of confidence.
    brier
        Shape ``[..., 2]``: epochs, and the sum of their Brier scores.
    """

    bins: NDArray[np.float64]
    levels: NDArray[np.float64]
    brier: NDArray[np.float64]

    @classmethod
    def of(cls, reference: NDArray[np.int8], scored: NDArray[np.int8], hypnodensity: NDArray[np.floating]) -> Self:
        """Count one night.

        Parameters
        ----------
        reference, scored
            Shape ``[N]``; -1 where unscored.
        hypnodensity
            Shape ``[N, 5]``: probabilities; epochs with NaN are left out. The confidence is the probability of
            the stage that was scored.
        """
        is_in = np.not_equal(reference, UNSCORED) & np.not_equal(scored, UNSCORED)
        is_in &= ~np.isnan(hypnodensity).any(axis=1)
        truth, chosen = reference[is_in].astype(np.intp), scored[is_in].astype(np.intp)
        probabilities = hypnodensity[is_in].astype(np.float64)
        rows = np.arange(len(truth))
        confidence, is_right = probabilities[rows, chosen], truth == chosen
        bin_of = np.digitize(confidence, np.linspace(0, 1, N_BINS + 1)[1:-1], right=True)
        level_of = np.digitize(1 - confidence, _DOUBT_EDGES[1:-1])
        one_hot = np.eye(N_STAGES)[truth]
        weights = (None, confidence, is_right.astype(np.float64))
        return cls(
            bins=np.stack([np.bincount(bin_of, w, N_BINS).astype(np.float64) for w in weights], axis=1),
            levels=np.stack(
                [np.bincount(level_of, w, N_LEVELS).astype(np.float64) for w in (None, (~is_right).astype(float))],
                axis=1,
            ),
            brier=np.array([len(truth), ((probabilities - one_hot) ** 2).sum()]),
        )

    @classmethod
    def stack(cls, nights: "list[Self]") -> Self:
        """Several nights' counts with a first axis over them."""
        return cls(**{field.name: np.stack([getattr(night, field.name) for night in nights]) for field in fields(cls)})


def calibration_error(bins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected calibration error of binned counts, shape ``[...]`` of ``[..., 15, 3]``; NaN without epochs.

    ``sum_b (n_b / n) |accuracy_b - confidence_b|`` (Naeini et al. 2015).
    """
    return ratio(np.abs(bins[..., 1] - bins[..., 2]).sum(axis=-1), bins[..., 0].sum(axis=-1))


def calibration_error_by_chance(bins: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the expected calibration error would come to by chance alone, were every probability true.

    The mean distance of a binomial share from its expectation, ``sqrt(2 p (1 - p) / (pi n_b))`` in the normal
    approximation, weighted as the error is: its upward bias. Epochs of one night depend on each other, so that
    the true bias is larger than this.
    """
    n = bins[..., 0]
    confidence = np.nan_to_num(ratio(bins[..., 1], n))
    scatter = np.sqrt(2 * confidence * np.maximum(1 - confidence, 0) * n / np.pi)
    return ratio(scatter.sum(axis=-1), n.sum(axis=-1))


def brier_score(brier: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean squared distance of the probabilities from what was, summed over stages, 0 to 2 (Brier 1950)."""
    return ratio(brier[..., 1], brier[..., 0])


def risk_coverage(levels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Error among the surest epochs, as more and more of them are kept (Geifman and El-Yaniv 2017).

    Returns
    -------
    coverage, risk
        Shape ``[..., 121]``: share of epochs kept down to each level of confidence, and the error among them; NaN
        where nothing is kept.
    """
    kept = np.cumsum(levels, axis=-2)
    n = levels[..., 0].sum(axis=-1, keepdims=True)
    return ratio(kept[..., 0], n), ratio(kept[..., 1], kept[..., 0])


def area_under_risk_coverage(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean risk over all coverages, shape ``[...]``: every epoch kept weighs equally; NaN without epochs.

    Within a level of confidence the risk at its middle stands for all.
    """
    to_middle = np.cumsum(levels, axis=-2) - levels / 2
    risk = np.nan_to_num(ratio(to_middle[..., 1], to_middle[..., 0]))
    return ratio((risk * levels[..., 0]).sum(axis=-1), levels[..., 0].sum(axis=-1))
