"""Folds as they are printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora.folds import Fold, fold_table, published_corpora
from mc2sleepnet.corpora.protocols import DEFAULT_SEED
from mc2sleepnet.corpora.splits import NOT_PUBLISHED, folds_of, shhs_rule
from mc2sleepnet.store import Store
from mc2sleepnet.store.layout import hash_of

_MEMBERS: Final = "its members depend on the recordings that were prepared: `mc2sleepnet folds shhs --store DIR`"


def describe_folds(corpus: str, store: Path | None) -> tuple[list[dict[str, Any]], str]:
    """The folds of a corpus, for machines and for people: the published ones, or those of a store.

    Of SHHS without a store there is only the rule by which its split is drawn; the hash is that of the rule.

    Raises
    ------
    InputError
        If no folds of the corpus are known and there is no store, or the store is of another corpus.
    """
    if store is not None:
        opened = Store.open(store)
        if opened.corpus != corpus:
            raise InputError(store, f"is a store of {opened.corpus}, not of {corpus}", f"Ask for {opened.corpus}")
        folds = folds_of(opened)
    elif corpus == "shhs":
        return _rule_alone()
    elif corpus == "folder":
        fault = "its folds depend on the recordings that were prepared"
        raise InputError(corpus, fault, "Name the store with --store DIR")
    else:
        folds = tuple(fold_table(corpus))
    content = [{"name": fold.name, "hash": fold.manifest_hash, **fold.sides} for fold in folds]
    return content, _text(folds, corpus)


def _rule_alone() -> tuple[list[dict[str, Any]], str]:
    rule = shhs_rule(DEFAULT_SEED)
    content = {"name": f"shhs seed {DEFAULT_SEED}", "hash": hash_of(rule), **rule}
    lines = [f"{content['name']}  rule {content['hash'][:12]}", *(f"  {key}: {value}" for key, value in rule.items())]
    return [content], "\n".join([*lines, _MEMBERS, NOT_PUBLISHED])


def _text(folds: Sequence[Fold], corpus: str) -> str:
    lines = []
    for fold in folds:
        sizes = ", ".join(f"{side} {len(subjects):,}" for side, subjects in fold.sides.items())
        lines += [f"{fold.name}  {fold.manifest_hash[:12]}  {sizes}"]
        lines += [f"  test        {' '.join(fold.test)}", f"  validation  {' '.join(fold.validation)}"]
    lines.append("train: every other subject" if corpus in published_corpora() else "train: --json names them")
    if corpus == "shhs":
        lines.append(NOT_PUBLISHED)
    return "\n".join(lines)
