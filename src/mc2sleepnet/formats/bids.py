"""BIDS events, ``*_events.tsv``: onset and duration in seconds, and one or more columns of stages.

https://bids-specification.readthedocs.io/en/stable/modality-specific-files/task-events.html. Tables with the
same columns and another delimiter, as YASA's and MNE's event exports, are read alike.
"""

import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.stages import EPOCH_S, STAGES, UNSCORED
from mc2sleepnet.formats.clock import parse_clock, parse_seconds
from mc2sleepnet.formats.details import Details, detail_cells, details_of_rows
from mc2sleepnet.formats.grid import StageEvent, hypnogram_from_events
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.table import Table, delimiter_of, is_nothing, plain, read_stages, stage_columns

_MISSING: Final = "n/a"
_ONSET: Final = ("onset", "onsets", "start", "starts", "begin")
_DURATION: Final = ("duration", "durations")
COLUMNS: Final = ("onset", "duration", "trial_type", "clock_time")


def is_bids(first_line: str) -> bool:
    """Whether a header line has onset and duration."""
    columns = {plain(column) for column in first_line.strip().split(delimiter_of(first_line))}
    return "onset" in columns and "duration" in columns


def read_bids(path: Path, table: Table, *, codes: str | None, column: str | None) -> ScoredHypnogram:
    """Read one column of stages.

    Names of stages and R&K's, numbers by `codes`, or by the levels in a JSON file of the same name are understood; rows
    about other things are ignored; ``n/a`` is unscored. Epochs are counted from onset 0.

    Parameters
    ----------
    path, table
        The file, and what is in it.
    codes
        Numbering of bare numbers, a key of `CODES`; None lets the numbers tell, with a note.
    column
        Which column; None takes the first that is named for stages, with a note where there are several.

    Raises
    ------
    InputError
        If there is no such column, no stage in it, or an onset or stage that cannot be understood.
    """
    # A night of which nothing was scored is still a hypnogram where we wrote it.
    is_ours = table.columns[: len(COLUMNS)] == COLUMNS
    columns = ("trial_type",) if is_ours else stage_columns(table)
    name, notes = choose_column(path, table, columns, column)
    cells = table.column(table.columns.index(name))
    is_named = name in columns and "stage" in plain(name)
    read = read_stages(path, cells, codes=codes, levels=_levels(path).get(name), is_strict=is_named, lines=table.lines)
    onset, duration = table.index(*_ONSET), table.index(*_DURATION)
    assert onset is not None
    events, start = [], None
    clock_column = table.index("clocktime")
    for row, line, stage in zip(table.rows, table.lines, read.stages, strict=True):
        # In a column of many kinds of events an empty cell tells nothing, but of our own tables it is an epoch.
        if stage is None:
            continue
        onset_s = _seconds(path, line, "onset", row[onset])
        if onset_s is None:
            if stage == UNSCORED:
                continue
            raise InputError(path, f"line {line}: a stage without onset", "Give every stage an onset in seconds")
        duration_s = None if duration is None else _seconds(path, line, "duration", row[duration])
        events.append(
            StageEvent(onset_s=onset_s, duration_s=duration_s, stage=stage, text=row[table.columns.index(name)])
        )
        if start is None and clock_column is not None:
            start = _start(path, line, row[clock_column], onset_s)
    if not (is_ours or is_named or any(event.stage != UNSCORED for event in events)):
        raise InputError(path, f"column '{name}' holds no sleep stage", "Name the column of stages with --column")
    hypnogram = hypnogram_from_events(path, events, start=start, notes=(*notes, *read.notes))
    scorer = name if len(columns) > 1 else ""
    in_order = [event.onset_s for event in events] == [EPOCH_S * i for i in range(len(hypnogram))]
    details: Details = {}
    if in_order and len(table.rows) == len(hypnogram):
        details = details_of_rows(path, table, hypnogram)
    return ScoredHypnogram(hypnogram=hypnogram, scorer=scorer, **details)


def choose_column(
    path: Path, table: Table, columns: tuple[str, ...], column: str | None
) -> tuple[str, tuple[str, ...]]:
    """Return the column of stages, and what had to be assumed."""
    if column is not None:
        if column not in table.columns:
            remedy = f"Choose from {', '.join(columns or table.columns)[:200]}"
            raise InputError(path, f"no column '{column}'", remedy)
        return column, ()
    if not columns:
        remedy = "Name one with --column, or give a file with a column such as stage or trial_type"
        raise InputError(path, "no column of sleep stages", remedy)
    if len(columns) > 1:
        others = ", ".join(columns[1:])
        return columns[0], (f"Column {columns[0]} is read; --column chooses another ({others}).",)
    return columns[0], ()


def _seconds(path: Path, line: int, what: str, cell: str) -> float | None:
    if is_nothing(cell):
        return None
    seconds = parse_seconds(cell)
    if seconds is None:
        raise InputError(path, f"line {line}: {what} {cell[:40]!r} is no number of seconds", "Correct the cell")
    return seconds


def _start(path: Path, line: int, cell: str, onset_s: float) -> datetime | None:
    if is_nothing(cell):
        return None
    clock = parse_clock(cell)
    if clock is None or clock.date is None:
        raise InputError(path, f"line {line}: clock_time {cell[:40]!r} is no ISO 8601 time", "Correct the cell")
    try:
        return clock.moment - timedelta(seconds=onset_s)
    except OverflowError:
        raise InputError(path, f"line {line}: clock_time {cell[:40]!r} is too early", "Correct the cell") from None


def _levels(path: Path) -> dict[str, Mapping[str, str]]:
    """What the JSON file beside it says that the values of each column mean."""
    try:
        described = json.loads(path.with_suffix(".json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    found: dict[str, Mapping[str, str]] = {}
    for name, about in described.items() if isinstance(described, dict) else ():
        levels = about.get("Levels") if isinstance(about, dict) else None
        if isinstance(levels, dict):
            texts = {
                str(value): str(meaning.get("Description", "") if isinstance(meaning, dict) else meaning)
                for value, meaning in levels.items()
            }
            found[name] = texts
    return found


def write_bids(scored: ScoredHypnogram, path: Path) -> None:
    """Write one row per epoch: onset, duration, trial_type, clock_time and whatever else is known of each epoch."""
    hypnogram = scored.hypnogram
    table = io.StringIO()
    writer = csv.writer(table, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    details = detail_cells(scored, missing=_MISSING)
    writer.writerow((*COLUMNS, *details))
    rows = zip(*details.values(), strict=True) if details else [()] * len(hypnogram)
    for epoch, row in enumerate(rows):
        time = hypnogram.clock_time(epoch)
        stage = int(hypnogram.stage[epoch])
        writer.writerow(
            (
                epoch * EPOCH_S,
                EPOCH_S,
                _MISSING if stage == UNSCORED else STAGES[stage],
                _MISSING if time is None else time.isoformat(),
                *row,
            )
        )
    write_text_atomically(path, table.getvalue())
