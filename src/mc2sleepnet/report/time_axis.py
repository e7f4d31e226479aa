"""The time of night along a figure's width."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mc2sleepnet.core.stages import EPOCH_S

MOST_TICKS = 13
STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440)


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
        Local clock time of its first epoch; None where unknown, labels then count from 0:00.
    """

    n_epochs: int
    start: datetime | None

    def ticks(self) -> list[Tick]:
        """At most 13 labels on full steps of the clock; every second is minor."""
        length_min = self.n_epochs * EPOCH_S / 60
        step_min = next((step for step in STEPS_MIN if length_min / step <= MOST_TICKS - 1), STEPS_MIN[-1])
        start_min = 0.0
        if self.start is not None:
            midnight = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
            start_min = (self.start - midnight).total_seconds() / 60
        first = -(-start_min // step_min) * step_min
        ticks = []
        while first - start_min <= length_min:
            place = (first - start_min) / length_min
            ticks.append(Tick(place=place, label=_clock(first), is_minor=bool(first // step_min % 2)))
            first += step_min
        return ticks

    def label(self, epoch: int) -> str:
        """Clock time of an epoch's start, ``02:13:30``; from 0:00:00 where the recording's start is unknown."""
        if self.start is None:
            return str(timedelta(seconds=epoch * EPOCH_S))
        return f"{self.start + timedelta(seconds=epoch * EPOCH_S):%H:%M:%S}"

    @property
    def name(self) -> str:
        """What the labels count."""
        return "clock time" if self.start is not None else "time from start"


def _clock(minutes: float) -> str:
    """``23:00`` for 1380 minutes after midnight, ``06:00`` for 1800."""
    hours, rest = divmod(round(minutes), 60)
    return f"{hours % 24:02d}:{rest:02d}"
