"""Several scorers of one night, as counts that add up over nights and subjects."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N_STAGES, UNSCORED
from mc2sleepnet.metrics.chance_corrected import VoteCounts
from mc2sleepnet.metrics.confusions import confusion_matrix
from mc2sleepnet.metrics.consensus import consensus_of_most_reliable, disagreement, leave_one_out, soft_agreement, votes


@dataclass(frozen=True, kw_only=True, eq=False)
class NightScorers:
    """Counts of one night with K scorers.

    The panel is the people among them, or everybody where fewer than two are people. Pairs and consensus are over
    the epochs that every scorer of this night scored; a scorer who scored nothing of it is not one of them.

    Attributes
    ----------
    n_epochs
        Epochs that everybody present scored.
    alike
        Shape ``[K, K]``: of these, those with the same stage by both; NaN where one is absent.
    against_consensus
        Shape ``[K, 5, 5]``: a panel member against the consensus of the other members, a machine against that of
        all members but the least reliable; rows the consensus. Zero where absent.
    soft_agreement
        Shape ``[K]``: with the other panel members; NaN where absent.
    panel_votes
        What Fleiss' κ and Krippendorff's α of the panel need.
    disagreement
        Shape ``[5, 2]``: by the panel's most frequent stage, epochs that two or more of it scored, and the sum of
        the share of pairs that differ.
    """

    n_epochs: int
    alike: NDArray[np.float64]
    against_consensus: NDArray[np.int64]
    soft_agreement: NDArray[np.float64]
    panel_votes: VoteCounts
    disagreement: NDArray[np.float64]

    @classmethod
    def of(cls, stages: NDArray[np.int8], is_machine: NDArray[np.bool_]) -> Self | None:
        """Count one night.

        Parameters
        ----------
        stages
            Shape ``[K, N]``; -1 where unscored.
        is_machine
            Shape ``[K]``.

        Returns
        -------
        counts
            None with fewer than two scorers who scored anything.
        """
        n_scorers = len(stages)
        is_present = np.any(stages != UNSCORED, axis=1)
        present = np.flatnonzero(is_present)
        if len(present) < 2:
            return None
        is_panel = in_panel(is_machine)
        common = stages[:, np.all(stages[present] != UNSCORED, axis=0)]
        alike = np.full((n_scorers, n_scorers), np.nan)
        for i in present:
            for j in present:
                alike[i, j] = np.count_nonzero(common[i] == common[j])
        against = np.zeros((n_scorers, N_STAGES, N_STAGES), dtype=np.int64)
        soft = np.full(n_scorers, np.nan)
        panel = np.flatnonzero(is_present & is_panel)
        if len(panel) >= 2 and common.shape[1]:
            others = leave_one_out(common[panel])
            soft[panel] = others.soft_agreement
            for row, scorer in enumerate(panel):
                against[scorer] = confusion_matrix(others.consensus[row], common[scorer])
            machines = np.flatnonzero(is_present & ~is_panel)
            if len(machines):
                decided = consensus_of_most_reliable(common[panel])
                for scorer in machines:
                    against[scorer] = confusion_matrix(decided, common[scorer])
                    soft[scorer] = soft_agreement(common[scorer], common[panel])
        given = votes(stages[is_panel])
        apart = disagreement(given)
        is_known = ~np.isnan(apart)
        top = given.argmax(axis=1)[is_known]
        return cls(
            n_epochs=common.shape[1],
            alike=alike,
            against_consensus=against,
            soft_agreement=soft,
            panel_votes=VoteCounts.of(given, int(np.count_nonzero(is_panel))),
            disagreement=np.stack(
                [np.bincount(top, weights, N_STAGES).astype(np.float64) for weights in (None, apart[is_known])], axis=1
            ),
        )


def in_panel(is_machine: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Who is in the panel, shape ``[K]``: the people, or everybody where fewer than two are people."""
    return ~is_machine if np.count_nonzero(~is_machine) >= 2 else np.ones(len(is_machine), dtype=np.bool_)
