"""Who trains, who validates, who tests: partitions of subjects, published and seeded."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora.sleep_edf import SUBJECTS

SIDES: Final = ("train", "validation", "test")
_SLEEP_EDF_78_SUBJECTS: Final = SUBJECTS["sleep-edf-78"]
_SLEEP_EDF_20_SUBJECTS: Final = SUBJECTS["sleep-edf-20"]
_N_VALIDATION_SLEEP_EDF_20: Final = 4

# SleePyCo's ten folds: test and validation subjects; all others train.
_SLEEP_EDF_78_FOLDS: Final = (
    ((0, 1, 2, 3, 4, 5, 6, 7), (30, 8, 58, 12, 63, 26, 18)),
    ((8, 9, 10, 11, 12, 13, 14, 15), (51, 62, 54, 50, 21, 5, 74)),
    ((16, 17, 18, 19, 20, 21, 22, 23), (0, 66, 73, 57, 63, 53, 34)),
    ((24, 25, 26, 27, 28, 29, 30, 31), (5, 34, 46, 74, 35, 56, 81)),
    ((32, 33, 34, 35, 36, 37, 38, 40), (10, 20, 13, 74, 47, 51, 77)),
    ((41, 42, 43, 44, 45, 46, 47, 48), (51, 36, 5, 77, 40, 74, 72)),
    ((49, 50, 51, 52, 53, 54, 55, 56), (45, 8, 36, 24, 10, 62, 48)),
    ((57, 58, 59, 60, 61, 62, 63, 64), (77, 11, 24, 48, 22, 27, 14)),
    ((65, 66, 67, 70, 71, 72, 73), (8, 45, 17, 80, 47, 36, 50)),
    ((74, 75, 76, 77, 80, 81, 82), (71, 26, 46, 0, 14, 22, 54)),
)


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A partition of subjects; each is on one side only, with all of their nights.

    Attributes
    ----------
    name
        For people.
    train, validation, test
        Subjects, as the store spells them.

    Raises
    ------
    InputError
        If a subject is on two sides, or twice on one.
    """

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        side_of: dict[str, str] = {}
        for side, subjects in self.sides.items():
            for subject in subjects:
                if (other := side_of.get(subject)) is not None:
                    fault = f"subject '{subject}' is in {other} and in {side}"
                    raise InputError(self.name, fault, "A subject belongs to one side, once")
                side_of[subject] = side

    @property
    def sides(self) -> dict[str, tuple[str, ...]]:
        """Subjects by the names ``train``, ``validation`` and ``test``."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @cached_property
    def manifest_hash(self) -> str:
        """SHA-256 of who is on which side, whatever the order and the fold's name."""
        manifest = {side: sorted(subjects) for side, subjects in self.sides.items()}
        return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode("utf-8")).hexdigest()

    def restricted_to(self, subjects_present: Collection[str]) -> "Fold":
        """The same fold with the subjects that are there.

        Raises
        ------
        InputError
            If a side is left without anybody.
        """
        present = frozenset(subjects_present)
        kept = {side: tuple(s for s in subjects if s in present) for side, subjects in self.sides.items()}
        for side, subjects in kept.items():
            if not subjects:
                wanted = ", ".join(self.sides[side]) or "nobody"
                fault = f"none of its {side} subjects ({wanted}) is in the store"
                raise InputError(self.name, fault, "Prepare more subjects, or take another fold")
        return Fold(name=self.name, **kept)


def sleep_edf_78_fold(k: int) -> Fold:
    """Fold `k` of 1–10 of Sleep-EDF-78, subject-wise, as SleePyCo published them.

    Raises
    ------
    InputError
        If there is no such fold.
    """
    _check_number("sleep-edf-78", k, len(_SLEEP_EDF_78_FOLDS))
    test, validation = _SLEEP_EDF_78_FOLDS[k - 1]
    return _fold(f"sleep-edf-78 fold {k}", _SLEEP_EDF_78_SUBJECTS, validation, test)


def sleep_edf_20_fold(k: int) -> Fold:
    """Fold `k` of 1–20 of Sleep-EDF-20: subject ``k - 1`` is left out to test.

    Four of the other subjects validate. The field publishes no choice of them; this one is ours, drawn by a seed
    that is `k`.

    Raises
    ------
    InputError
        If there is no such fold.
    """
    _check_number("sleep-edf-20", k, len(_SLEEP_EDF_20_SUBJECTS))
    left_out = _SLEEP_EDF_20_SUBJECTS[k - 1]
    others = [str(s) for s in _SLEEP_EDF_20_SUBJECTS if s != left_out]
    validation = [int(s) for s in _shuffled(others, seed=k)[:_N_VALIDATION_SLEEP_EDF_20]]
    return _fold(f"sleep-edf-20 fold {k}", _SLEEP_EDF_20_SUBJECTS, sorted(validation), [left_out])


def seeded_fold(subjects: Iterable[str], *, n_validation: int, n_test: int, seed: int, name: str | None = None) -> Fold:
    """Draw a fold from a seed: the same on every machine and for any order of `subjects`.

    Parameters
    ----------
    subjects
        All of them, each at least once.
    n_validation, n_test
        Subjects on these sides, at least one each; all others train.
    seed
        Another seed, another fold.
    name
        For people; None names the seed.

    Raises
    ------
    InputError
        If nobody would be left to train, or a side would be empty.
    """
    shuffled = _shuffled(set(subjects), seed=seed)
    name = name or f"seed {seed}"
    if min(n_validation, n_test) < 1 or n_validation + n_test >= len(shuffled):
        fault = f"{len(shuffled)} subjects cannot give {n_validation} to validate, {n_test} to test and some to train"
        raise InputError(name, fault, "Use more subjects or smaller sides")
    return Fold(
        name=name,
        test=tuple(sorted(shuffled[:n_test], key=_by_number)),
        validation=tuple(sorted(shuffled[n_test : n_test + n_validation], key=_by_number)),
        train=tuple(sorted(shuffled[n_test + n_validation :], key=_by_number)),
    )


def seeded_folds(subjects: Iterable[str], *, n_folds: int, seed: int) -> tuple[Fold, ...]:
    """Draw folds from a seed, in which every subject is tested once and as many validate as test.

    Raises
    ------
    InputError
        If there are fewer than three subjects, or fewer than folds.
    """
    shuffled = _shuffled(set(subjects), seed=seed)
    name = f"{n_folds} folds by seed {seed}"
    if not 3 <= n_folds <= len(shuffled):
        raise InputError(name, f"{len(shuffled)} subjects cannot be cut into them", "Ask for 3 folds to one a subject")
    parts = [tuple(sorted(shuffled[k::n_folds], key=_by_number)) for k in range(n_folds)]
    folds = []
    for k, test in enumerate(parts):
        validation = parts[(k + 1) % n_folds]
        train = tuple(sorted(set(shuffled) - {*test, *validation}, key=_by_number))
        folds.append(Fold(name=f"seed {seed} fold {k + 1}", train=train, validation=validation, test=test))
    return tuple(folds)


def published_corpora() -> tuple[str, ...]:
    """Corpora whose folds are known by their members."""
    return ("sleep-edf-78", "sleep-edf-20")


def corpus_folds(corpus: str) -> tuple[Callable[[int], Fold], int]:
    """The folds of a corpus, by number from 1, and how many there are.

    Raises
    ------
    InputError
        If no folds of it are known.
    """
    known = {"sleep-edf-78": (sleep_edf_78_fold, 10), "sleep-edf-20": (sleep_edf_20_fold, 20)}
    if corpus not in known:
        raise InputError(corpus, "no folds are known of this corpus", f"Choose from {', '.join(known)}")
    return known[corpus]


def fold_table(corpus: str) -> list[Fold]:
    """All folds of a corpus, in order."""
    fold_of, n_folds = corpus_folds(corpus)
    return [fold_of(number) for number in range(1, n_folds + 1)]


def _fold(name: str, subjects: Iterable[int], validation: Iterable[int], test: Iterable[int]) -> Fold:
    held_out = {*validation, *test}
    return Fold(
        name=name,
        train=tuple(str(s) for s in subjects if s not in held_out),
        validation=tuple(map(str, validation)),
        test=tuple(map(str, test)),
    )


def _check_number(corpus: str, k: int, n_folds: int) -> None:
    if not 1 <= k <= n_folds:
        raise InputError(f"fold {k}", f"{corpus} has folds 1 to {n_folds}", "Choose one of them")


def _shuffled(subjects: Iterable[str], *, seed: int) -> list[str]:
    # Order by a hash rather than by a generator, whose stream may change between numpy's versions.
    return sorted(subjects, key=lambda subject: hashlib.sha256(f"{seed}:{subject}".encode()).digest())


def _by_number(subject: str) -> tuple[int, str]:
    return (int(subject) if subject.isdecimal() else -1, subject)
