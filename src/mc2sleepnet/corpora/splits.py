"""Folds of corpora whose members are not published: drawn by a seed or read from a file, kept as a hashed manifest."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.corpora.folds import SIDES, Fold, fold_table, published_corpora, seeded_fold, seeded_folds
from mc2sleepnet.corpora.subjects import small
from mc2sleepnet.store import FOLDS_NAME, Store, StoredRecording

MANIFEST_VERSION: Final = 1
_N_VALIDATION: Final = 100
_TEST_SHARE: Final = 0.3
_N_FOLDS: Final = 10
FEWEST_SUBJECTS: Final = 3
FROM_FILE: Final = "from "
_REMEDY: Final = "Prepare the store again, with --split FILE for a split of your own"
NOT_PUBLISHED: Final = (
    "the members of the published split are not known: this one is drawn by a seed; of the whole corpus it has the "
    "published sizes, not the published members; --split FILE takes a list"
)


def shhs_fold(subjects: Sequence[str], *, seed: int) -> Fold:
    """SHHS's one split, 70 to 30 by recording, with 100 of the 70 to validate (a tenth of few).

    Of 5,793 recordings it gives SleePyCo's 3,955, 100 and 1,738; of the 5,463 that have all stages, SleepTransformer's
    3,724, 100 and 1,639. One recording is one subject.

    Raises
    ------
    InputError
        If there are too few recordings for three sides.
    """
    n = len(set(subjects))
    n_validation = min(_N_VALIDATION, max(1, n // 10))
    return seeded_fold(
        subjects, n_validation=n_validation, n_test=max(1, round(_TEST_SHARE * n)), seed=seed, name=f"shhs seed {seed}"
    )


def shhs_rule(seed: int) -> dict[str, Any]:
    """What decides SHHS's split beside the recordings, and its sizes of the whole corpus by either set of rules."""
    return {
        "rule": "70 to 30 by recording, ordered by the SHA-256 of seed and subject",
        "seed": seed,
        "validation": f"{_N_VALIDATION}, or a tenth of fewer than {10 * _N_VALIDATION:,}",
        "sizes": "3,955 / 100 / 1,738 by sleepyco's rules, 3,724 / 100 / 1,639 by sleeptransformer's",
    }


@dataclass(frozen=True, kw_only=True)
class Split:
    """The folds of a store whose corpus has no published ones.

    Attributes
    ----------
    folds
        None where none are needed, or there are too few subjects.
    rule, seed
        How they came about; no seed where they were not drawn.
    remarks
        For people.
    """

    folds: tuple[Fold, ...] = ()
    rule: str = ""
    seed: int | None = None
    remarks: tuple[str, ...] = ()


def made_folds(corpus: str, recordings: Sequence[StoredRecording], *, seed: int) -> Split:
    """Folds of a corpus that has no published ones, drawn by a seed; none where there are too few subjects."""
    subjects = sorted({recording.subject for recording in recordings})
    if len(subjects) < FEWEST_SUBJECTS:
        return Split(remarks=(f"{len(subjects)} subjects are too few for a split; three are needed",))
    if corpus == "shhs":
        return Split(folds=(shhs_fold(subjects, seed=seed),), rule=NOT_PUBLISHED, seed=seed, remarks=(NOT_PUBLISHED,))
    folds = seeded_folds(subjects, n_folds=min(_N_FOLDS, len(subjects)), seed=seed)
    rule = f"{len(folds)} folds by subject were drawn by seed {seed}"
    return Split(folds=folds, rule=rule, seed=seed, remarks=(rule,))


def kept_split(store_dir: Path, recordings: Sequence[StoredRecording]) -> Split | None:
    """The split that an earlier run read from a file into this store; None where none did.

    Raises
    ------
    InputError
        If a side of it has no subject in the store any more.
    """
    path = store_dir / FOLDS_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rule, folds = str(content["rule"]), tuple(_fold(row) for row in content["folds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not rule.startswith(FROM_FILE):
        return None
    subjects = {recording.subject for recording in recordings}
    remarks = [f"the split stays the one {rule}; --split FILE gives another"]
    for fold in folds:
        for side, members in fold.sides.items():
            if not subjects.intersection(members):
                fault = f"the split {rule} has no {side} subject in the store any more"
                raise InputError(path, fault, "Give --split FILE, or use another --store")
        if unnamed := sorted(subjects.difference(*fold.sides.values())):
            remarks.append(f"{len(unnamed)} subjects of the store are on no side of it, such as '{unnamed[0]}'")
    return Split(folds=folds, rule=rule, remarks=tuple(remarks))


def check_split(path: Path) -> None:
    """Refuse a split file that no store could have, before there is one; `read_split` asks the store.

    Raises
    ------
    InputError
        If the file cannot be read or understood, puts a member on two sides, or leaves a side empty.
    """
    sides = _members(path)
    for side in SIDES:
        if not sides[side]:
            raise InputError(path, f"names no {side} members", "Name at least one for each side")
    _fold_of(path, {side: dict.fromkeys(map(_stem, members)) for side, members in sides.items()})


def read_split(path: Path, recordings: Sequence[StoredRecording]) -> tuple[Fold, tuple[str, ...]]:
    """Read a split from a file.

    Parameters
    ----------
    path
        JSON, an object with lists ``train``, ``validation`` and ``test``; or a table (CSV or TSV) with a column
        ``side`` that holds these words and a column ``subject`` or ``recording``. Members are subjects or recordings as
        the store spells them, or their beginnings up to the suffix of a file.
    recordings
        Of the store.

    Returns
    -------
    tuple
        The fold, and remarks on members that the store lacks and recordings that the file does not name.

    Raises
    ------
    InputError
        If the file cannot be read or understood, puts a subject on two sides, or leaves a side empty.
    """
    sides = _members(path)
    subject_of = {small(recording.name): recording.subject for recording in recordings}
    subject_of |= {small(recording.subject): recording.subject for recording in recordings}
    found: dict[str, dict[str, None]] = {side: {} for side in SIDES}
    strangers = []
    for side, members in sides.items():
        for member in members:
            if (subject := subject_of.get(_stem(member))) is None:
                strangers.append(member)
            else:
                found[side][subject] = None
    for side in SIDES:
        if not found[side]:
            fault = f"none of its {len(sides[side])} {side} members is in the store"
            raise InputError(path, fault, "Spell subjects or recordings as the store does")
    fold = _fold_of(path, found)
    named = {subject for subjects in fold.sides.values() for subject in subjects}
    unnamed = sorted({recording.subject for recording in recordings} - named)
    remarks = []
    if strangers:
        remarks.append(f"{path}: {len(strangers)} members are not in the store, such as '{strangers[0]}'")
    if unnamed:
        remarks.append(f"{path}: {len(unnamed)} subjects of the store are on no side, such as '{unnamed[0]}'")
    return fold, tuple(remarks)


def _fold_of(path: Path, members: Mapping[str, Iterable[str]]) -> Fold:
    try:
        return Fold(name=path.stem, **{side: tuple(members[side]) for side in SIDES})
    except InputError as error:
        raise InputError(path, error.fault, error.remedy) from None


def _stem(member: str) -> str:
    return small(member.strip()).removesuffix(".edf").removesuffix(".bdf").removesuffix(".rec")


def _members(path: Path) -> dict[str, list[str]]:
    remedy = 'Give {"train": [...], "validation": [...], "test": [...]}, or a table with columns subject and side'
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fault = (getattr(error, "strerror", None) or "is no text in UTF-8").lower()
        raise InputError(path, fault, "Name a split file that can be opened") from error
    if text.lstrip().startswith("{"):
        try:
            content = json.loads(text)
        except ValueError as error:
            raise InputError(path, f"is no JSON ({error})", remedy) from error
        if not all(isinstance(content.get(side), list) for side in SIDES):
            raise InputError(path, "lacks one of the lists train, validation and test", remedy)
        return {side: [str(member) for member in content[side]] for side in SIDES}
    try:
        return _members_of_table(path, text, remedy)
    except csv.Error as error:
        raise InputError(path, f"is no table ({error})", remedy) from error


def _members_of_table(path: Path, text: str, remedy: str) -> dict[str, list[str]]:
    lines = text.splitlines()
    rows = csv.DictReader(io.StringIO(text), delimiter="\t" if lines and "\t" in lines[0] else ",")
    column = next((name for name in ("subject", "recording") if name in (rows.fieldnames or ())), None)
    if column is None or "side" not in (rows.fieldnames or ()):
        raise InputError(path, "has no columns side and subject (or recording)", remedy)
    sides: dict[str, list[str]] = {side: [] for side in SIDES}
    for row in rows:
        side = (row["side"] or "").strip().lower()
        if side not in sides:
            raise InputError(path, f"line {rows.line_num}: {side!r} is no side", f"Sides are {', '.join(SIDES)}")
        sides[side].append(row[column] or "")
    return sides


def write_manifest(store_dir: Path, corpus: str, folds: Sequence[Fold], *, rule: str, seed: int | None) -> None:
    """Keep a store's folds beside its recordings: who is on which side, the hash of that, and that they are ours.

    Raises
    ------
    OSError
        If it cannot be written; it names the file.
    """
    content = {
        "version": MANIFEST_VERSION,
        "corpus": corpus,
        "rule": rule,
        "seed": seed,
        "members_are_published": False,
        "folds": [{"name": fold.name, "hash": fold.manifest_hash, **fold.sides} for fold in folds],
    }
    write_text_atomically(store_dir / FOLDS_NAME, json.dumps(content, indent=1) + "\n")


def folds_of(store: Store) -> tuple[Fold, ...]:
    """The folds by which a store's corpus is judged: the published ones, or those its manifest holds.

    Raises
    ------
    InputError
        If the corpus has no published folds and the store no whole manifest.
    """
    if store.corpus in published_corpora():
        return tuple(fold_table(store.corpus))
    path = store.path / FOLDS_NAME
    if not path.exists():
        refuse_few_subjects(store)
        raise InputError(store.path, f"has no {FOLDS_NAME}, and {store.corpus} has no published folds", _REMEDY)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        folds = [_fold(row) for row in content["folds"]]
        hashes = [row["hash"] for row in content["folds"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise InputError(path, error.fault, error.remedy) from None
        raise InputError(path, f"is damaged ({' '.join(str(error).split())[:80]})", _REMEDY) from error
    for fold, is_hash in zip(folds, hashes, strict=True):
        if fold.manifest_hash != is_hash:
            raise InputError(path, f"the members of '{fold.name}' are not those its hash is of", _REMEDY)
    if not folds:
        raise InputError(path, "holds no folds", _REMEDY)
    return tuple(folds)


def refuse_few_subjects(store: Store) -> None:
    """Refuse a store that nobody can split into three sides.

    Raises
    ------
    InputError
        If it has fewer than three subjects.
    """
    if (n := len(store.subjects)) < FEWEST_SUBJECTS:
        fault = f"holds {n} subject{'s' * (n > 1)}: to train, validate and test at least three are needed"
        raise InputError(store.path, fault, "Prepare nights of more people")


def _fold(row: Mapping[str, Any]) -> Fold:
    return Fold(name=row["name"], **{side: tuple(map(str, row[side])) for side in SIDES})
