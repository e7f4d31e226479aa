"""Somnomedics' DOMINO: a sleep profile as text, a header of ``Key: value`` and a clock time and stage a line.

Read only: ``Signal ID: SchlafProfil``, ``Start Time`` with the date, ``Rate: 30 s``, then ``22:05:30,000; N2``.
"""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import EPOCH_S, UNSCORED
from mc2sleepnet.formats.clock import ClockTime, moments_of, parse_clock, parse_clocks, parse_seconds
from mc2sleepnet.formats.grid import StageEvent, hypnogram_from_events
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.stage_words import stage_of_word

_BEGINNING: Final = "Signal ID:"
_ROW: Final = re.compile(r"\s*(\S.*?\d{2}[:.]\d{2}(?:[.,]\d+)?)\s*;\s*(.*?)\s*")
_RATE: Final = re.compile(r"Rate:\s*(\d+(?:[.,]\d+)?)\s*s", re.IGNORECASE)
# DOMINO's letter for artefact.
_ARTEFACT: Final = "a"
_DAY: Final = timedelta(days=1)


def is_domino(text: str) -> bool:
    """Whether the text begins with DOMINO's header."""
    return text.lstrip().startswith(_BEGINNING)


def read_domino(path: Path, text: str) -> ScoredHypnogram:
    """Read a sleep profile.

    Raises
    ------
    InputError
        If there is no row, or a time or stage that cannot be understood; the line is named.
    """
    times, stages, lines = [], [], []
    start_text, length = "", float(EPOCH_S)
    for number, line in enumerate(text.split("\n"), start=1):
        row = _ROW.fullmatch(line)
        rate = _RATE.match(line)
        if line.startswith("Start Time:"):
            start_text = line.partition(":")[2].strip()
        elif rate is not None:
            length = parse_seconds(rate[1]) or length
        elif row is not None:
            stage = UNSCORED if row[2].lower() == _ARTEFACT else stage_of_word(row[2])
            if stage is None:
                raise InputError(
                    path, f"line {number}: unknown stage {row[2][:40]!r}", "Export the sleep profile again"
                )
            times.append(row[1])
            stages.append(stage)
            lines.append(number)
    clocks: list[ClockTime] = []
    for number, time, clock in zip(lines, times, parse_clocks(times), strict=True):
        if clock is None:
            raise InputError(path, f"line {number}: {time[:40]!r} is no clock time", "Export the sleep profile again")
        clocks.append(clock)
    if not clocks:
        raise InputError(path, "it has no rows of stages", "Export the sleep profile again")
    moments = moments_of(clocks)
    first = min(moments)
    started = parse_clock(start_text)
    start, notes = _dated(first, clocks[0], started)
    events = [
        StageEvent(onset_s=(moment - first).total_seconds(), duration_s=length, stage=stage, text=time)
        for moment, stage, time in zip(moments, stages, times, strict=True)
    ]
    hypnogram = hypnogram_from_events(path, events, start=start, epoch_s=length, notes=notes)
    return ScoredHypnogram(hypnogram=hypnogram)


def _dated(first: datetime, clock: ClockTime, started: ClockTime | None) -> tuple[datetime, tuple[str, ...]]:
    """Start of the first row, with the header's date where rows have none."""
    if clock.date is not None or started is None or started.date is None:
        return first, clock.notes()
    start = datetime.combine(started.date, first.time())
    # A profile may begin after the midnight that follows the recording's start.
    return (start + _DAY if start + _DAY / 2 < started.moment else start), started.notes()
