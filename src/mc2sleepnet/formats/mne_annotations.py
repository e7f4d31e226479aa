"""MNE's annotations as ``Annotations.save`` writes them: text with onsets in seconds, or a table with clock times.

Read only. Both have columns ``onset``, ``duration``, ``description``; annotations that name no stage are ignored.
https://mne.tools/stable/generated/mne.Annotations.html
"""

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.formats.clock import parse_seconds
from mc2sleepnet.formats.grid import StageEvent, hypnogram_from_events
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.stage_words import stage_of_word

_FIRST_LINE: Final = "# MNE-Annotations"
_ORIG_TIME: Final = "# orig_time :"
_COLUMNS: Final = ["onset", "duration", "description"]
# The day from which MNE counts where it knows of none.
_NO_DAY: Final = date(1970, 1, 1)
_REMEDY: Final = "Save the annotations again, with mne.Annotations.save"


def is_mne(text: str) -> bool:
    """Whether a text begins as MNE's, and is none of the tables with onsets in seconds that others write, too."""
    first, _, rest = text.partition("\n")
    if first.strip() == _FIRST_LINE:
        return True
    return first.strip().split(",")[:3] == _COLUMNS and _moment(rest.partition(",")[0]) is not None


def read_mne(path: Path, text: str) -> ScoredHypnogram:
    """Read the annotations that name a stage. The epochs are counted from `orig_time`, or else from the first of them.

    Raises
    ------
    InputError
        If there is none, or a line cannot be understood; it is named.
    """
    start: datetime | None = None
    rows = []
    for number, cells in enumerate(csv.reader(text.split("\n")), start=1):
        line = ",".join(cells)
        if line.startswith(_ORIG_TIME):
            start = _moment(line.removeprefix(_ORIG_TIME))
        if not line.strip() or line.startswith("#") or cells[:3] == _COLUMNS:
            continue
        if len(cells) < len(_COLUMNS):
            raise InputError(path, f"line {number} has no onset, duration and description", _REMEDY)
        rows.append((number, cells))
    if not text.startswith(_FIRST_LINE):
        return _of_table(path, rows)
    events = [_event(path, number, parse_seconds(cells[0]), cells) for number, cells in rows]
    return ScoredHypnogram(hypnogram=hypnogram_from_events(path, _stages(events), start=start))


def _of_table(path: Path, rows: list[tuple[int, list[str]]]) -> ScoredHypnogram:
    """Annotations whose onsets are clock times; of a recording without a date, the time since it began."""
    moments = [_moment(cells[0]) for _, cells in rows if stage_of_word(cells[2]) is not None]
    first = min((moment for moment in moments if moment is not None), default=datetime.min)
    start = None if first.date() == _NO_DAY else first
    zero = datetime.combine(_NO_DAY, datetime.min.time()) if start is None else first
    events = []
    for number, cells in rows:
        moment = _moment(cells[0])
        onset_s = None if moment is None else (moment - zero).total_seconds()
        events.append(_event(path, number, onset_s, cells))
    return ScoredHypnogram(hypnogram=hypnogram_from_events(path, _stages(events), start=start))


def _event(path: Path, number: int, onset_s: float | None, cells: list[str]) -> StageEvent | None:
    stage, duration_s = stage_of_word(cells[2]), parse_seconds(cells[1])
    if stage is None:
        return None
    if onset_s is None or duration_s is None:
        fault = f"line {number}: onset {cells[0][:40]!r} or duration {cells[1][:40]!r} is no time"
        raise InputError(path, fault, _REMEDY)
    return StageEvent(onset_s=onset_s, duration_s=duration_s, stage=stage, text=cells[2])


def _stages(events: list[StageEvent | None]) -> list[StageEvent]:
    return [event for event in events if event is not None]


def _moment(text: str) -> datetime | None:
    """A date and time as MNE writes them, which it calls UTC where it means a file's local clock."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
