"""Several scorers over all nights: how far they agree with each other, and where each stands among them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.metrics.chance_corrected import VoteCounts, fleiss_kappa, krippendorff_alpha
from mc2sleepnet.metrics.confusions import accuracies, kappas, macro_f1s, ratio
from mc2sleepnet.metrics.estimate import Estimate, by_subject, estimate, estimate_mean
from mc2sleepnet.metrics.intervals import Subjects, percentile_interval
from mc2sleepnet.metrics.night_scorers import NightScorers, in_panel


@dataclass(frozen=True, kw_only=True, eq=False)
class SeveralScorers:
    """K scorers on R nights. The panel is the people, or everybody where fewer than two are people.

    Attributes
    ----------
    n_nights, n_epochs
        Nights with two or more scorers, and epochs of them that everybody present scored.
    is_machine, is_panel
        Shape ``[K]``.
    pairwise
        Shape ``[K, K]``: agreement of every two scorers, mean over nights.
    mean_pairwise
        Agreement of two panel members: mean over nights of the mean over their pairs.
    fleiss_kappa, krippendorff_alpha
        Of the panel, over pooled epochs.
    accuracy, macro_f1, kappa
        Shape ``[K]``: against the others' consensus, over pooled epochs.
    mean_accuracy
        Shape ``[K]``: the same accuracy, mean over nights.
    soft_agreement
        Shape ``[K]``: with the other panel members, mean over nights.
    ceiling_accuracy, ceiling_kappa
        The human ceiling: mean over the panel's members of `accuracy` and of `kappa`.
    above_ceiling
        Shape ``[K]``: a scorer's accuracy minus the mean of the (other) panel members'.
    place
        Shape ``[K]``: rank by `accuracy` among all, 1 the best.
    disagreement
        Shape ``[5]``: by the panel's most frequent stage, mean share of its pairs that differ.
    """

    n_nights: int
    n_epochs: int
    is_machine: NDArray[np.bool_]
    is_panel: NDArray[np.bool_]
    pairwise: Estimate
    mean_pairwise: Estimate
    fleiss_kappa: Estimate
    krippendorff_alpha: Estimate
    accuracy: Estimate
    macro_f1: Estimate
    kappa: Estimate
    mean_accuracy: Estimate
    soft_agreement: Estimate
    ceiling_accuracy: Estimate
    ceiling_kappa: Estimate
    above_ceiling: Estimate
    place: NDArray[np.int64]
    disagreement: Estimate


def pool_scorers(
    nights: Sequence[NightScorers], is_machine: NDArray[np.bool_], subject: NDArray[np.intp], subjects: Subjects
) -> SeveralScorers:
    """Pool nights.

    Parameters
    ----------
    nights
        R nights.
    is_machine
        Shape ``[K]``.
    subject
        Shape ``[R]``: index of each night's subject.
    subjects
        Their resamples.
    """
    is_panel = in_panel(is_machine)
    n_epochs = np.array([night.n_epochs for night in nights])
    alike = np.stack([night.alike for night in nights])
    share = ratio(alike, np.where(n_epochs > 0, n_epochs, 0)[:, None, None])
    confusions = by_subject(np.stack([night.against_consensus for night in nights]), subject, subjects.n_subjects)
    per_night = accuracies(np.stack([night.against_consensus for night in nights]))
    votes = _by_subject([night.panel_votes for night in nights], subject, subjects)

    def weighed(figure: NDArray[np.float64]) -> NDArray[np.float64]:
        return _nanmean(figure[..., is_panel])

    accuracy = accuracies(confusions.sum(axis=0))
    resampled = accuracies(subjects.sums(confusions))
    return SeveralScorers(
        n_nights=len(nights),
        n_epochs=int(n_epochs.sum()),
        is_machine=is_machine,
        is_panel=is_panel,
        pairwise=estimate_mean(share, subject, subjects),
        mean_pairwise=estimate_mean(_mean_of_pairs(share, is_panel), subject, subjects),
        fleiss_kappa=_estimate_votes(fleiss_kappa, votes, subjects),
        krippendorff_alpha=_estimate_votes(krippendorff_alpha, votes, subjects),
        accuracy=estimate(accuracies, confusions, subjects),
        macro_f1=estimate(macro_f1s, confusions, subjects),
        kappa=estimate(kappas, confusions, subjects),
        mean_accuracy=estimate_mean(per_night, subject, subjects),
        soft_agreement=estimate_mean(np.stack([night.soft_agreement for night in nights]), subject, subjects),
        ceiling_accuracy=estimate(lambda sums: weighed(accuracies(sums)), confusions, subjects),
        ceiling_kappa=estimate(lambda sums: weighed(kappas(sums)), confusions, subjects),
        above_ceiling=Estimate(
            value=_above(accuracy, is_panel), interval=percentile_interval(_above(resampled, is_panel))
        ),
        place=_places(accuracy),
        disagreement=estimate(
            lambda sums: ratio(sums[..., 1], sums[..., 0]),
            by_subject(np.stack([night.disagreement for night in nights]), subject, subjects.n_subjects),
            subjects,
        ),
    )


def _mean_of_pairs(share: NDArray[np.float64], is_panel: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean over the panel's pairs of each night, ``[R]`` of ``[R, K, K]``."""
    first, second = np.triu_indices(int(is_panel.sum()), k=1)
    panel = np.flatnonzero(is_panel)
    return _nanmean(share[:, panel[first], panel[second]])


def _nanmean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis of what is known."""
    is_known = ~np.isnan(values)
    return ratio(np.where(is_known, values, 0).sum(axis=-1), is_known.sum(axis=-1))


def _above(accuracy: NDArray[np.float64], is_panel: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Accuracy of each scorer minus the mean of the other panel members', ``[..., K]``."""
    above = np.empty_like(accuracy)
    for scorer in range(accuracy.shape[-1]):
        is_other = is_panel.copy()
        is_other[scorer] = False
        above[..., scorer] = accuracy[..., scorer] - _nanmean(accuracy[..., is_other])
    return above


def _places(accuracy: NDArray[np.float64]) -> NDArray[np.int64]:
    """Ranks from 1; scorers without a figure come last."""
    known = np.nan_to_num(accuracy, nan=-1.0)
    return np.array([1 + np.count_nonzero(known > one + 1e-12) for one in known], dtype=np.int64)


def _by_subject(counts: Sequence[VoteCounts], subject: NDArray[np.intp], subjects: Subjects) -> VoteCounts:
    return VoteCounts(
        **{
            field.name: by_subject(np.stack([getattr(one, field.name) for one in counts]), subject, subjects.n_subjects)
            for field in fields(VoteCounts)
        }
    )


def _estimate_votes(
    statistic: Callable[[VoteCounts], NDArray[np.float64]], votes: VoteCounts, subjects: Subjects
) -> Estimate:
    """A figure of vote counts: their fields side by side in one array, so that they are resampled together."""

    widths = {field.name: getattr(votes, field.name).shape[1:] for field in fields(VoteCounts)}
    flat = np.concatenate([getattr(votes, name).reshape(subjects.n_subjects, -1) for name in widths], axis=1)

    def of_flat(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        parts, first = {}, 0
        for name, shape in widths.items():
            size = int(np.prod(shape))
            parts[name] = sums[..., first : first + size].reshape((*sums.shape[:-1], *shape))
            first += size
        return statistic(VoteCounts(**parts))

    return estimate(of_flat, flat, subjects)
