"""Figures of many confusion matrices at once: one per subject, per recording, per bootstrap resample."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N_STAGES, UNSCORED

Counts = NDArray[Any]  # whole, or resampled in floating point


def confusion_matrix(reference: NDArray[np.int8], scored: NDArray[np.int8]) -> NDArray[np.int64]:
    """Counts, shape ``[5, 5]``, rows reference, columns scored, over the epochs both sides scored."""
    assert reference.shape == scored.shape
    is_common = np.not_equal(reference, UNSCORED) & np.not_equal(scored, UNSCORED)
    cell = reference[is_common].astype(np.int64) * N_STAGES + scored[is_common]
    return np.bincount(cell, minlength=N_STAGES**2).astype(np.int64).reshape(N_STAGES, N_STAGES)


def accuracies(confusions: Counts) -> NDArray[np.float64]:
    """Share of the counted epochs on the diagonal, shape ``[...]`` of ``[..., 5, 5]``; NaN for an empty matrix."""
    return ratio(np.trace(confusions, axis1=-2, axis2=-1), confusions.sum(axis=(-2, -1)))


def kappas(confusions: Counts) -> NDArray[np.float64]:
    """Cohen's κ, shape ``[...]``; NaN for an empty matrix and where both sides hold one and the same stage only.

    ``(p_o - p_e) / (1 - p_e)``, multiplied out, so that whole counts make "no room above chance" exactly zero.
    """
    total = confusions.sum(axis=(-2, -1))
    by_chance = (confusions.sum(axis=-1) * confusions.sum(axis=-2)).sum(axis=-1)
    return ratio(total * np.trace(confusions, axis1=-2, axis2=-1) - by_chance, total * total - by_chance)


def stage_f1s(confusions: Counts) -> NDArray[np.float64]:
    """F1 of each stage, shape ``[..., 5]``, ``2 TP / (2 TP + FP + FN)``; NaN for a stage absent on both sides."""
    return ratio(2 * _diagonals(confusions), confusions.sum(axis=-2) + confusions.sum(axis=-1))


def macro_f1s(confusions: Counts) -> NDArray[np.float64]:
    """Mean F1 of the stages that occur on either side, shape ``[...]``; NaN for an empty matrix."""
    f1 = stage_f1s(confusions)
    is_known = ~np.isnan(f1)
    return ratio(np.where(is_known, f1, 0).sum(axis=-1), is_known.sum(axis=-1))


def precisions(confusions: Counts) -> NDArray[np.float64]:
    """Of the epochs given each stage, the share that the reference gave it too, ``[..., 5]``; NaN where none was."""
    return ratio(_diagonals(confusions), confusions.sum(axis=-2))


def recalls(confusions: Counts) -> NDArray[np.float64]:
    """Of the reference's epochs of each stage, the share found, ``[..., 5]``; NaN for a stage it lacks."""
    return ratio(_diagonals(confusions), confusions.sum(axis=-1))


def row_shares(matrices: Counts) -> NDArray[np.float64]:
    """Each row as shares of its sum, shape ``[..., 5, 5]``; NaN in empty rows."""
    return ratio(matrices, matrices.sum(axis=-1, keepdims=True))


def ratio(part: Counts, whole: Counts) -> NDArray[np.float64]:
    """``part / whole`` broadcast, NaN where whole is zero."""
    numerator, denominator = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    result = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def _diagonals(confusions: Counts) -> Counts:
    return np.diagonal(confusions, axis1=-2, axis2=-1)
