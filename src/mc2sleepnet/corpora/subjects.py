"""Who slept in which recording: from a table, from what a name says, or everybody once."""

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError

_REMEDY: Final = "Give a table (CSV or TSV) with columns recording, subject and, if you like, night"
_NAMES: Final = (
    # BIDS; Sleep-EDF's cassette and telemetry; whatever ends in a number of the night.
    re.compile(r"(?:^|.*_)sub-(?P<subject>[a-z0-9]+)(?:_ses-[a-z]*0*(?P<night>\d*))?(?:_.*)?", re.IGNORECASE),
    re.compile(r"(?P<subject>s[ct][47]\d\d)(?P<night>\d)[a-z]\d?", re.IGNORECASE),
    re.compile(r"(?P<subject>.*[^-_. ])[-_. ]*(?:night|session|ses|visit)[-_. ]*0*(?P<night>\d{1,2})", re.IGNORECASE),
    re.compile(r"(?P<subject>.*[^-_. ])[-_. ]+[nsv][-_. ]?0*(?P<night>\d{1,2})", re.IGNORECASE),
)

Sleeper = tuple[str, int | None]


def composed(name: str) -> str:
    """A name whose accents are one letter with what they stand on, as some systems' file names are not."""
    return unicodedata.normalize("NFC", name)


def small(name: str) -> str:
    """A name in the spelling by which names are compared: composed, in small letters."""
    return composed(name).lower()


def sleeper_of_name(name: str) -> Sleeper:
    """Subject and night as a recording's name tells them; a name that tells nothing is a subject of its own.

    BIDS's ``sub-`` and ``ses-``, Sleep-EDF's ``SC4ssN`` and ``ST7ssN``, and ends such as ``_night2``, ``-n2`` or
    ``_ses1`` are understood.
    """
    for pattern in _NAMES:
        if (match := pattern.fullmatch(name)) is not None:
            return match["subject"], int(match["night"]) if match["night"] else None
    return name, None


def read_subjects(path: Path) -> Mapping[str, Sleeper]:
    """A table of recordings: subject, and night or None, by the recording's name in small letters without suffix.

    Raises
    ------
    InputError
        If the table cannot be read, lacks a column, or names a recording twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fault = (getattr(error, "strerror", None) or "is no text in UTF-8").lower()
        raise InputError(path, fault, _REMEDY) from error
    rows = csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in text.partition("\n")[0] else ",")
    if not {"recording", "subject"} <= {*(rows.fieldnames or ())}:
        raise InputError(path, "has no columns recording and subject", _REMEDY)
    sleepers: dict[str, Sleeper] = {}
    for row in rows:
        where = f"line {rows.line_num}"
        recording, subject, night = (
            composed(row.get(column) or "").strip() for column in ("recording", "subject", "night")
        )
        if not recording or not subject:
            raise InputError(path, f"{where}: recording or subject is empty", _REMEDY)
        if night and not night.isdecimal():
            raise InputError(path, f"{where}: night {night!r} is no number", _REMEDY)
        key = key_of(recording)
        if key in sleepers:
            raise InputError(path, f"{where}: '{recording}' is there twice", _REMEDY)
        sleepers[key] = subject, int(night) if night else None
    return sleepers


def key_of(recording: str) -> str:
    """A recording's name as tables are searched for it: the file's name in small letters, without its suffix."""
    name = small(recording.replace("\\", "/").rpartition("/")[2])
    return name.removesuffix(".edf").removesuffix(".bdf").removesuffix(".rec")
