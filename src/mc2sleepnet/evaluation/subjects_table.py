"""A table about subjects or recordings: who is who, and the groups to report by."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.evaluation.recording_names import night_name, recording_name, subject_name

_PERSON: Final = ("subject", "subject_id", "person", "pid", "nsrrid", "participant", "participant_id")
_MOST_GROUPS: Final = 8
_AGE_BANDS: Final = (20, 40, 60, 80)


@dataclass(frozen=True, kw_only=True)
class SubjectsTable:
    """Rows found for recordings.

    Attributes
    ----------
    subjects
        Of each recording: its subject, by the table where that says it, else by its name.
    groups
        By column: the group of each recording, empty where the table does not tell.
    n_found
        Recordings that the table knows.
    """

    subjects: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]
    n_found: int


def without_table(recordings: Sequence[str]) -> SubjectsTable:
    """Subjects by the recordings' names alone."""
    return SubjectsTable(subjects=tuple(map(subject_name, recordings)), groups={}, n_found=0)


def read_subjects(
    path: Path, recordings: Sequence[str], *, by: Sequence[str] = (), person: str | None = None
) -> SubjectsTable:
    """Read a table with a header, comma, semicolon or tab separated, one row a subject or a recording.

    The column that names recordings or subjects is found by what is in it. Another column called ``subject``,
    ``pid`` or alike, or `person`, says which recordings are of one person. Columns of numbers with more than
    eight values are banded: ages by twenty years, others in thirds.

    Parameters
    ----------
    path
        The table.
    recordings
        Names of the recordings.
    by
        Columns to group by.
    person
        Column that names the person.

    Raises
    ------
    InputError
        If it cannot be read, knows none of the recordings, lacks a column, or says two things of a recording.
    """
    columns, rows = _read(path)
    wanted = [_keys(name) for name in recordings]
    found = {column: _matches(column, rows, wanted) for column in columns}
    key = max(columns, key=lambda column: sum(map(bool, found[column])))
    of_recording = [own[0] if own else None for own in found[key]]
    n_found = sum(map(bool, found[key]))
    if not n_found:
        remedy = f"Give a column with names such as {recordings[0]} or {subject_name(recordings[0])}"
        raise InputError(path, "none of its rows is about a recording that is compared", remedy)
    for column in (*by, *([person] if person else [])):
        if column not in columns:
            raise InputError(path, f"no column '{column}'", f"Choose from {', '.join(columns)}")
    named = [column for column in columns if column.lower() in _PERSON and column != key]
    person = person or next(iter(sorted(named, key=lambda column: _PERSON.index(column.lower()))), None)
    for name, own in zip(recordings, found[key], strict=True):
        for column in (*by, *([person] if person else [])):
            if len(told := list(dict.fromkeys(row[column] for row in own))) > 1:
                several = f"several rows for {name}, '{column}' {' and '.join(map(repr, told[:3]))}"
                remedy = f"Name recordings instead of subjects in column '{key}', or keep one row of each"
                raise InputError(path, several, remedy)
    subjects = tuple(
        row[person] if row is not None and person and row[person] else subject_name(name)
        for name, row in zip(recordings, of_recording, strict=True)
    )
    groups = {
        column: _banded(column, ["" if row is None else row[column] for row in of_recording])
        for column in dict.fromkeys(by)
    }
    return SubjectsTable(subjects=subjects, groups=groups, n_found=n_found)


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    remedy = "Give a CSV or TSV with a header, one row a subject or a recording"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise InputError(path, (error.strerror or "cannot be read").lower(), remedy) from error
    header = text.partition("\n")[0]
    delimiter = max("\t;,", key=header.count)
    try:
        cells = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise InputError(path, f"is no table ({error})", remedy) from error
    if len(cells) < 2:
        raise InputError(path, "has no rows", remedy)
    columns = [column.strip() for column in cells[0]]
    rows = [dict(zip(columns, [*map(str.strip, row), *[""] * len(columns)], strict=False)) for row in cells[1:]]
    return columns, rows


def _keys(recording: str) -> tuple[str, ...]:
    """What a table may call a recording, the closest first."""
    subject = subject_name(recording)
    keys = [recording, night_name(recording), subject, subject.removeprefix("sub-")]
    if night_name(recording) != recording.lower() and subject.startswith(("SC4", "ST7")):
        keys.append(str(int(subject[3:])))
    return tuple(dict.fromkeys(key.lower() for key in keys))


def _matches(
    column: str, rows: Sequence[dict[str, str]], wanted: Sequence[tuple[str, ...]]
) -> list[list[dict[str, str]]]:
    """Rows of each recording by one column: those of the closest name."""
    by_name: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        own = row[column]
        for name in {own.lower(), recording_name(Path(own)).lower() if own else ""} - {""}:
            by_name.setdefault(name, []).append(row)
    return [next((by_name[key] for key in keys if key in by_name), []) for keys in wanted]


def _banded(column: str, values: Sequence[str]) -> tuple[str, ...]:
    """Groups of a column: its values, or bands of its numbers."""
    numbers = [_number(value) for value in values]
    known = sorted({number for number in numbers if number is not None})
    if len(known) <= _MOST_GROUPS or any(
        n is None and v and v.lower() != "n/a" for n, v in zip(numbers, values, strict=True)
    ):
        return tuple("" if value.lower() == "n/a" else value for value in values)
    if column.lower().startswith("age"):
        edges = [-np.inf, *_AGE_BANDS, np.inf]
        names = [
            f"<{_AGE_BANDS[0]}",
            *(f"{a}–{b - 1}" for a, b in pairwise(_AGE_BANDS)),
            f"{_AGE_BANDS[-1]} or more",
        ]
    else:
        all_known = [number for number in numbers if number is not None]
        thirds = np.unique(np.quantile(all_known, [1 / 3, 2 / 3], method="higher"))
        edges = [-np.inf, *thirds.tolist(), np.inf]
        inside = [[n for n in all_known if a <= n < b] for a, b in pairwise(edges)]
        names = [f"{min(part):g}–{max(part):g}" if part else "" for part in inside]
    return tuple("" if n is None else names[int(np.searchsorted(edges, n, side="right")) - 1] for n in numbers)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None
