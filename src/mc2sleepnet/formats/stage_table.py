"""Tables of stages under a header, without onset and duration: YASA's CSV, and vendors' lists of events.

YASA's ``Hypnogram.hypno.to_csv()`` has ``Epoch,Stage`` or ``Time,Stage``
(https://yasa-sleep.org/generated/yasa.Hypnogram.html); Noxturnal's export of events has start, end, event and duration
by the clock, under headings in the user's language, with a row of units.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import EPOCH_S, UNSCORED
from mc2sleepnet.formats.bids import choose_column
from mc2sleepnet.formats.clock import ClockTime, moments_of, parse_clock, parse_clocks, parse_seconds
from mc2sleepnet.formats.details import Details, details_of_rows
from mc2sleepnet.formats.grid import StageEvent, durations_of_onsets, hypnogram_from_events
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.stage_words import stage_of_word
from mc2sleepnet.formats.table import (
    Table,
    as_code,
    is_nothing,
    parse_table,
    plain,
    read_stages,
    refuse_holes,
    stage_columns,
)

_EPOCH_COLUMNS: Final = ("epoch", "epochs", "epochnumber", "epochno", "index", "")
# A number with two decimals is no clock time.
_LOOKS_LIKE_CLOCK: Final = re.compile(r"\d:\d{2}|\d\.\d{2}\.\d{2}$")
_ONSET_COLUMNS: Final = ("onset", "onsets", "starts", "begin", "seconds", "onset(s)", "time(s)")


def is_stage_table(path: Path, text: str) -> bool:
    """Whether the text is a table with a column of stages."""
    try:
        table = _without_units(parse_table(path, text))
    except InputError:
        return False
    # A heading is no stage, number or clock time itself.
    if any(
        as_code(cell) is not None or stage_of_word(cell) is not None or parse_clock(cell)
        for cell in table.columns
        if cell
    ):
        return False
    return (len(table.columns) > 1 or plain(table.columns[0]) in {"stage", "sleepstage"}) and bool(_columns(table))


def read_stage_table(path: Path, text: str, *, codes: str | None, column: str | None) -> ScoredHypnogram:
    """Read a column of stages, placed by clock times, onsets or epoch numbers where a column has them, else in order.

    Raises
    ------
    InputError
        If there is no column of stages, or a stage has no time or place that can be understood; the line is named.
    """
    table = _without_units(parse_table(path, text))
    if len(table.columns) == 1:
        refuse_holes(path, text, table.lines)
    columns = _columns(table)
    name, notes = choose_column(path, table, columns, column)
    index = table.columns.index(name)
    clock_columns = _clock_columns(table, but=index)
    cells = table.column(index)
    read = read_stages(path, cells, codes=codes, is_strict="stage" in plain(name), lines=table.lines)
    rows = [i for i, stage in enumerate(read.stages) if stage is not None]
    stages = [UNSCORED if read.stages[i] is None else int(read.stages[i] or 0) for i in rows]
    start: datetime | None = None
    if clock_columns:
        begins = _moments(path, table, clock_columns[0], rows)
        start = min(moment for moment in begins[0]) if rows else None
        onsets = [(moment - start).total_seconds() for moment in begins[0]] if start is not None else []
        notes = (*notes, *begins[1])
        durations = durations_of_onsets(onsets)
        if len(clock_columns) > 1:
            ends = _moments(path, table, clock_columns[1], rows)[0]
            lasts = [(b - a).total_seconds() for a, b in zip(begins[0], ends, strict=True)]
            durations = [last if last > 0 else last % 86_400 or None for last in lasts]
    else:
        onsets = _placed(path, table, rows)
        durations = durations_of_onsets(onsets)
    events = [
        StageEvent(onset_s=onset_s, duration_s=duration_s, stage=stage, text=cells[i])
        for i, onset_s, duration_s, stage in zip(rows, onsets, durations, stages, strict=True)
    ]
    hypnogram = hypnogram_from_events(path, events, start=start, notes=(*notes, *read.notes))
    details: Details = {}
    if len(table.rows) == len(hypnogram) == len(rows) and onsets == [float(EPOCH_S * i) for i in range(len(rows))]:
        details = details_of_rows(path, table, hypnogram)
    return ScoredHypnogram(hypnogram=hypnogram, scorer=name if len(columns) > 1 else "", **details)


def _without_units(table: Table) -> Table:
    """Leave out a row of units in brackets below the header."""
    kept = [i for i, row in enumerate(table.rows) if i or not all(cell[:1] in {"[", ""} for cell in row)]
    return Table(
        path=table.path,
        columns=table.columns,
        rows=tuple(table.rows[i] for i in kept),
        lines=tuple(table.lines[i] for i in kept),
    )


def _columns(table: Table) -> tuple[str, ...]:
    """Columns of stages by name; else the one of events in another language, where most cells are stages."""
    known = stage_columns(table)
    if known:
        return known
    for i, name in enumerate(table.columns):
        said = [cell for cell in table.column(i) if not is_nothing(cell)]
        n_stages = sum(stage_of_word(cell) not in {None, UNSCORED} for cell in said)
        if n_stages and n_stages * 4 >= len(said):
            return (name,)
    return ()


def _clock_columns(table: Table, *, but: int) -> list[int]:
    """Columns, at most two, whose cells are all clock times."""
    found = []
    for i in range(len(table.columns)):
        said = [cell for cell in table.column(i) if not is_nothing(cell)]
        if i != but and said and _LOOKS_LIKE_CLOCK.search(said[0]) and all(parse_clocks(said)):
            found.append(i)
    return found[:2]


def _moments(path: Path, table: Table, index: int, rows: list[int]) -> tuple[list[datetime], tuple[str, ...]]:
    clocks = parse_clocks([table.rows[i][index] for i in rows])
    known: list[ClockTime] = []
    for i, clock in zip(rows, clocks, strict=True):
        if clock is None:
            fault = f"line {table.lines[i]}: {table.rows[i][index][:40]!r} is no clock time"
            raise InputError(path, fault, "Correct the cell")
        known.append(clock)
    if not known:
        return [], ()
    return moments_of(known), known[0].notes()


def _placed(path: Path, table: Table, rows: list[int]) -> list[float]:
    """Seconds at which rows begin, by onsets or epoch numbers from 0 or 1, else in the order of the file."""
    onset, epoch = table.index(*_ONSET_COLUMNS), table.index(*_EPOCH_COLUMNS)
    index = onset if onset is not None else epoch
    if index is None:
        return [float(EPOCH_S * i) for i in range(len(rows))]
    places = []
    for i in rows:
        place = parse_seconds(table.rows[i][index])
        if place is None:
            fault = f"line {table.lines[i]}: {table.columns[index]} {table.rows[i][index][:40]!r} is no number"
            raise InputError(path, fault, "Correct the cell")
        places.append(place)
    if onset is not None or not places:
        return places
    first = 1 if min(places) >= 1 else 0
    return [(place - first) * EPOCH_S for place in places]
