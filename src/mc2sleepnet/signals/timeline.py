"""When the data records of an EDF+ or BDF+ file began, and where their samples belong on one line of time."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.signals.data_records import annotation_bytes
from mc2sleepnet.signals.doubts import Doubt
from mc2sleepnet.signals.edf_header import EdfHeader

# The list that keeps the time has an empty text (EDF+ 2.2.4); the onset of any other is that of an event.
_ONSET: Final = re.compile(rb"(?:\A|\x00)([+-]\d{1,15}(?:[.,]\d{0,15})?)(?:\x15[\d.]*)?\x14(?:\x14|\x00|\Z)")
_LIST_BEGINS: Final = frozenset({b"+", b"-", b"\x14"})
# No recorder runs for longer. More is a damaged time stamp, which must not be allowed to fill the memory.
_LONGEST_H: Final = 168
_LONGEST_BRIDGE_S: Final = 0.05
# Time stamps are rounded; an onset of exactly a sample off must not depend on binary fractions.
_TOLERANCE_SAMPLES: Final = 1 + 1e-6
# A recorder's clock is right to far better than this share; faster, and records or time stamps are wrong.
_LARGEST_OVERLAP: Final = 1e-3
_REMEDY: Final = "Export the recording again, as EDF+C if it has no interruptions"
# In a file that calls itself continuous, time stamps this near to where the count of records puts them agree with it.
_AGREEMENT_S: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """When the data records began.

    Attributes
    ----------
    onsets_s
        Shape ``[records]``, seconds after the header's start time; None where records follow one another.
    offset_s
        The first record's.
    findings
        What was odd about the time stamps.
    """

    onsets_s: NDArray[np.float64] | None
    offset_s: float
    findings: tuple[Finding, ...] = ()


def read_timeline(path: Path, header: EdfHeader) -> Timeline:
    """Read the time stamps of a file's data records.

    Plain EDF and BDF have none, unless they are EDF+ and forget to say so. In EDF+D they say where the records belong;
    in EDF+C they are held against the header, which promises that there are no interruptions.

    Raises
    ------
    InputError
        If a record of an EDF+D file does not say when it began (EDF+ 2.2.4: its first annotation does).
    """
    is_discontinuous = header.kind.endswith("D")
    keeper = header.time_keeper
    # A file that has annotations is EDF+ even where it forgets to say so.
    if keeper is None and "+" not in header.kind:
        return Timeline(onsets_s=None, offset_s=0.0)
    if keeper is None:
        if is_discontinuous:
            fault = f"is {header.kind} but has no annotations to say when its records began"
            raise InputError(path, fault, _REMEDY)
        message = f"is {header.kind} without annotations; its records are taken to follow one another"
        return Timeline(onsets_s=None, offset_s=0.0, findings=(Finding(id="time-stamps-missing", message=message),))
    onsets_s, unstamped, is_garbage = _stamps(path, header)
    if is_discontinuous:
        if unstamped:
            raise InputError(path, f"data record {unstamped[0]} does not say when it began", _REMEDY)
        return Timeline(onsets_s=onsets_s, offset_s=float(onsets_s[0]))
    return _held_against_the_count(header, onsets_s, unstamped, is_garbage=is_garbage)


def _stamps(path: Path, header: EdfHeader) -> tuple[NDArray[np.float64], list[int], bool]:
    """Onset of every record, NaN where it has none; those without; whether there is something else instead."""
    keeper = header.time_keeper
    assert keeper is not None
    onsets_s = np.full(header.n_records, np.nan)
    unstamped, is_garbage = [], False
    n_leading: int | None = None
    for record, content in enumerate(annotation_bytes(path, header, keeper)):
        match = _ONSET.search(content)
        if record == 0:
            n_leading = match.start(1) if match else None
        # Before the stamp other lists may stand; zeros or samples only where the first record has them too, for where
        # the stamps move within their records, so do the samples.
        if match and (content[:1] in _LIST_BEGINS or match.start(1) == n_leading):
            onsets_s[record] = float(match[1].replace(b",", b"."))
        else:
            unstamped.append(record)
            # Sloppy writers leave the place empty, or write only events.
            is_garbage = is_garbage or not (content.strip(b"\x00 ") == b"" or content[:1] in _LIST_BEGINS)
    if keeper.samples_per_record == 0:
        unstamped = list(range(header.n_records))
    return onsets_s, unstamped, is_garbage


def _held_against_the_count(
    header: EdfHeader, onsets_s: NDArray[np.float64], unstamped: list[int], *, is_garbage: bool
) -> Timeline:
    """What the time stamps of a file that calls itself continuous are worth."""
    findings: list[Finding] = []
    if is_garbage:
        message = f"data record {unstamped[0]} and {len(unstamped) - 1} others hold no time stamp but something else"
        remedy = "Its header describes the file wrongly or bytes are missing; export it again"
        return Timeline(
            onsets_s=None, offset_s=0.0, findings=(Doubt(id="records-out-of-step", message=message, remedy=remedy),)
        )
    if unstamped:
        message = f"{len(unstamped)} of {header.n_records} data records do not say when they began"
        findings.append(Finding(id="time-stamps-missing", message=message))
    stamped = np.flatnonzero(np.isfinite(onsets_s))
    if not len(stamped):
        return Timeline(onsets_s=None, offset_s=0.0, findings=tuple(findings))
    if unstamped and len(stamped) > 1 and header.n_bytes_over:
        message = (
            f"{len(unstamped)} of {header.n_records} data records, the first of them number {unstamped[0]}, do not say "
            f"when they began, and the file's size is not that of whole data records"
        )
        remedy = "Bytes are missing or were inserted; export it again"
        doubt = Doubt(id="records-out-of-step", message=message, remedy=remedy)
        return Timeline(onsets_s=None, offset_s=0.0, findings=(doubt,))
    step_s = float(header.record_s)
    offset_s = float(onsets_s[0]) if stamped[0] == 0 else 0.0
    off_s = np.abs(onsets_s[stamped] - onsets_s[stamped[0]] - step_s * (stamped - stamped[0]))
    if off_s.max() <= _AGREEMENT_S:
        return Timeline(onsets_s=None, offset_s=offset_s, findings=tuple(findings))
    steps_s = np.diff(onsets_s[stamped]) / np.diff(stamped)
    if np.all(steps_s >= step_s * (1 - _LARGEST_OVERLAP)) and not unstamped and np.median(steps_s) < 1.5 * step_s:
        message = f"calls itself {header.kind}, continuous, but its time stamps are not; they are followed"
        findings.append(Finding(id="not-continuous", message=message))
        return Timeline(onsets_s=onsets_s, offset_s=offset_s, findings=tuple(findings))
    message = f"its data records of {step_s:g} s have time stamps that are {float(np.median(steps_s)):g} s apart"
    if np.all(np.diff(onsets_s[stamped]) > 0):
        remedy = "Its header may tell the wrong sampling rates; export it again"
        findings.append(Doubt(id="records-out-of-step", message=message, remedy=remedy))
    else:
        message = f"calls itself {header.kind}, but its time stamps go back or stand still; they are ignored"
        findings.append(Finding(id="time-stamps-ignored", message=message))
    return Timeline(onsets_s=None, offset_s=offset_s, findings=tuple(findings))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where a signal's data records lie on its line of time, in samples.

    Attributes
    ----------
    first
        Shape ``[records]``: place of each record's first sample; None where records follow one another.
    n_samples
        From the first record's first sample to the last one's last.
    findings
        ``gap``; ``clock-drift`` where a late clock left gaps of at most 50 ms, which are interpolated, for each would
        cost its whole epoch; ``overlap`` where a fast clock made single samples be dropped.
    """

    first: NDArray[np.int64] | None
    n_samples: int
    findings: tuple[Finding, ...] = ()


def lay_out(path: Path, onsets_s: NDArray[np.float64], length: int, sampling_hz: Fraction | float) -> Layout:
    """Lay data records where they belong in time.

    A record that begins within a sample of where the one before ends, continues it; any other stands where its onset
    says. No record is more than a sample off its onset, so that a clock which runs apart from the samples shows.

    Parameters
    ----------
    path
        Named in the error.
    onsets_s
        Shape ``[records]``, seconds.
    length
        Samples of the signal in a record.
    sampling_hz
        Samples per second.

    Raises
    ------
    InputError
        If records overlap by more than single samples, go back in time, or span more than a week.
    """
    rate = float(sampling_hz)
    span_h = (np.ptp(onsets_s) + length / rate) / 3600
    if span_h > _LONGEST_H:
        raise InputError(path, f"its data records span {span_h:.4g} h, more than {_LONGEST_H} h", _REMEDY)
    stated = (onsets_s - onsets_s[0]) * rate
    first = np.zeros(len(onsets_s), dtype=np.int64)
    end, n_dropped, n_missing = length, 0, 0
    for record, place in enumerate(stated[1:].tolist(), start=1):
        off = place - end
        if off < -2 * _TOLERANCE_SAMPLES:
            raise InputError(path, f"data records {record - 1} and {record} overlap in time", _REMEDY)
        first[record] = end if abs(off) <= _TOLERANCE_SAMPLES else round(place)
        n_dropped += max(0, end - int(first[record]))
        n_missing += max(0, int(first[record]) - end)
        end = int(first[record]) + length
    if n_dropped > _LARGEST_OVERLAP * length * len(onsets_s):
        raise InputError(path, f"its data records overlap in time, by {n_dropped} samples in all", _REMEDY)
    holes = np.diff(first) - length
    n_bridged = int(holes[(holes > 0) & (holes <= longest_bridge(rate))].sum())
    findings = []
    if n_missing > n_bridged:
        message = f"{(n_missing - n_bridged) / rate:g} s within the recording were not recorded"
        findings.append(Finding(id="gap", message=message))
    if n_bridged:
        message = f"the recorder's clock runs late; {n_bridged} samples between its data records were interpolated"
        findings.append(Finding(id="clock-drift", message=message))
    if n_dropped:
        message = f"data records overlap by single samples; {n_dropped} samples were dropped"
        findings.append(Finding(id="overlap", message=message))
    return Layout(first=first, n_samples=end, findings=tuple(findings))


def longest_bridge(sampling_hz: float) -> int:
    """Samples of the longest hole that is interpolated."""
    return round(_LONGEST_BRIDGE_S * sampling_hz)
