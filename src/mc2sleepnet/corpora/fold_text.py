"""Folds as they are printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora.folds import Fold, fold_table
from mc2sleepnet.corpora.splits import NOT_PUBLISHED, folds_of
from mc2sleepnet.store import Store

_UNPUBLISHED: Final = ("shhs", "folder")


def fold_table_of(corpus: str, store: Path | None) -> tuple[Fold, ...]:
    """The folds of a corpus: the published ones, or those of its store.

    Raises
    ------
    InputError
        If no folds of the corpus are published and there is no store, or the store is of another corpus.
    """
    if store is None:
        if corpus in _UNPUBLISHED:
            fault = "the members of its split depend on the recordings that were prepared"
            raise InputError(corpus, fault, "Name the store with --store DIR")
        return tuple(fold_table(corpus))
    opened = Store.open(store)
    if opened.corpus != corpus:
        raise InputError(store, f"is a store of {opened.corpus}, not of {corpus}", f"Ask for {opened.corpus}")
    return folds_of(opened)


def folds_json(folds: Sequence[Fold]) -> list[dict[str, Any]]:
    """Name, hash and all three sides of every fold."""
    return [{"name": fold.name, "hash": fold.manifest_hash, **fold.sides} for fold in folds]


def folds_text(folds: Sequence[Fold], corpus: str) -> str:
    """Who tests and who validates in every fold."""
    lines = []
    for fold in folds:
        sizes = ", ".join(f"{side} {len(subjects):,}" for side, subjects in fold.sides.items())
        lines += [f"{fold.name}  {fold.manifest_hash[:12]}  {sizes}"]
        lines += [f"  test        {' '.join(fold.test)}", f"  validation  {' '.join(fold.validation)}"]
    lines.append("train: every other subject")
    if corpus == "shhs":
        lines.append(NOT_PUBLISHED)
    return "\n".join(lines)
