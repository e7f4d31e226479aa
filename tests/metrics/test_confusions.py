import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import cohen_kappa_score, f1_score, precision_recall_fscore_support

from mc2sleepnet.metrics.confusions import (
    accuracies,
    confusion_matrix,
    kappas,
    macro_f1s,
    precisions,
    recalls,
    row_shares,
    stage_f1s,
)


def pairs(seed, n=40):
    """Short nights: stages go missing on one side, on both, and nights with one stage or no common epoch occur."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        length = rng.integers(1, 12)
        few = rng.integers(1, 6)
        yield rng.integers(-1, few, length).astype(np.int8), rng.integers(-1, few, length).astype(np.int8)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(3))
def test_figures_of_many_matrices_equal_scikit_learn_on_each_however_degenerate(seed):
    nights = list(pairs(seed))
    confusions = np.stack([confusion_matrix(a, b) for a, b in nights])
    f1s, precision, recall = stage_f1s(confusions), precisions(confusions), recalls(confusions)
    for i, (reference, scored) in enumerate(nights):
        both = (reference >= 0) & (scored >= 0)
        t, p = reference[both], scored[both]
        if not both.any():
            assert np.isnan([accuracies(confusions)[i], kappas(confusions)[i], macro_f1s(confusions)[i]]).all()
            continue
        assert_allclose(accuracies(confusions)[i], (t == p).mean())
        expected = cohen_kappa_score(t, p) if len({*t, *p}) > 1 else np.nan
        assert_allclose(kappas(confusions)[i], expected, equal_nan=True)
        assert_allclose(macro_f1s(confusions)[i], f1_score(t, p, average="macro"))
        theirs = precision_recall_fscore_support(t, p, labels=range(5), zero_division=np.nan)
        for ours, other in zip((precision[i], recall[i]), theirs[:2], strict=True):
            assert_allclose(ours, other, equal_nan=True)
        # Where a stage is on one side only scikit-learn's F1 may be undefined; ours is 0, as in the macro average.
        is_there = [stage in {*t, *p} for stage in range(5)]
        assert_allclose(f1s[i][is_there], f1_score(t, p, labels=np.flatnonzero(is_there), average=None))
        assert np.isnan(f1s[i][~np.array(is_there)]).all()


def test_any_leading_axes_will_do():
    confusions = np.random.default_rng(0).integers(0, 9, (2, 3, 5, 5))
    for figure, shape in ((accuracies, ()), (kappas, ()), (macro_f1s, ()), (stage_f1s, (5,)), (row_shares, (5, 5))):
        assert figure(confusions).shape == (2, 3, *shape)
        assert_allclose(figure(confusions)[1, 2], figure(confusions[1, 2]))


def test_rows_of_shares_sum_to_one_or_are_nan():
    shares = row_shares(np.array([[3, 1, 0, 0, 0], *[[0] * 5] * 4]))
    assert_array_equal(shares[0], [0.75, 0.25, 0, 0, 0])
    assert np.isnan(shares[1:]).all()
