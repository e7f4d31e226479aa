import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from mc2sleepnet.core.stages import N1, N2, N3, STAGES, UNSCORED, R, W
from mc2sleepnet.metrics.agreement import (
    accuracy_unscored_as_wrong,
    agreement,
    agreement_from_confusion,
    coverage,
)


def stages(*codes):
    return np.array(codes, dtype=np.int8)


def two_scorers(seed, n=500):
    rng = np.random.default_rng(seed)
    reference = rng.integers(-1, 5, n).astype(np.int8)
    scored = np.where(rng.random(n) < 0.7, reference, rng.integers(-1, 5, n)).astype(np.int8)
    return reference, scored


@pytest.mark.parametrize("seed", range(5))
def test_agreement_equals_scikit_learn_on_epochs_both_scored(seed):
    reference, scored = two_scorers(seed)
    both = (reference != UNSCORED) & (scored != UNSCORED)
    t, p = reference[both], scored[both]
    ours = agreement(reference, scored)
    precision, recall, f1, support = precision_recall_fscore_support(t, p, labels=range(5))
    assert ours.n_epochs == both.sum()
    assert_allclose(ours.accuracy, accuracy_score(t, p))
    assert_allclose(ours.kappa, cohen_kappa_score(t, p))
    assert_allclose(ours.macro_f1, f1_score(t, p, average="macro"))
    assert_allclose(ours.precision, precision)
    assert_allclose(ours.recall, recall)
    assert_allclose(ours.f1, f1)
    assert_array_equal(ours.support, support)
    assert_array_equal(ours.confusion, confusion_matrix(t, p, labels=range(5)))


def test_rows_of_the_confusion_matrix_are_the_reference():
    confusion = agreement(stages(N2, N2), stages(N3, N3)).confusion
    assert confusion[N2, N3] == 2
    assert confusion.sum() == 2


def test_pooled_agreement_is_that_of_the_summed_confusion_matrices():
    (r1, s1), (r2, s2) = two_scorers(1), two_scorers(2, n=300)
    summed = agreement_from_confusion(agreement(r1, s1).confusion + agreement(r2, s2).confusion)
    joined = agreement(np.concatenate([r1, r2]), np.concatenate([s1, s2]))
    assert summed.to_json() == joined.to_json()


def test_no_common_epoch_is_nan_everywhere():
    ours = agreement(stages(W, UNSCORED), stages(UNSCORED, R))
    assert ours.n_epochs == 0
    assert np.isnan([ours.accuracy, ours.kappa, ours.macro_f1]).all()
    assert np.isnan([ours.f1, ours.precision, ours.recall]).all()
    assert_array_equal(ours.support, np.zeros(5))
    assert np.isnan(agreement(stages(), stages()).accuracy)


def test_a_stage_absent_on_both_sides_is_left_out_of_macro_f1():
    ours = agreement(stages(W, W, N2, N2), stages(W, N2, N2, N2))
    assert np.isnan(ours.f1[[N1, N3, R]]).all()
    assert_allclose(ours.macro_f1, (2 / 3 + 4 / 5) / 2)


def test_a_stage_on_one_side_only_counts_as_zero_f1():
    ours = agreement(stages(W, W, R), stages(W, W, W))
    assert ours.f1[R] == 0
    assert ours.recall[R] == 0
    assert np.isnan(ours.precision[R])
    assert_allclose(ours.macro_f1, (4 / 5) / 2)


def test_kappa_is_nan_when_both_sides_know_one_stage_only():
    ours = agreement(stages(N2, N2, N2), stages(N2, N2, N2))
    assert np.isnan(ours.kappa)
    assert ours.accuracy == 1
    assert ours.macro_f1 == 1


def test_kappa_is_zero_when_one_side_is_constant():
    assert agreement(stages(W, N2, N2), stages(N2, N2, N2)).kappa == 0


def test_kappa_does_not_overflow_on_the_largest_corpora():
    confusion = np.diag([10**7] * 5)
    assert agreement_from_confusion(confusion).kappa == 1


def test_coverage_is_the_share_of_the_references_scored_epochs():
    reference, scored = stages(W, N1, N2, UNSCORED, R), stages(W, UNSCORED, N3, W, UNSCORED)
    assert coverage(reference, scored) == 0.5
    assert accuracy_unscored_as_wrong(reference, scored) == 0.25
    assert np.isnan(coverage(stages(UNSCORED), stages(W)))
    assert np.isnan(accuracy_unscored_as_wrong(stages(UNSCORED), stages(W)))


def test_accuracy_with_unscored_as_wrong_is_accuracy_times_coverage():
    reference, scored = two_scorers(7)
    assert_allclose(
        accuracy_unscored_as_wrong(reference, scored),
        agreement(reference, scored).accuracy * coverage(reference, scored),
    )


def test_json_has_null_for_nan_and_a_name_for_each_stage():
    written = json.dumps(agreement(stages(W, W), stages(W, W)).to_json(), allow_nan=False)
    read = json.loads(written)
    assert read["kappa"] is None
    assert read["stages"]["R"] == {"f1": None, "precision": None, "recall": None, "support": 0}
    assert tuple(read["stages"]) == STAGES
    assert read["confusion"][W][W] == 2


def test_mean_pairwise_agreement_of_five_scorers_is_the_published_one(real_data):
    """0.792 for DOD-H and 0.776 for DOD-O: mean over nights of the ten pairs, on epochs all five scored."""
    nights = np.load(real_data / "dod" / "dod_5scorers.npz")
    means = {"dodh": [], "dodo": []}
    for name in nights.files:
        scorers = nights[name].astype(np.int8)
        scorers = scorers[:, (scorers != UNSCORED).all(axis=0)]
        pairs = [agreement(scorers[i], scorers[j]).accuracy for i in range(5) for j in range(i)]
        means[name.split("_")[0]].append(np.mean(pairs))
    assert len(means["dodh"]) + len(means["dodo"]) == 80
    assert round(float(np.mean(means["dodh"])), 3) == 0.792
    assert round(float(np.mean(means["dodo"])), 3) == 0.776
