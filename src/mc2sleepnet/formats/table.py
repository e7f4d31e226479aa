"""Text tables with a header row, whatever their delimiter, and the columns of stages in them."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.formats.stage_words import CODES, CODES_IN_WORDS, code_scheme, stage_of_word

_DELIMITERS: Final = ("\t", ";", ",", "|")
# What other columns than those named for stages may hold them, the likeliest first.
_GENERAL: Final = (
    "trialtype",
    "description",
    "event",
    "eventtype",
    "eventname",
    "name",
    "label",
    "annotation",
    "value",
)
_NOTHING: Final = {"", "n/a", "na", "nan", "none", "null"}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A header and the rows below it, as text; rows are as long as the header."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def index(self, *names: str) -> int | None:
        """Place of the first of these columns that there is; names are compared as `plain` makes them."""
        plains = [plain(column) for column in self.columns]
        return next((plains.index(name) for name in names if name in plains), None)

    def column(self, index: int) -> list[str]:
        """Its cells, top to bottom."""
        return [row[index] for row in self.rows]


def plain(name: str) -> str:
    """A column's name in lower case, without spaces and underscores."""
    return re.sub(r"[\s_\-]+", "", name).lower()


def is_nothing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in _NOTHING


def delimiter_of(line: str) -> str:
    """The delimiter that splits a header line into most parts."""
    return max(_DELIMITERS, key=lambda delimiter: (line.count(delimiter), -_DELIMITERS.index(delimiter)))


def parse_table(path: Path, text: str) -> Table:
    """Read a table; lines that are empty or begin with ``#`` are left out.

    Raises
    ------
    InputError
        If a row has more cells than the header, or quotes do not close; the line is named.
    """
    kept = [(i, line) for i, line in enumerate(text.split("\n"), 1) if line.strip() and not line.startswith("#")]
    if not kept:
        raise InputError(path, "it is empty", "Give a hypnogram with one stage for each epoch")
    delimiter = delimiter_of(kept[0][1])
    rows = []
    for i, line in kept:
        try:
            (row,) = csv.reader(io.StringIO(line, newline=""), delimiter=delimiter, strict=True)
        except (csv.Error, ValueError) as error:
            raise InputError(path, f"line {i} is no row of a table", "Export the file again") from error
        rows.append([cell.strip() for cell in row])
    header = rows[0]
    n_columns = len(header)
    for (i, _), row in zip(kept, rows, strict=True):
        if any(row[n_columns:]):
            fault = f"line {i}: {len(row)} cells under {n_columns} columns"
            raise InputError(path, fault, "Export the file again")
    filled = [tuple([*row, *[""] * n_columns][:n_columns]) for row in rows[1:]]
    return Table(path=path, columns=tuple(header), rows=tuple(filled), lines=tuple(i for i, _ in kept[1:]))


def refuse_holes(path: Path, text: str, lines: Sequence[int]) -> None:
    """Refuse empty lines among `lines`, stages that only their order places, unless one follows every stage.

    An empty line may be an epoch that nobody scored or mean nothing, and a wrong guess shifts all that follows.
    """
    all_lines = text.split("\n")
    holes = [[i for i in range(a + 1, b) if not all_lines[i - 1].strip()] for a, b in pairwise(lines)]
    if any(holes) and not all(holes):
        first = next(hole[0] for hole in holes if hole)
        fault = f"line {first} is empty: an epoch that nobody scored, or nothing?"
        raise InputError(path, fault, "Write UNS there, or remove the line")


def stage_columns(table: Table) -> tuple[str, ...]:
    """Columns that hold stages: all that are named for them, or else the likeliest of the others."""
    named = [
        column
        for i, column in enumerate(table.columns)
        if re.search(r"stage|hypno|scorer|scoring|staging", plain(column)) and _holds_stages(table.column(i), 0.5)
    ]
    if named:
        return tuple(named)
    others = [column for name in _GENERAL for column in table.columns if plain(column) == name]
    for column in others:
        cells = table.column(table.columns.index(column))
        if any(stage_of_word(cell) not in {None, UNSCORED} for cell in cells):
            return (column,)
    return tuple(column for column in others if _holds_stages(table.column(table.columns.index(column)), 1.0))[:1]


def _holds_stages(cells: Sequence[str], least: float) -> bool:
    """Whether at least this share of the cells that say anything name a stage, or are numbers of a known scheme."""
    said = [cell for cell in cells if not is_nothing(cell)]
    if not said:
        return False
    numbers = [as_code(cell) for cell in said]
    if all(number is not None for number in numbers):
        return all(-2 <= number <= 9 for number in numbers if number is not None)
    return sum(stage_of_word(cell) is not None for cell in said) >= least * len(said) > 0


def as_code(cell: str) -> int | None:
    """Whole number in a cell, also written ``2.0``; None where it is none."""
    match = re.fullmatch(r"([+\-]?\d{1,3})(?:[.,]0*)?", cell.strip())
    return int(match[1]) if match else None


@dataclass(frozen=True, kw_only=True)
class ReadStages:
    """Stage of each cell (None: about something else) and what had to be assumed."""

    stages: tuple[int | None, ...]
    notes: tuple[str, ...]


def read_stages(
    path: Path,
    cells: Sequence[str],
    *,
    codes: str | None,
    levels: Mapping[str, str] | None = None,
    is_strict: bool,
    lines: Sequence[int] | None = None,
) -> ReadStages:
    """Stages of a column of names or of bare numbers.

    Parameters
    ----------
    path
        The file.
    cells
        Names of stages, or numbers; empty cells are unscored.
    codes
        Name of the numbering, a key of `CODES`; None lets the numbers and the file's name tell, and notes it.
    levels
        What the file itself says its values mean.
    is_strict
        Whether a cell that names no stage is an error; else it is about something else.
    lines
        Line of each cell in the file, for messages; default counted from 1.

    Raises
    ------
    InputError
        If a cell must be a stage and is none, or the numbers fit no one numbering.
    """
    said = [cell for cell in cells if not is_nothing(cell)]
    numbers = [as_code(cell) for cell in said]
    notes: tuple[str, ...] = ()
    table: dict[str, int] = {}
    for value, meaning in (levels or {}).items():
        # BOAS: "Wake", but also "NonREM sleep stage 1 (N1)"; and "REM sleep".
        stage = stage_of_meaning(meaning)
        if stage is not None:
            table[value.strip()] = stage
    if not (said and all(cell in table for cell in said)) and said and all(n is not None for n in numbers):
        scheme, notes = _scheme(path, {n for n in numbers if n is not None}, codes)
        table = {cell: CODES[scheme][number] for cell, number in zip(said, numbers, strict=True) if number is not None}
    elif not table:
        # Beside W and R by name, numbers can only be the stages between.
        known = CODES[codes or "nsrr"]
        table = {cell: known[n] for cell, n in zip(said, numbers, strict=True) if n is not None and n in known}
    stages: list[int | None] = []
    for i, cell in enumerate(cells):
        stage = UNSCORED if is_nothing(cell) else table.get(cell, stage_of_word(cell))
        if stage is None and is_strict:
            line = lines[i] if lines is not None else i + 1
            raise InputError(
                path, f"line {line}: unknown stage {cell[:40]!r}", "Stages are W, N1, N2, N3, R, ?, or R&K's names"
            )
        stages.append(stage)
    return ReadStages(stages=tuple(stages), notes=notes)


def stage_of_meaning(text: str) -> int | None:
    """Stage that a sentence about a code names: the part in brackets, or the whole, or what precedes a comma."""
    inside = re.findall(r"\(([^)]*)\)", text)
    for part in (*inside, text, re.sub(r"\([^)]*\)", "", text), re.split(r"[,;:]", text)[0]):
        stage = stage_of_word(part)
        if stage is not None:
            return stage
    return UNSCORED if re.search(r"artifact|artefact|missing|disconnect|unscored|movement", text.lower()) else None


def _scheme(path: Path, values: set[int], codes: str | None) -> tuple[str, tuple[str, ...]]:
    if codes is not None:
        unknown = values - CODES[codes].keys()
        if unknown:
            fault = f"code {min(unknown)} is none of {CODES_IN_WORDS[codes]}"
            raise InputError(path, fault, f"Choose --codes from {', '.join(CODES)}")
        return codes, ()
    if re.match(r"ucddb\d+_stage", path.name) and values <= CODES["ucddb"].keys():
        scheme: str | None = "ucddb"
    else:
        scheme = code_scheme(values)
    if scheme is None:
        fault = f"its numbers ({', '.join(map(str, sorted(values)[:12]))}) fit no one numbering of stages"
        raise InputError(
            path, fault, f"Say which with --codes: {'; '.join(f'{k} ({v})' for k, v in CODES_IN_WORDS.items())}"
        )
    return scheme, (f"Numbers are read as {CODES_IN_WORDS[scheme]}; if they are not, say so with --codes.",)
