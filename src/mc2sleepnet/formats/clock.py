"""Clock times and numbers as vendors write them."""

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

# EDF's own date for "unknown"; hypnograms on it are aligned by the time of day.
UNKNOWN_DATE: Final = date(1985, 1, 1)
# Two digits of a year, as EDF reads them.
_PIVOT: Final = 85
_TIME: Final = re.compile(
    r"(?P<h>\d{1,2})[:.h](?P<m>\d{2})(?:[:.m](?P<s>\d{2})(?:[.,:](?P<f>\d{1,9}))?)?s?\s*(?P<half>[ap]\.?\s?m\.?)?",
    re.IGNORECASE,
)
_DATE: Final = re.compile(r"(?P<a>\d{1,4})(?P<sep>[./\-])(?P<b>\d{1,2}|[A-Za-z]{3})(?P=sep)(?P<c>\d{1,4})")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, kw_only=True)
class ClockTime:
    """A time of the day, and the date where it was written and was one."""

    time: time
    date: date | None
    is_date_ambiguous: bool = False

    @property
    def moment(self) -> datetime:
        """Date and time; the unknown date is 1985-01-01, as in EDF."""
        return datetime.combine(self.date or UNKNOWN_DATE, self.time)

    def notes(self) -> tuple[str, ...]:
        """What had to be assumed."""
        if self.date is None:
            return (f"The file tells the time of day but no date: {UNKNOWN_DATE} stands for it.",)
        if self.is_date_ambiguous:
            return (f"The order of day and month is not told: the date is read as {self.date}.",)
        return ()


def parse_clock(text: str) -> ClockTime | None:
    """Read ``hh:mm:ss`` or ``hh.mm.ss``, 24-h or with AM and PM, with or without a date before it.

    Dates are ISO or day.month.year, also with slashes (month first where AM or PM follows, or where nothing
    else is possible), with two or four digits of the year; ``00.00.00`` is no date. A time zone is dropped:
    clock times are local.

    Returns
    -------
    ClockTime or None
        None where the text is no such time.
    """
    plain = re.sub(r"(?:Z|[+\-]\d{2}:?\d{2})$", "", text.strip()) if re.search(r"\dT\d", text) else text.strip()
    found = re.search(r"(?:^|[T\s\-])(" + _TIME.pattern + r")$", plain, re.IGNORECASE)
    if found is None:
        return None
    of_day = _time_of(found)
    if of_day is None:
        return None
    before = plain[: found.start()].strip()
    if not before:
        return ClockTime(time=of_day, date=None)
    match = _DATE.fullmatch(before)
    if match is None:
        return None
    if not any(int(match[part]) for part in "abc" if match[part].isdigit()):
        return ClockTime(time=of_day, date=None)
    day, is_ambiguous = _date_of(match, is_american=found["half"] is not None)
    return None if day is None else ClockTime(time=of_day, date=day, is_date_ambiguous=is_ambiguous)


def _time_of(found: re.Match[str]) -> time | None:
    hour, minute, second = int(found["h"]), int(found["m"]), int(found["s"] or 0)
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found["half"][0].lower() == "p" else 0)
    try:
        return time(hour, minute, second, int((found["f"] or "0").ljust(6, "0")[:6]))
    except ValueError:
        return None


def _date_of(match: re.Match[str], *, is_american: bool) -> tuple[date | None, bool]:
    """The date, and whether day and month could be the other way round."""
    a, b, c = match["a"], match["b"], match["c"]
    if b.isalpha():
        if b.lower() not in _MONTHS:
            return None, False
        orders = [(c, str(_MONTHS.index(b.lower()) + 1), a)]
    elif len(a) > 2:
        orders = [(a, b, c)]
    else:
        orders = [(c, b, a), (c, a, b)]
        if match["sep"] == "/" and is_american:
            orders.reverse()
    days = [day for order in orders if (day := _day(*order)) is not None]
    if not days:
        return None, False
    is_settled = match["sep"] == "." or is_american
    return days[0], len(set(days)) > 1 and not is_settled


def _day(year: str, month: str, day: str) -> date | None:
    number = int(year)
    if len(year) <= 2:
        number += 1900 if number >= _PIVOT else 2000
    try:
        return date(number, int(month), int(day))
    except ValueError:
        return None


def parse_seconds(text: str) -> float | None:
    """Read a finite number, with a decimal point or comma; None where it is none."""
    plain = text.strip()
    if re.fullmatch(r"[+\-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+\-]?\d{1,2})?", plain) is None:
        return None
    number = float(plain.replace(",", "."))
    return number if math.isfinite(number) else None


def next_after(earlier: datetime, of_day: time) -> datetime:
    """First moment at or after `earlier` with this time of the day (up to a second of rounding before it)."""
    moment = datetime.combine(earlier.date(), of_day)
    return moment if moment >= earlier - timedelta(seconds=1) else moment + timedelta(days=1)
