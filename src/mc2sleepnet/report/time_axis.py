"""The time of night along a figure's width."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mc2sleepnet.core.hypnogram import UNKNOWN_DATE
from mc2sleepnet.core.stages import EPOCH_S

MOST_TICKS = 13
DAY_MIN = 24 * 60
STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, *(days * DAY_MIN for days in (1, 2, 5, 10, 30)))


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A label on an axis: its place from 0 to 1, and whether narrow screens do without it."""

    place: float
    label: str
    is_minor: bool = False


@dataclass(frozen=True, kw_only=True)
class TimeAxis:
    """The span of a recording, shared by all figures above one another.

    Attributes
    ----------
    n_epochs
        Length of the recording, at least 1.
    start
        Local clock time of its first epoch; None where unknown, labels then count from the recording's start.
    first_epoch
        How many epochs of the recording lie before the axis.
    """

    n_epochs: int
    start: datetime | None
    first_epoch: int = 0

    @property
    def has_dates(self) -> bool:
        """Whether a clock time alone would not tell which day it is of."""
        return self.start is not None and self.n_epochs * EPOCH_S >= DAY_MIN * 60

    def ticks(self) -> list[Tick]:
        """At most 13 labels on full steps of the clock; every second is minor."""
        length_min = self.n_epochs * EPOCH_S / 60
        step_min = next((step for step in STEPS_MIN if length_min / step <= MOST_TICKS - 1), STEPS_MIN[-1])
        start_min = self.first_epoch * EPOCH_S / 60
        if self.start is not None:
            start_min = (self.start - _midnight(self.start)).total_seconds() / 60
        first = -(-start_min // step_min) * step_min
        ticks = []
        while first - start_min <= length_min:
            place = (first - start_min) / length_min
            ticks.append(Tick(place=place, label=self._tick_label(first), is_minor=bool(first // step_min % 2)))
            first += step_min
        return ticks

    def _tick_label(self, minutes: float) -> str:
        """``23:00`` for 1380 minutes, a clock's ``06:00`` for 1800; a midnight is called after its day."""
        hours, rest = divmod(round(minutes), 60)
        if self.start is None:
            return f"{hours:02d}:{rest:02d}"
        if self.has_dates and not minutes % DAY_MIN:
            return _date(_midnight(self.start) + timedelta(minutes=minutes), self.start)
        return f"{hours % 24:02d}:{rest:02d}"

    def label(self, epoch: int) -> str:
        """When an epoch starts, ``02:13:30``, with its date on axes of a day and more.

        From 0:00:00 where the recording's start is unknown.
        """
        if self.start is None:
            minutes, seconds = divmod((self.first_epoch + epoch) * EPOCH_S, 60)
            return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
        at = self.start + timedelta(seconds=epoch * EPOCH_S)
        return f"{_date(at, self.start)} {at:%H:%M:%S}" if self.has_dates else f"{at:%H:%M:%S}"

    def span(self, first: int, end: int) -> str:
        """From when to when epochs last; the date once where it is one day's."""
        last = self.label(end)
        if self.start is not None and self.has_dates:
            before, after = (self.start + timedelta(seconds=epoch * EPOCH_S) for epoch in (first, end))
            last = f"{after:%H:%M:%S}" if before.date() == after.date() else last
        return f"{self.label(first)} – {last}"

    @property
    def name(self) -> str:
        """What the labels count."""
        return "clock time" if self.start is not None else "time from start"


def _midnight(moment: datetime) -> datetime:
    """The one before it."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _date(moment: datetime, start: datetime) -> str:
    """``5 Mar``; ``day 2`` where a recording's start has no date."""
    if start.date() == UNKNOWN_DATE:
        return f"day {(moment.date() - UNKNOWN_DATE).days + 1}"
    return f"{moment:%-d %b}"
