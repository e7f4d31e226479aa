"""When a recording began, from a header's three fields about it."""

import re
from datetime import date, datetime, time
from typing import Final

from mc2sleepnet.core.hypnogram import UNKNOWN_DATE
from mc2sleepnet.core.recording import Finding

_THREE_NUMBERS: Final = re.compile(r"\s*(\d{1,2})\s*[.:,'/\- ]\s*(\d{1,2})\s*[.:,'/\- ]\s*(\d{1,2})\s*")
_EDF_PLUS_DATE: Final = re.compile(r"Startdate\s+(\d{1,2})-([A-Z]{3})-(\d{4})(?:\s|$)", re.IGNORECASE)
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
# EDF keeps a year in two digits, of which 85 is the first; where the date is unknown, its first day stands for it.
_CLIPPING_YEAR: Final = 85


def start_of(date_field: str, time_field: str, recording_field: str) -> tuple[datetime | None, tuple[Finding, ...]]:
    """Clock time at which a recording began.

    The plain fields are one pair of date and time; where the date is none, EDF+'s own counts, and where that is none
    either, the first day of 1985, as in anonymised files: the time of day is what matters.

    Parameters
    ----------
    date_field, time_field
        ``dd.mm.yy`` and ``hh.mm.ss``.
    recording_field
        Recording identification, in EDF+ ``Startdate dd-MMM-yyyy …``.

    Returns
    -------
    tuple
        The time, None where it cannot be told or is anonymised (``Startdate X``, midnight of 01.01.85); and finding
        ``start-doubtful`` where fields cannot be read or contradict each other.
    """
    clock, plain, plus = _time(time_field), _plain_date(date_field), _plus_date(recording_field)
    if clock is None:
        return None, (_doubtful(f"the start time '{time_field}' is none, so that the clock time is unknown"),)
    if recording_field.split()[:2] == ["Startdate", "X"] and (plain, clock) == (UNKNOWN_DATE, time()):
        return None, ()
    if plain is None:
        instead = "EDF+'s own is used" if plus else f"{UNKNOWN_DATE:%d.%m.%Y} stands for it"
        message = f"the start date '{date_field}' is none; {instead}"
        return datetime.combine(plus or UNKNOWN_DATE, clock), (_doubtful(message),)
    start = datetime.combine(plain, clock)
    # Two digits leave the century open, and a night's date may be that of its evening or of its morning.
    if plus and abs((plus - plain).days) > 1 and f"{plus:%d%m%y}" != f"{plain:%d%m%y}":
        message = f"the start date is {plain:%d.%m.%Y} in one field of the header and {plus:%d.%m.%Y} in another"
        return start, (_doubtful(f"{message}; the first is used"),)
    return start, ()


def _doubtful(message: str) -> Finding:
    return Finding(id="start-doubtful", message=message)


def _time(field: str) -> time | None:
    match = _THREE_NUMBERS.fullmatch(field)
    if match is None:
        return None
    try:
        return time(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _plain_date(field: str) -> date | None:
    match = _THREE_NUMBERS.fullmatch(field)
    if match is None:
        return None
    day, month, year = map(int, match.groups())
    try:
        return date(year + (1900 if year >= _CLIPPING_YEAR else 2000), month, day)
    except ValueError:
        return None


def _plus_date(field: str) -> date | None:
    match = _EDF_PLUS_DATE.match(field)
    if match is None or match[2].upper() not in _MONTHS:
        return None
    try:
        return date(int(match[3]), 1 + _MONTHS.index(match[2].upper()), int(match[1]))
    except ValueError:
        return None
