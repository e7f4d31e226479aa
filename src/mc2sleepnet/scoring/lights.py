"""Lights off and lights on: what the statistics of a night are counted between."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import EpochedRecording
from mc2sleepnet.core.stages import EPOCH_S

When = float | str | time | datetime
"""Seconds from the start of the recording, ``23:15``, ``23:15:30``, or a local ISO 8601 date and time."""

OPTION, ANNOTATION, RECORDING = "option", "annotation", "recording"
_DAY = timedelta(days=1)
_CLOCK_WITH_A_POINT = re.compile(r"([01]?\d|2[0-3])\.[0-5]\d")
_FORMS = "Give a clock time such as 23:15, a local date and time such as 2024-03-01T23:15, or seconds from the start"


@dataclass(frozen=True, kw_only=True)
class Lights:
    """Time in bed, in whole epochs.

    Attributes
    ----------
    off_epoch
        First epoch after lights off.
    on_epoch
        First epoch after lights on; N where that is the end of the recording.
    off_from, on_from
        Who says so: ``option``, ``annotation``, or ``recording``, whose start or end it is.
    """

    off_epoch: int
    on_epoch: int
    off_from: str = RECORDING
    on_from: str = RECORDING


def parse_when(name: str, given: When) -> float | time | datetime:
    """Read a time as users write it.

    Parameters
    ----------
    name
        The option, named in the error.
    given
        See `When`.

    Raises
    ------
    InputError
        If it is none of these, or has a time zone.
    """
    found: float | time | datetime = given if not isinstance(given, str) else _parse_text(name, given.strip())
    if not isinstance(found, time | datetime):
        try:
            found = float(found)
        except (TypeError, ValueError):
            raise InputError(name, f"a {type(given).__name__} is no time", _FORMS) from None
        if not 0 <= found < float("inf"):
            raise InputError(name, f"{given} is no time within a recording", _FORMS)
    elif found.tzinfo is not None:
        raise InputError(name, f"{given} has a time zone, recordings have none", _FORMS)
    return found


def _parse_text(name: str, text: str) -> float | time | datetime:
    # 23.02 would be 23 seconds, and is how much of Europe writes two minutes past eleven.
    if _CLOCK_WITH_A_POINT.fullmatch(text):
        remedy = f"Write {text.replace('.', ':')} for the clock time, or {text}0 for seconds from the start"
        raise InputError(name, f"{text} may be a clock time or seconds", remedy)
    for read in (float, _clock_time, datetime.fromisoformat):
        try:
            found = read(text)
        except ValueError:
            continue
        assert isinstance(found, float | time | datetime)
        return found
    raise InputError(name, f"'{text}' is no time", _FORMS)


def _clock_time(text: str) -> time:
    # Python would take 2315 as a time and 2024 as one too; seconds are meant.
    if ":" not in text or "-" in text or "T" in text.upper():
        raise ValueError(text)
    return time.fromisoformat(text.zfill(5) if text.count(":") == 1 else text.zfill(8))


def find_lights(
    recording: EpochedRecording,
    *,
    where: str | Path | None = None,
    off: When | None = None,
    on: When | None = None,
    annotated_s: Mapping[str, float] | None = None,
) -> Lights:
    """Place lights off and on in a recording: options first, then its annotations, then its start and end.

    A time within an epoch goes to the nearer edge of it.

    Parameters
    ----------
    recording
        N epochs.
    where
        What errors name; None for the recording's name.
    off, on
        What the user says, if anything.
    annotated_s
        Seconds from the start of ``off`` and ``on`` that the file says; those outside the recording count as its edge.

    Raises
    ------
    InputError
        If an option lies outside the recording, needs a clock time that the recording lacks, or lights go on
        before they are off.
    """
    where = recording.name if where is None else where
    n_epochs = len(recording)
    annotated_s = annotated_s or {}
    places, sources = [], []
    for name, given, edge in (("off", off, 0), ("on", on, n_epochs)):
        if given is not None:
            places.append(_epoch_of(recording, where, f"--lights-{name}", given, is_end=name == "on"))
            sources.append(OPTION)
        elif name in annotated_s:
            places.append(min(max(_nearest(annotated_s[name]), 0), n_epochs))
            sources.append(ANNOTATION)
        else:
            places.append(edge)
            sources.append(RECORDING)
    if places[0] >= places[1]:
        if OPTION not in sources:  # annotations that contradict each other are no ground to refuse a night
            return Lights(off_epoch=0, on_epoch=n_epochs)
        fault = f"lights on, epoch {places[1]}, is not after lights off, epoch {places[0]}"
        raise InputError(where, fault, "Correct --lights-off or --lights-on")
    return Lights(off_epoch=places[0], on_epoch=places[1], off_from=sources[0], on_from=sources[1])


def _epoch_of(recording: EpochedRecording, where: str | Path, name: str, given: When, *, is_end: bool) -> int:
    when = parse_when(name, given)
    if isinstance(when, float):
        seconds = when
    elif recording.start is None:
        fault = f"{name} is a clock time, and the recording does not say when it began"
        raise InputError(where, fault, "Give seconds from its start")
    elif isinstance(when, datetime):
        seconds = (when - recording.start).total_seconds()
    else:
        later = datetime.combine(recording.start, when) - recording.start
        seconds = (later % _DAY).total_seconds()
        if is_end and seconds == 0:
            seconds = _DAY.total_seconds()
    if not 0 <= seconds <= len(recording) * EPOCH_S:
        begins = "" if recording.start is None else f" and begins at {recording.start.isoformat(sep=' ')}"
        fault = f"{name} {given} lies outside the recording, which lasts {len(recording) * EPOCH_S} s{begins}"
        raise InputError(where, fault, "Give a time within it, or leave the option out")
    return _nearest(seconds)


def _nearest(seconds: float) -> int:
    """Epoch whose start is nearest; the later one in the middle between two."""
    return int(seconds / EPOCH_S + 0.5)
