"""Who has learned from whom: a fold whose sides share a person is refused, and a start that knows who is held out."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.store import Store, StoredRecording

SameNames = Literal["same_people", "other_people"]

# Of a SHA-256, enough to tell all recordings there are apart.
MARK_LETTERS: Final = 16
# PhysioNet's names, also where the files were prepared as a folder: the person behind SC4ss1… and SC4ss2….
_SLEEP_EDF_NIGHT: Final = re.compile(r"SC4\d\d(?=[12][A-Z])")


class LeakError(InputError):
    """Something would have let training, or a choice by early stopping, see what it is to be tested on."""


def refuse_people_on_two_sides(store: Store, fold: Fold) -> None:
    """A fold parts subjects; here, that no two of the store's subjects are one person as far as files can tell.

    Raises
    ------
    LeakError
        If two recordings on two sides are of one person.
    """
    side_of: dict[str, tuple[str, str]] = {}
    for side, subjects in fold.sides.items():
        for index in store.recordings_of(subjects).tolist():
            recording = store.recordings[index]
            for mark in _marks_of_person(store.corpus, recording):
                other_side, other = side_of.setdefault(mark, (side, recording.name))
                if other_side != side:
                    fault = f"{other} ({other_side}) and {recording.name} ({side}) are of one person"
                    raise LeakError(store.path, fault, "Give both one subject, and prepare them again")


def learned_from(store: Store, fold: Fold) -> dict[str, Any]:
    """What provenance keeps of the recordings behind subjects, so that they are known under any name.

    Marks of the recordings that train and that validate, and which of these subjects are synthetic in whole.
    """
    sides = {"train": fold.train, "validation": fold.validation}
    marks = {
        side: sorted({mark for index in store.recordings_of(subjects) for mark in _marks(store.recordings[index])})
        for side, subjects in sides.items()
    }
    synthetic = sorted({*fold.train, *fold.validation} & _synthetic_subjects(store))
    return {"recordings": {**marks, "synthetic_subjects": synthetic}}


def refuse_leak_from(
    provenance: Mapping[str, Any], start: Path, store: Store, fold: Fold, *, same_names: SameNames = "same_people"
) -> None:
    """Refuse a network, or an ancestor of it, that has learned from subjects that a fold holds out.

    A recording is itself wherever it lies and whatever its subject is called. A subject is a person wherever a corpus
    names it. In folders of one's own a name is a person only as far as one laboratory gives it: of another store there,
    with ``same_names="other_people"``, it says nothing.

    Raises
    ------
    LeakError
        If a test subject trained or stopped it, a validation subject trained it, or its spectrogram's statistics
        were fitted on either; or nobody knows.
    """
    ancestor: Mapping[str, Any] | None = provenance
    while ancestor is not None:
        if not {"fold", "store"} <= ancestor.keys():
            fault = "its config.json does not say whom it learned from"
            raise LeakError(start, fault, "Start from a run of `pretrain` or `finetune`")
        remedy = "Start from a network pre-trained on the same fold"
        recordings, subjects = _known_recordings(ancestor, store, fold), _known_names(ancestor, store, fold)
        is_own = _is_another_folder(store, ancestor["store"])
        if is_own and same_names == "other_people":
            subjects = set()
        if subjects:
            fault = f"learned from subjects that {fold.name} holds out: {', '.join(sorted(subjects))}"
            if is_own and not recordings:
                remedy += ", or, if these are other people of the same names, --set same_names=other_people"
            raise LeakError(start, fault, remedy)
        if recordings:
            fault = f"learned from recordings that {fold.name} holds out: {', '.join(recordings)}"
            raise LeakError(start, fault, remedy)
        ancestor = ancestor.get("parent")


def _known_recordings(ancestor: Mapping[str, Any], store: Store, fold: Fold) -> list[str]:
    """Held-out recordings that an ancestor has met, by name; none where its provenance keeps no marks."""
    marks = ancestor.get("recordings", {})
    training, stopping = set(marks.get("train", ())), set(marks.get("validation", ()))
    met_by = (fold.test, training | stopping), (fold.validation, training)
    return [
        store.recordings[index].name
        for subjects, met in met_by
        for index in store.recordings_of(subjects).tolist()
        if met.intersection(_marks(store.recordings[index]))
    ]


def _known_names(ancestor: Mapping[str, Any], store: Store, fold: Fold) -> set[str]:
    """Held-out subjects whose names an ancestor has met, where these are the same people."""
    earlier = ancestor["fold"]
    seen = {*fold.test} & {*earlier["train"], *earlier["validation"]}
    seen |= {*fold.validation} & {*earlier["train"]}
    seen |= {*fold.validation, *fold.test} & {*ancestor.get("spectrogram_fitted_on", ())}
    was = ancestor["store"]
    if store.content_hash == was["content_hash"]:
        return seen
    # Sleep-EDF-20 and -78 number the same people; two synthetic cohorts share numbers and nobody.
    family, other = (corpus.rpartition("-")[0] or corpus for corpus in (store.corpus, was["corpus"]))
    if family != other:
        return set()
    if "recordings" in ancestor:
        synthetic = {*ancestor["recordings"]["synthetic_subjects"]}
    else:
        synthetic = seen if was["is_synthetic"] else set()
    return seen - synthetic - _synthetic_subjects(store)


def _synthetic_subjects(store: Store) -> set[str]:
    """Subjects no recording of whom is of a person."""
    recorded = {recording.subject for recording in store.recordings if not recording.is_synthetic}
    return {*store.subjects} - recorded


def _is_another_folder(store: Store, learned_from: Mapping[str, Any]) -> bool:
    """Whether two stores, not the same, are both of folders of somebody's own."""
    return bool(
        store.content_hash != learned_from["content_hash"] and store.corpus == learned_from["corpus"] == "folder"
    )


def _marks(recording: StoredRecording) -> list[str]:
    """By what a recording is known in any store: its file, its signal, and of Sleep-EDF's nights whose they are."""
    marks = [
        sha256[:MARK_LETTERS] for sha256 in (recording.source_sha256, recording.signal_sha256) if sha256.strip("0")
    ]
    if not recording.is_synthetic and (match := _SLEEP_EDF_NIGHT.match(recording.name)):
        marks.append(match[0])
    return marks


def _marks_of_person(corpus: str, recording: StoredRecording) -> list[str]:
    """What shows that two recordings are of one person: the same signal; in Sleep-EDF's names, the same number."""
    marks = [recording.signal_sha256]
    if corpus.startswith("sleep-edf") and recording.name.startswith("SC4"):
        marks.append(recording.name[: len("SC4ss")])
    return marks
