import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora import Fold, seeded_fold, sleep_edf_20_fold, sleep_edf_78_fold

SUBJECTS_78 = {str(subject) for subject in range(83)} - {"39", "68", "69", "78", "79"}
SUBJECTS_20 = {str(subject) for subject in range(20)}


def everybody(fold: Fold) -> set[str]:
    return {*fold.train, *fold.validation, *fold.test}


@pytest.mark.parametrize(
    ("fold_of", "n_folds", "subjects"), [(sleep_edf_78_fold, 10, SUBJECTS_78), (sleep_edf_20_fold, 20, SUBJECTS_20)]
)
def test_every_subject_is_tested_once_and_nobody_is_left_out(fold_of, n_folds, subjects):
    folds = [fold_of(k) for k in range(1, n_folds + 1)]
    tested = [subject for fold in folds for subject in fold.test]
    assert sorted(tested) == sorted(subjects)
    assert all(everybody(fold) == subjects for fold in folds)
    assert len({fold.manifest_hash for fold in folds}) == n_folds
    for k in (0, n_folds + 1):
        with pytest.raises(InputError, match=f"has folds 1 to {n_folds}"):
            fold_of(k)


def test_the_ten_folds_are_the_published_ones():
    first, fifth, last = (sleep_edf_78_fold(k) for k in (1, 5, 10))
    assert first.test == ("0", "1", "2", "3", "4", "5", "6", "7")
    assert first.validation == ("30", "8", "58", "12", "63", "26", "18")
    assert fifth.test == ("32", "33", "34", "35", "36", "37", "38", "40")
    assert last.validation == ("71", "26", "46", "0", "14", "22", "54")
    assert len(last.train) == 78 - 7 - 7


def test_leave_one_out_leaves_one_out_and_validates_on_four():
    fold = sleep_edf_20_fold(3)
    assert fold.test == ("2",)
    assert len(fold.validation) == 4
    assert len(fold.train) == 15


def test_a_subject_on_two_sides_is_an_error():
    with pytest.raises(InputError, match="subject '3' is in train and in test"):
        Fold(name="mine", train=("1", "3"), validation=("2",), test=("3",))
    with pytest.raises(InputError, match="subject '3' is in test and in test"):
        Fold(name="mine", train=("1",), validation=("2",), test=("3", "3"))


def test_the_manifest_hash_is_of_who_is_where():
    fold = Fold(name="a", train=("1", "2"), validation=("3",), test=("4",))
    assert fold.manifest_hash == Fold(name="b", train=("2", "1"), validation=("3",), test=("4",)).manifest_hash
    assert fold.manifest_hash != Fold(name="a", train=("1", "3"), validation=("2",), test=("4",)).manifest_hash


def test_a_fold_keeps_the_subjects_that_are_there_or_says_which_side_is_empty():
    fold = sleep_edf_78_fold(1)
    kept = fold.restricted_to({"0", "1", "9", "30", "99"})
    assert (kept.train, kept.validation, kept.test) == (("9",), ("30",), ("0", "1"))
    with pytest.raises(InputError, match=r"fold 1: none of its validation subjects \(30, 8, "):
        fold.restricted_to({"0", "9"})


@given(
    subjects=st.sets(st.integers(0, 99).map(str), min_size=5, max_size=40),
    n_validation=st.integers(1, 2),
    n_test=st.integers(1, 2),
    seed=st.integers(0, 2**40),
)
def test_a_seeded_fold_has_the_sizes_asked_for_whatever_the_order(subjects, n_validation, n_test, seed):
    fold = seeded_fold(subjects, n_validation=n_validation, n_test=n_test, seed=seed)
    assert (len(fold.validation), len(fold.test)) == (n_validation, n_test)
    assert everybody(fold) == subjects
    assert seeded_fold(sorted(subjects), n_validation=n_validation, n_test=n_test, seed=seed) == fold


def test_another_seed_gives_another_fold():
    folds = {seeded_fold(SUBJECTS_78, n_validation=7, n_test=8, seed=seed).manifest_hash for seed in range(20)}
    assert len(folds) == 20


@pytest.mark.parametrize(("n_validation", "n_test"), [(0, 1), (1, 0), (2, 2), (3, 5)])
def test_a_seeded_fold_with_an_empty_side_is_refused(n_validation, n_test):
    with pytest.raises(InputError, match="4 subjects cannot give"):
        seeded_fold("1234", n_validation=n_validation, n_test=n_test, seed=0)


def test_a_seeded_fold_is_the_same_in_another_process():
    # Python hashes strings differently in every process; folds must not.
    code = (
        "from mc2sleepnet.corpora import seeded_fold;"
        "print(seeded_fold(map(str, range(30)), n_validation=3, n_test=3, seed=5).manifest_hash)"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert seeded_fold(map(str, range(30)), n_validation=3, n_test=3, seed=5).manifest_hash == other
