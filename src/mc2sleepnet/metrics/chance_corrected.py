"""Agreement of any number of scorers beyond chance, from counts that add up over nights."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N_STAGES
from mc2sleepnet.metrics.confusions import ratio


@dataclass(frozen=True, kw_only=True, eq=False)
class VoteCounts:
    """What Fleiss' κ and Krippendorff's α need of a night, or of the sum of several.

    Attributes
    ----------
    n_epochs
        Shape ``[...]``: epochs that every scorer scored.
    alike
        Shape ``[...]``: over these, the sum of the share of scorer pairs that agree.
    stages
        Shape ``[..., 5]``: over these, the sum of the share of scorers who gave each stage.
    coincidences
        Shape ``[..., 5, 5]``: over epochs that two or more scored, ordered pairs of stages by two scorers,
        weighted by 1 / (scorers - 1).
    """

    n_epochs: NDArray[np.float64]
    alike: NDArray[np.float64]
    stages: NDArray[np.float64]
    coincidences: NDArray[np.float64]

    @classmethod
    def of(cls, votes: NDArray[np.int64], n_scorers: int) -> Self:
        """Count one night.

        Parameters
        ----------
        votes
            Shape ``[N, 5]``: how many scorers gave each stage.
        n_scorers
            How many there are.
        """
        given = votes.sum(axis=1)
        full = votes[given == n_scorers] if n_scorers > 1 else votes[:0]
        pairs = max(n_scorers * (n_scorers - 1), 1)
        several = votes[given > 1].astype(np.float64)
        weighted = several / (given[given > 1, None] - 1)
        coincidences = several.T @ weighted
        coincidences[np.diag_indices(N_STAGES)] -= weighted.sum(axis=0)
        return cls(
            n_epochs=np.float64(len(full)) * np.ones(()),
            alike=np.asarray((full * (full - 1)).sum() / pairs),
            stages=full.sum(axis=0) / n_scorers,
            coincidences=coincidences,
        )


def fleiss_kappa(counts: VoteCounts) -> NDArray[np.float64]:
    """Fleiss' κ, shape ``[...]`` (Fleiss 1971), over the epochs every scorer scored.

    ``(P - P_e) / (1 - P_e)``: P the mean share of agreeing pairs, P_e the sum of the stages' squared shares. NaN
    without epochs and where everybody gave one and the same stage.
    """
    observed = ratio(counts.alike, counts.n_epochs)
    shares = ratio(counts.stages, counts.n_epochs[..., None])
    by_chance = (shares**2).sum(axis=-1)
    room = np.where(np.isclose(by_chance, 1, rtol=0, atol=1e-12), 0, 1 - by_chance)
    return ratio(observed - by_chance, room)


def krippendorff_alpha(counts: VoteCounts) -> NDArray[np.float64]:
    """Krippendorff's α for nominal data, shape ``[...]`` (Krippendorff 2011), over epochs that two or more scored.

    ``1 - (n - 1) (n - sum o_cc) / (n² - sum n_c²)`` with coincidences o and their margins n_c. NaN without such
    epochs and where there is but one stage.
    """
    coincidences = counts.coincidences
    margins = coincidences.sum(axis=-1)
    n = margins.sum(axis=-1)
    apart = n - np.trace(coincidences, axis1=-2, axis2=-1)
    expected = n * n - (margins**2).sum(axis=-1)
    expected = np.where(expected <= 1e-9 * n * n, 0, expected)
    alpha: NDArray[np.float64] = 1 - (n - 1) * ratio(apart, expected)
    return alpha
