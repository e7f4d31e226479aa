"""Who has learned from whom: a fold whose sides share a person is refused, and a start that knows who is held out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.store import Store, StoredRecording

SameNames = Literal["same_people", "other_people"]


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


def refuse_leak_from(
    provenance: Mapping[str, Any], start: Path, store: Store, fold: Fold, *, same_names: SameNames = "same_people"
) -> None:
    """Refuse a network, or an ancestor of it, that has learned from subjects that a fold holds out.

    A subject is a person wherever a corpus names it. In folders of one's own a name is a person only as far as one
    laboratory gives it: of another store there, with ``same_names="other_people"``, it says nothing.

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
        earlier = ancestor["fold"]
        seen = {*fold.test} & {*earlier["train"], *earlier["validation"]}
        seen |= {*fold.validation} & {*earlier["train"]}
        seen |= {*fold.validation, *fold.test} & {*ancestor.get("spectrogram_fitted_on", ())}
        is_own = _is_another_folder(store, ancestor["store"])
        if seen and _same_people(store, ancestor["store"]) and not (is_own and same_names == "other_people"):
            fault = f"learned from subjects that {fold.name} holds out: {', '.join(sorted(seen))}"
            remedy = "Start from a network pre-trained on the same fold"
            if is_own:
                remedy += ", or, if these are other people of the same names, --set same_names=other_people"
            raise LeakError(start, fault, remedy)
        ancestor = ancestor.get("parent")


def _same_people(store: Store, learned_from: Mapping[str, Any]) -> bool:
    """Whether subjects of the same name in two stores are the same people."""
    if store.content_hash == learned_from["content_hash"]:
        return True
    # Sleep-EDF-20 and -78 number the same people; two synthetic cohorts share numbers and nobody.
    family, other = (corpus.rpartition("-")[0] or corpus for corpus in (store.corpus, learned_from["corpus"]))
    return family == other and not (store.is_synthetic or learned_from["is_synthetic"])


def _is_another_folder(store: Store, learned_from: Mapping[str, Any]) -> bool:
    """Whether two stores, not the same, are both of folders of somebody's own."""
    return bool(
        store.content_hash != learned_from["content_hash"] and store.corpus == learned_from["corpus"] == "folder"
    )


def _marks_of_person(corpus: str, recording: StoredRecording) -> list[str]:
    """What shows that two recordings are of one person: the same signal; in Sleep-EDF's names, the same number."""
    marks = [recording.signal_sha256]
    if corpus.startswith("sleep-edf") and recording.name.startswith("SC4"):
        marks.append(recording.name[: len("SC4ss")])
    return marks
