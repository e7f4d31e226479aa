import numpy as np
import pytest
from numpy.testing import assert_allclose

from mc2sleepnet.metrics.chance_corrected import VoteCounts, fleiss_kappa, krippendorff_alpha
from mc2sleepnet.metrics.consensus import votes


def test_fleiss_kappa_of_the_textbook_example():
    """Fourteen raters, ten subjects, five categories: κ = 0.210 (the example most textbooks print)."""
    counts = np.array(
        [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ]
    )
    assert_allclose(fleiss_kappa(VoteCounts.of(counts, 14)), 0.210, atol=0.0005)


def test_krippendorffs_alpha_of_his_own_example_with_missing_data():
    """Four observers, twelve units, nominal: α = 0.743 (Krippendorff 2011, "Computing Krippendorff's alpha", C)."""
    m = 0
    observers = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, m, m, m],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, m, 3],
            [m, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, m],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, m],
        ],
        np.int8,
    )
    assert_allclose(krippendorff_alpha(VoteCounts.of(votes(observers - 1), 4)), 0.743, atol=0.0005)


@pytest.mark.parametrize("n_scorers", [2, 4])
def test_two_sums_of_nights_equal_the_long_night(n_scorers):
    rng = np.random.default_rng(0)
    long = rng.integers(-1, 5, (n_scorers, 300)).astype(np.int8)
    parts = [VoteCounts.of(votes(long[:, a:b]), n_scorers) for a, b in ((0, 120), (120, 300))]
    summed = VoteCounts(
        **{name: getattr(parts[0], name) + getattr(parts[1], name) for name in VoteCounts.__dataclass_fields__}
    )
    whole = VoteCounts.of(votes(long), n_scorers)
    assert_allclose(fleiss_kappa(summed), fleiss_kappa(whole))
    assert_allclose(krippendorff_alpha(summed), krippendorff_alpha(whole))


def test_perfect_agreement_is_one_and_chance_is_zero():
    rng = np.random.default_rng(0)
    stage = rng.integers(0, 5, 500).astype(np.int8)
    same = VoteCounts.of(votes(np.stack([stage] * 3)), 3)
    assert_allclose([fleiss_kappa(same), krippendorff_alpha(same)], 1)
    chance = VoteCounts.of(votes(rng.integers(0, 5, (3, 20_000)).astype(np.int8)), 3)
    assert_allclose([fleiss_kappa(chance), krippendorff_alpha(chance)], 0, atol=0.01)


@pytest.mark.parametrize(
    "scorers",
    [np.full((3, 5), 2), np.full((3, 5), -1), np.zeros((3, 0), int), np.array([[0, 1], [-1, -1], [-1, -1]])],
    ids=["one stage", "nobody scored", "no epochs", "one scorer each"],
)
def test_without_anything_to_tell_apart_there_is_no_value(scorers):
    counts = VoteCounts.of(votes(scorers.astype(np.int8)), 3)
    assert np.isnan(fleiss_kappa(counts))
    assert np.isnan(krippendorff_alpha(counts))
