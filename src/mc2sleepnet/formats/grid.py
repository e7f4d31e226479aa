"""From stages with onsets and durations to one stage per 30-s epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import EPOCH_S, N_STAGES, UNSCORED

# Times are kept to the second: vendors round onsets to it.
TOLERANCE_S: Final = 0.5
# A longer night is a damaged number, which must not be allowed to fill the memory.
LONGEST_S: Final = 31 * 24 * 3600
# More epochs than this share with two stages are no slips of the hand but two scorers in one list.
MOST_CONTRADICTIONS: Final = 0.05
_MS: Final = 1000
_EPOCH_MS: Final = EPOCH_S * _MS
_TOLERANCE_MS: Final = int(TOLERANCE_S * _MS)


@dataclass(frozen=True, kw_only=True)
class StageEvent:
    """One stage that lasts from `onset_s` for `duration_s` (None or 0: until the next one begins)."""

    onset_s: float
    duration_s: float | None
    stage: int
    text: str


def hypnogram_from_events(
    path: Path,
    events: Sequence[StageEvent],
    *,
    start: datetime | None,
    epoch_s: float | None = None,
    shortest_s: float = 0,
    notes: Sequence[str] = (),
) -> Hypnogram:
    """Lay stages on epochs of 30 s.

    The epochs are counted from second 0, or, where every onset lies off them by the same time, from there on
    (then `start` moves along). Epochs of another length, and onsets off the epochs, give each 30-s epoch the stage
    that fills most of it, the earlier of equals, and nothing where less than half of it has a stage. Two
    different stages at one time leave the epoch unscored; what is unscored takes nothing from a stage.
    Whatever had to be assumed is in the hypnogram's `notes`.

    Parameters
    ----------
    path
        The file they came from.
    events
        In any order; other times than of stages belong to no event and are unscored.
    start
        Local clock time of second 0.
    epoch_s
        Length of the epochs they were scored in, where the file says; else the shortest duration is tried.
    shortest_s
        The hypnogram is at least this long.
    notes
        What the reader had to assume already.

    Raises
    ------
    InputError
        If there is no event, one lies before second 0 or impossibly late, or too many contradict each other.
    """
    if not events:
        raise InputError(path, "it has no sleep stages", "Give a file that holds one stage for each epoch")
    spans = _spans(path, events, epoch_s)
    said = list(notes)
    length = _epoch_length(spans, epoch_s)
    offset = _offset(spans, length)
    if offset and start is not None:
        try:
            start += timedelta(milliseconds=offset)
        except OverflowError:
            raise InputError(path, "its clock goes beyond the year 9999", "Correct the start time") from None
    elif offset:
        said.append(
            f"Epochs begin {offset / _MS:g} s after second 0, which is lost without a start time: check alignment."
        )
    end = max(max(b for _, b, _ in spans) - offset, min(int(shortest_s * _MS), LONGEST_S * _MS) - offset)
    n_epochs = max(1, -(-(end - _TOLERANCE_MS) // _EPOCH_MS))
    share, first_at, n_off = _shares(spans, offset, n_epochs)
    stage, n_mixed, is_double = _choose(share, first_at)
    # A recording seldom stops at the end of an epoch; what is left of it was not an epoch to score.
    last_end, is_on_epoch = _snap(max(b for _, b, _ in spans) - offset)
    if not is_on_epoch:
        stage[last_end // _EPOCH_MS] = UNSCORED
    n_scored = int(np.count_nonzero(stage != UNSCORED)) + int(is_double.sum())
    if is_double.sum() > max(2, MOST_CONTRADICTIONS * n_scored):
        fault = f"{is_double.sum()} of {n_scored} epochs have two stages at one time"
        raise InputError(path, fault, "Give a file with one stage per epoch, by one scorer")
    if is_double.any():
        said.append(f"{is_double.sum()} epochs with two different stages at one time are unscored.")
    if length % _EPOCH_MS:
        said.append(
            f"Scored in epochs of {length / _MS:g} s: each {EPOCH_S}-s epoch has the stage that fills most of it "
            f"({n_mixed} hold more than one)."
        )
    elif length != _EPOCH_MS:
        said.append(f"Scored in epochs of {length / _MS:g} s: each became {length // _EPOCH_MS} of {EPOCH_S} s.")
    elif n_off:
        said.append(
            f"{n_off} stages begin or end off the {EPOCH_S}-s epochs: each epoch has the stage that fills most of it."
        )
    return Hypnogram(stage=stage, start=checked_start(path, start, n_epochs), scorer=path.stem, notes=tuple(said))


def checked_start(path: Path, start: datetime | None, n_epochs: int) -> datetime | None:
    """Return the start, if the night it begins ends within what dates can hold."""
    if start is None:
        return None
    try:
        start + timedelta(seconds=EPOCH_S * (n_epochs + 1))
    except OverflowError:
        fault = f"clock time '{start.isoformat()}' puts the end of the night beyond the year 9999"
        raise InputError(path, fault, "Correct the clock times, or leave them out") from None
    return start


def durations_of_onsets(onsets_s: Sequence[float]) -> list[float | None]:
    """Durations where a list has onsets alone: an epoch each, if at least half follow by one; else until the next."""
    ordered = np.sort(np.asarray(onsets_s, dtype=np.float64))
    is_epoch = np.abs(np.diff(ordered) - EPOCH_S) <= TOLERANCE_S
    each = float(EPOCH_S) if 2 * np.count_nonzero(is_epoch) >= len(is_epoch) else None
    return [each] * len(onsets_s)


_Span = tuple[int, int, int]


def _spans(path: Path, events: Sequence[StageEvent], epoch_s: float | None) -> list[_Span]:
    """Onset, end (ms) and stage of every event in order of time."""
    ordered = sorted(events, key=lambda event: event.onset_s)
    spans = []
    for i, event in enumerate(ordered):
        duration_s = event.duration_s
        if not duration_s:
            later = (other.onset_s for other in ordered[i + 1 :] if other.onset_s > event.onset_s)
            duration_s = next(later, event.onset_s + (epoch_s or EPOCH_S)) - event.onset_s
        end_s = event.onset_s + duration_s
        if not 0 <= event.onset_s < end_s <= LONGEST_S:
            fault = f"{event.text[:40]!r} lies from {event.onset_s:g} s to {end_s:g} s"
            raise InputError(path, fault, "Stages lie between the start of the recording and 31 days later")
        spans.append((round(event.onset_s * _MS), round(end_s * _MS), event.stage))
    return spans


def _is_multiple(time: int, length: int) -> bool:
    return min(time % length, -time % length) <= _TOLERANCE_MS


def _epoch_length(spans: Sequence[_Span], epoch_s: float | None) -> int:
    """Length in ms of the epochs these were scored in: 30 s unless the file says, or all its times show, another."""
    if epoch_s is not None:
        return round(epoch_s * _MS)
    durations = [b - a for a, b, _ in (spans[:-1] or spans)]
    shortest = min(durations)
    if shortest < _MS or len(spans) == 1 or not shortest % _EPOCH_MS:
        return _EPOCH_MS
    origin = spans[0][0]
    steps = [a - origin for a, _, _ in spans]
    if shortest % _MS <= _TOLERANCE_MS and all(_is_multiple(time, shortest) for time in (*durations, *steps)):
        return shortest
    return _EPOCH_MS


def _offset(spans: Sequence[_Span], length: int) -> int:
    """Milliseconds by which all onsets lie off the epochs alike, else 0."""
    step = length if length < _EPOCH_MS else _EPOCH_MS
    offset = spans[0][0] % step
    if min(offset, step - offset) <= _TOLERANCE_MS or not all(_is_multiple(a - offset, step) for a, _, _ in spans):
        return 0
    return offset


def _snap(time: int) -> tuple[int, bool]:
    nearest = round(time / _EPOCH_MS) * _EPOCH_MS
    return (nearest, True) if abs(time - nearest) <= _TOLERANCE_MS else (time, False)


def _shares(spans: Sequence[_Span], offset: int, n_epochs: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Milliseconds of each stage in each epoch, when it first came, and stages off the epochs.

    The end of the last one off the epochs is no fault: a recording seldom stops with one.
    """
    share = np.zeros((n_epochs, N_STAGES), dtype=np.int64)
    first_at = np.full(share.shape, _EPOCH_MS, dtype=np.int64)
    n_off = 0
    last_end = max(b for _, b, _ in spans)
    for a, b, stage in spans:
        if stage == UNSCORED:
            continue
        (begin, is_on), (end, is_end_on) = _snap(a - offset), _snap(b - offset)
        n_off += not (is_on and (is_end_on or b == last_end))
        first, last = begin // _EPOCH_MS, min(-(-end // _EPOCH_MS), n_epochs)
        for epoch in {first, last - 1}:
            from_, to = max(begin, epoch * _EPOCH_MS), min(end, (epoch + 1) * _EPOCH_MS)
            if 0 <= epoch < n_epochs and to > from_:
                share[epoch, stage] += to - from_
                first_at[epoch, stage] = min(first_at[epoch, stage], from_ - epoch * _EPOCH_MS)
        share[first + 1 : last - 1, stage] += _EPOCH_MS
        first_at[first + 1 : last - 1, stage] = 0
    return np.minimum(share, _EPOCH_MS), first_at, n_off


def _choose(share: NDArray[np.int64], first_at: NDArray[np.int64]) -> tuple[NDArray[np.int8], int, NDArray[np.bool_]]:
    """Stage of each epoch, how many hold more than one, and True where two claim one time."""
    is_double = (share.sum(axis=1) > _EPOCH_MS + _TOLERANCE_MS) & (np.count_nonzero(share, axis=1) > 1)
    best = (share * (2 * _EPOCH_MS) - first_at).argmax(axis=1)
    is_filled = share.sum(axis=1) * 2 >= _EPOCH_MS - _TOLERANCE_MS
    stage = np.where(is_filled & ~is_double, best, UNSCORED).astype(np.int8)
    return stage, int(np.count_nonzero((np.count_nonzero(share, axis=1) > 1) & ~is_double)), is_double
