"""RemLogic's event export, as PhysioNet's CAP Sleep Database has it: tabs, a preamble, then events by the clock.

Read only. Columns are ``Sleep Stage``, ``Time [hh:mm:ss]``, ``Event``, ``Duration[s]`` and others; the epochs are the
events whose name is a stage (``SLEEP-S2``), the rest are arousals and the like.
"""

import re
from datetime import datetime
from pathlib import Path

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.formats.clock import ClockTime, moments_of, parse_clock, parse_clocks, parse_seconds
from mc2sleepnet.formats.grid import StageEvent, hypnogram_from_events
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.stage_words import stage_of_word


def _is_header(cells: list[str]) -> bool:
    return "Event" in cells and any(cell.startswith("Time [") for cell in cells)


def is_remlogic(text: str) -> bool:
    """Whether RemLogic's row of column names is among the first lines."""
    return any(_is_header([cell.strip() for cell in line.split("\t")]) for line in text.split("\n", 60)[:60])


def read_remlogic(path: Path, text: str) -> ScoredHypnogram:
    """Read the events that name a stage.

    Raises
    ------
    InputError
        If there is none, or a time or duration cannot be understood; the line is named.
    """
    lines = text.split("\n")
    header = next(i for i, line in enumerate(lines) if _is_header([cell.strip() for cell in line.split("\t")]))
    columns = [cell.strip() for cell in lines[header].split("\t")]
    time = next(i for i, column in enumerate(columns) if column.startswith("Time ["))
    duration = next((i for i, column in enumerate(columns) if column.startswith("Duration")), None)
    event = columns.index("Event")
    rows = []
    for number, line in enumerate(lines[header + 1 :], start=header + 2):
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) <= max(event, time):
            continue
        stage = stage_of_word(cells[event])
        if stage is not None:
            lasts_s = None if duration is None or duration >= len(cells) else parse_seconds(cells[duration])
            rows.append((number, cells[time], lasts_s, stage, cells[event]))
    clocks: list[ClockTime] = []
    for (number, cell, *_), clock in zip(rows, parse_clocks([row[1] for row in rows]), strict=True):
        if clock is None:
            raise InputError(path, f"line {number}: {cell[:40]!r} is no clock time", "Export the events again")
        clocks.append(clock)
    if not clocks:
        raise InputError(path, "no sleep stages among its events", "Export the events with their sleep stages")
    moments = moments_of(clocks)
    start = min(moments)
    events = [
        StageEvent(onset_s=(moment - start).total_seconds(), duration_s=lasts_s, stage=stage, text=name)
        for moment, (_, _, lasts_s, stage, name) in zip(moments, rows, strict=True)
    ]
    recorded = _recording_date(lines[:header])
    notes = clocks[0].notes()
    if clocks[0].date is None and recorded is not None:
        start, notes = datetime.combine(recorded.moment.date(), start.time()), recorded.notes()
    return ScoredHypnogram(hypnogram=hypnogram_from_events(path, events, start=start, notes=notes))


def _recording_date(preamble: list[str]) -> ClockTime | None:
    """Date of the recording, where the preamble has one."""
    for line in preamble:
        match = re.match(r"Recording Date:\s*(\S+)", line)
        clock = parse_clock(f"{match[1]} 00:00:00") if match is not None else None
        if clock is not None and clock.date is not None:
            return clock
    return None
