"""Every dialect's way out, under the name that `convert --to` and `score --formats` know it by."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import at_home
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.formats.bids import write_bids
from mc2sleepnet.formats.csv import write_csv
from mc2sleepnet.formats.edfplus import write_edfplus
from mc2sleepnet.formats.json_file import write_json
from mc2sleepnet.formats.losses import losses
from mc2sleepnet.formats.luna import write_luna
from mc2sleepnet.formats.nsrr import write_nsrr
from mc2sleepnet.formats.profusion import write_profusion
from mc2sleepnet.formats.scored_hypnogram import HasHypnogram, ScoredHypnogram, as_scored
from mc2sleepnet.formats.text import write_integers, write_text

_WRITER_OF: Final[Mapping[str, Callable[[ScoredHypnogram, Path], None]]] = {
    "csv": write_csv,
    "edf": write_edfplus,
    "bids": write_bids,
    "luna": write_luna,
    "nsrr": write_nsrr,
    "profusion": write_profusion,
    "json": write_json,
    "text": write_text,
}
FORMATS: Final = tuple(_WRITER_OF)
# What `score` calls a night's hypnogram in each dialect.
FILE_NAMES: Final[Mapping[str, str]] = {
    "csv": "hypnogram.csv",
    "edf": "hypnogram.edf",
    "bids": "events.tsv",
    "luna": "hypnogram.annot",
    "nsrr": "hypnogram-nsrr.xml",
    "profusion": "hypnogram-profusion.xml",
    "json": "hypnogram.json",
    "text": "hypnogram.txt",
}

# What `score` writes last beside them; it says what they have no place for.
PROVENANCE_FILE: Final = "provenance.json"


def check_format(dialect: str) -> None:
    """Refuse a name that is none of `FORMATS`.

    Raises
    ------
    InputError
        With the names there are.
    """
    if dialect not in _WRITER_OF:
        raise InputError("format", f"no format '{dialect}'", f"Choose from {', '.join(FORMATS)}")


def write_hypnogram(
    hypnogram: Hypnogram | HasHypnogram, path: str | Path, dialect: str, *, integers: bool = False
) -> tuple[str, ...]:
    """Write a hypnogram in a dialect, all or nothing.

    Parameters
    ----------
    hypnogram
        At least one epoch; as a `ScoredHypnogram` or a scored night with what else is known of each.
    path
        The file to write.
    dialect
        One of `FORMATS`.
    integers
        For ``text``: YASA's numbers, 0 W to 4 R and -2 unscored, instead of names.

    Returns
    -------
    tuple of str
        What the dialect cannot carry, in words.

    Raises
    ------
    InputError
        If it is no hypnogram, there is no such dialect, no epoch, or the dialect cannot hold the start's year.
    """
    check_format(dialect)
    scored, path = as_scored(hypnogram), at_home(path)
    if not len(scored.hypnogram):
        raise InputError(path, "there is nothing to write", "Give a hypnogram with at least one epoch")
    if integers and dialect != "text":
        raise InputError(path, f"{dialect} has no integers to choose", "Leave out --integers, or write text")
    write = write_integers if integers else _WRITER_OF[dialect]
    write(scored, path)
    return losses(scored, dialect)
