"""How far two scorers agree, epoch by epoch, over the epochs both scored."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import STAGES, UNSCORED
from mc2sleepnet.metrics.confusions import (
    accuracies,
    confusion_matrix,
    kappas,
    macro_f1s,
    precisions,
    recalls,
    stage_f1s,
)

__all__ = [
    "Agreement",
    "accuracy",
    "accuracy_unscored_as_wrong",
    "agreement",
    "agreement_from_confusion",
    "confusion_matrix",
    "coverage",
    "kappa",
    "macro_f1",
    "none_for_nan",
    "stage_f1",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Agreement:
    """Agreement of a scorer with a reference, over the epochs both scored.

    NaN stands for what has no value: everything where there is no common epoch, κ where both sides know
    only one and the same stage, the F1 of a stage absent on both sides (left out of macro-F1), the precision
    of a stage never scored, the recall of a stage the reference lacks.

    Attributes
    ----------
    n_epochs
        Epochs both sides scored.
    accuracy
        Share of them with the same stage.
    kappa
        Cohen's κ, ``(p_o - p_e) / (1 - p_e)`` with p_e from the two sides' own shares (Cohen 1960).
    macro_f1
        Unweighted mean of `f1` over the stages that occur on either side.
    f1, precision, recall
        Shape ``[5]``, in the order W, N1, N2, N3, R.
    support
        Shape ``[5]``: epochs of each stage in the reference.
    confusion
        Shape ``[5, 5]``, counts: rows are the reference, columns the scorer.
    """

    n_epochs: int
    accuracy: float
    kappa: float
    macro_f1: float
    f1: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    support: NDArray[np.int64]
    confusion: NDArray[np.int64]

    def to_json(self) -> dict[str, object]:
        """Return plain numbers, lists and dicts, with None for NaN."""
        return {
            "n_epochs": self.n_epochs,
            "accuracy": none_for_nan(self.accuracy),
            "macro_f1": none_for_nan(self.macro_f1),
            "kappa": none_for_nan(self.kappa),
            "stages": {
                name: {
                    "f1": none_for_nan(self.f1[stage]),
                    "precision": none_for_nan(self.precision[stage]),
                    "recall": none_for_nan(self.recall[stage]),
                    "support": int(self.support[stage]),
                }
                for stage, name in enumerate(STAGES)
            },
            "confusion": self.confusion.tolist(),
        }


def agreement(reference: NDArray[np.int8], scored: NDArray[np.int8]) -> Agreement:
    """Agreement of `scored` with `reference`, over the epochs both scored.

    Parameters
    ----------
    reference, scored
        Shape ``[N]``, the same epochs on both sides: 0-4, or -1 where unscored.
    """
    return agreement_from_confusion(confusion_matrix(reference, scored))


def agreement_from_confusion(confusion: NDArray[np.int64]) -> Agreement:
    """Agreement from a confusion matrix, shape ``[5, 5]``: rows reference, columns scored.

    Matrices of several recordings add up, so that this also gives pooled agreement.
    """
    return Agreement(
        n_epochs=int(confusion.sum()),
        accuracy=accuracy(confusion),
        kappa=kappa(confusion),
        macro_f1=macro_f1(confusion),
        f1=stage_f1(confusion),
        precision=precisions(confusion),
        recall=recalls(confusion),
        support=confusion.sum(axis=1),
        confusion=confusion,
    )


def accuracy(confusion: NDArray[np.int64]) -> float:
    """Share of the counted epochs on the diagonal; NaN for an empty matrix."""
    return float(accuracies(confusion))


def kappa(confusion: NDArray[np.int64]) -> float:
    """Cohen's κ; NaN for an empty matrix and where both sides hold one and the same stage only."""
    return float(kappas(confusion))


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """Mean F1 of the stages that occur on either side; NaN for an empty matrix."""
    return float(macro_f1s(confusion))


def stage_f1(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of each stage, shape ``[5]``, ``2 TP / (2 TP + FP + FN)``; NaN for a stage absent on both sides."""
    return stage_f1s(confusion)


def coverage(reference: NDArray[np.int8], scored: NDArray[np.int8]) -> float:
    """Share of the epochs the reference scored that the other side scored too; NaN where it scored none."""
    is_expected = np.not_equal(reference, UNSCORED)
    return float(np.not_equal(scored, UNSCORED)[is_expected].mean()) if is_expected.any() else math.nan


def accuracy_unscored_as_wrong(reference: NDArray[np.int8], scored: NDArray[np.int8]) -> float:
    """Accuracy over all epochs the reference scored, an epoch the other side left out counting as wrong.

    NaN where the reference scored none. Equals accuracy x coverage.
    """
    is_expected = np.not_equal(reference, UNSCORED)
    return float(np.equal(reference, scored)[is_expected].mean()) if is_expected.any() else math.nan


def none_for_nan(value: float) -> float | None:
    """Return the value as JSON can carry it."""
    return None if math.isnan(value) else float(value)
