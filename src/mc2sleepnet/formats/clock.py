"""Clock times and numbers as vendors write them."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final

from mc2sleepnet.core.hypnogram import UNKNOWN_DATE

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
    is_month_first: bool = False

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


def parse_clock(text: str, *, is_month_first: bool = False) -> ClockTime | None:
    """Read ``hh:mm:ss`` or ``hh.mm.ss``, 24-h or with AM and PM, with or without a date before it.

    Dates are ISO or day.month.year, also with slashes (month first where AM or PM follows, or where nothing
    else is possible), with two or four digits of the year; ``00.00.00`` is no date. A time zone is dropped:
    clock times are local.

    Parameters
    ----------
    text
        The time as written.
    is_month_first
        Whether dates with slashes are known to be month/day/year.

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
    return _on_date(match, of_day, is_american=is_month_first or found["half"] is not None)


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


def _on_date(match: re.Match[str], of_day: time, *, is_american: bool) -> ClockTime | None:
    a, b, c = match["a"], match["b"], match["c"]
    if b.isalpha():
        orders = [(c, str(_MONTHS.index(b.lower()) + 1), a)] if b.lower() in _MONTHS else []
    elif len(a) > 2:
        orders = [(a, b, c)]
    else:
        orders = [(c, b, a), (c, a, b)]
        if match["sep"] == "/" and is_american:
            orders.reverse()
    days = [day for order in orders if (day := _day(*order)) is not None]
    if not days:
        return None
    is_settled = match["sep"] != "/" or is_american
    return ClockTime(
        time=of_day,
        date=days[0],
        is_date_ambiguous=len(set(days)) > 1 and not is_settled,
        is_month_first=match["sep"] == "/" and len(a) <= 2 and days[0] == _day(c, a, b) != _day(c, b, a),
    )


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


def parse_clocks(texts: Sequence[str]) -> list[ClockTime | None]:
    """Read a column of times: one date with its month first makes all of them so, one that settles the order all."""
    clocks = [parse_clock(text) for text in texts]
    if any(clock is not None and clock.is_month_first for clock in clocks):
        clocks = [parse_clock(text, is_month_first=True) for text in texts]
    is_settled = any(clock and clock.date and not clock.is_date_ambiguous for clock in clocks)
    return [replace(clock, is_date_ambiguous=False) if clock and is_settled else clock for clock in clocks]


def moments_of(clocks: Sequence[ClockTime]) -> list[datetime]:
    """Moments of times of which some have no date: those begin after the longest stretch of the day without any.

    So a night may cross midnight, and need not be in order.
    """
    if all(clock.date is not None for clock in clocks):
        return [clock.moment for clock in clocks]
    of_day = [clock.moment.replace(year=1985, month=1, day=1) for clock in clocks]
    unique = sorted(set(of_day))
    day = timedelta(days=1)
    gaps = [later - earlier for earlier, later in zip(unique, [*unique[1:], unique[0] + day], strict=True)]
    longest = max(gaps)
    # Round the clock there is no such stretch, and the first in the file comes first.
    first = of_day[0] if longest <= timedelta(minutes=1) else unique[(gaps.index(longest) + 1) % len(unique)]
    return [moment if moment >= first else moment + day for moment in of_day]
