"""Luna's ``.annot``: one row for each interval, in six columns or the older four or three.

https://zzz.bwh.harvard.edu/luna/ref/annotations/#annot-files: ``class instance channel start stop meta``,
``class instance start stop`` or ``class start stop``; times in elapsed seconds, ``0+hh:mm:ss``, on the clock, or in
epochs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.stages import EPOCH_S, STAGES, UNSCORED
from mc2sleepnet.formats.clock import ClockTime, moments_of, parse_clock, parse_seconds
from mc2sleepnet.formats.grid import StageEvent, hypnogram_from_events
from mc2sleepnet.formats.nsrr import SYNTHETIC
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.table import as_code, read_stages

COLUMNS: Final = ("class", "instance", "channel", "start", "stop", "meta")
# Where class, instance, start and stop stand in rows of so many columns.
_PLACES: Final = {6: (0, 1, 3, 4), 4: (0, 1, 2, 3), 3: (0, None, 1, 2)}
# Classes whose instances name the stage.
_STAGE_CLASSES: Final = {"sleepstage", "sleepstages", "stage", "stages", "staging", "edf_annot", "hypnogram"}
_STARTED: Final = "the recording started at "
_ELAPSED: Final = re.compile(r"0\+(\d{1,3}):(\d{2}):(\d{2}(?:\.\d{1,9})?)")
_EPOCHS: Final = re.compile(r"e:(\d{1,7})(?::(\d{1,4}(?:\.\d{1,4})?))?(?::(\d{1,4}(?:\.\d{1,4})?))?")
_WORD_OF: Final = {**dict(enumerate(STAGES)), UNSCORED: "?"}


@dataclass(frozen=True, kw_only=True)
class _Row:
    line: int
    label: str
    instance: str
    start: str
    stop: str


def is_luna(text: str) -> bool:
    """Whether the first row below the preamble is Luna's header, or a class between two times."""
    for line in text.split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        cells = _cells(line)
        if _is_header(cells):
            return True
        places = _PLACES.get(len(cells))
        # One line of numbered stages is no row of times.
        if all(as_code(cell) is not None and abs(as_code(cell) or 0) < 10 for cell in cells):
            return False
        return places is not None and _is_time(cells[places[2]]) and _is_stop(cells[places[3]])
    return False


def read_luna(path: Path, text: str, *, codes: str | None) -> ScoredHypnogram:
    """Read the rows whose class (or, of classes such as ``SleepStage``, whose instance) names a stage.

    Elapsed seconds count from the start of the recording, which only our own files tell; clock times make the first
    stage's the start. Bare numbers as classes are read by `codes`.

    Raises
    ------
    InputError
        If there is no stage, a row has another number of columns, a time cannot be understood, or elapsed and
        clock times are mixed; the line is named.
    """
    rows, started = _rows(path, text)
    chosen = [(row, label) for row in rows if (label := _stage_label(row)) is not None]
    read = read_stages(
        path,
        [label for _, label in chosen],
        codes=codes or ("nsrr" if any(as_code(label) is not None for _, label in chosen) else None),
        is_strict=False,
        lines=[row.line for row, _ in chosen],
    )
    kept = [(row, stage) for (row, _), stage in zip(chosen, read.stages, strict=True) if stage is not None]
    notes = list(read.notes)
    start = started
    clocks = {row.line: clock for row, _ in kept if (clock := _clock(row.start)) is not None}
    onsets: dict[int, float] = {}
    if clocks:
        if len(clocks) < len(kept):
            fault = "it mixes clock times with elapsed ones, and does not say when the recording started"
            raise InputError(path, fault, "Write all times of stages in one way")
        moments = moments_of(list(clocks.values()))
        start = min(moments)
        notes.extend(next(iter(clocks.values())).notes())
        onsets = {line: (moment - start).total_seconds() for line, moment in zip(clocks, moments, strict=True)}
    events = []
    for row, stage in kept:
        onset_s = onsets.get(row.line)
        if onset_s is None:
            onset_s = _elapsed(path, row, row.start)
        duration_s = _duration(path, row, onset_s)
        events.append(StageEvent(onset_s=onset_s, duration_s=duration_s, stage=stage, text=row.label))
    hypnogram = hypnogram_from_events(path, events, start=start, notes=notes)
    return ScoredHypnogram(hypnogram=hypnogram, is_synthetic=f"# {SYNTHETIC}" in text or SYNTHETIC in text[:2000])


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.rstrip("\n").split("\t")] if "\t" in line.strip() else line.split()


def _is_header(cells: Sequence[str]) -> bool:
    lower = [cell.lower() for cell in cells]
    return lower[:1] == ["class"] and "start" in lower and "stop" in lower


def _rows(path: Path, text: str) -> tuple[list[_Row], datetime | None]:
    """Data rows, and when the recording started if the preamble tells."""
    rows, started = [], None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("#") and _STARTED in line:
            clock = parse_clock(line.partition(_STARTED)[2].partition(";")[0])
            started = clock.moment if clock is not None else started
        if not line.strip() or line.startswith("#"):
            continue
        cells = _cells(line)
        if _is_header(cells):
            continue
        places = _PLACES.get(len(cells)) or (_PLACES[6] if len(cells) in {5, 7} else None)
        if places is None:
            fault = f"line {number}: {len(cells)} columns, where Luna's rows have 6, 4 or 3"
            raise InputError(path, fault, "Separate columns by tabs, and fill empty ones with '.'")
        label, instance, start, stop = places
        rows.append(
            _Row(
                line=number,
                label=cells[label],
                instance="." if instance is None else cells[instance],
                start=cells[start],
                stop=cells[stop],
            )
        )
    return rows, started


def _stage_label(row: _Row) -> str | None:
    """The words of a row that may name a stage; None where it is about something else."""
    if row.label == "L":
        return "lights on"
    if row.label.lower() in _STAGE_CLASSES:
        return row.instance
    return row.label


def _is_time(text: str) -> bool:
    return parse_seconds(text) is not None or bool(_ELAPSED.fullmatch(text) or _EPOCHS.fullmatch(text) or _clock(text))


def _is_stop(text: str) -> bool:
    return text in {".", "..."} or _is_time(text.removeprefix("+"))


def _clock(text: str) -> ClockTime | None:
    """Clock time with an optional date; a plain number is elapsed seconds."""
    return None if parse_seconds(text) is not None or text.startswith("0+") else parse_clock(text)


def _elapsed(path: Path, row: _Row, text: str, *, is_stop: bool = False) -> float:
    """Seconds from the start of the recording."""
    seconds = parse_seconds(text)
    if seconds is not None:
        return seconds
    match = _ELAPSED.fullmatch(text)
    if match is not None:
        return 3600.0 * int(match[1]) + 60.0 * int(match[2]) + float(match[3])
    match = _EPOCHS.fullmatch(text)
    if match is None:
        fault = f"line {row.line}: {text[:40]!r} is no time"
        raise InputError(path, fault, "Write seconds, hh:mm:ss, 0+hh:mm:ss or e:EPOCH")
    length = float(match[2] or EPOCH_S)
    step = float(match[3] or length)
    return (int(match[1]) - 1) * step + (length if is_stop else 0.0)


def _duration(path: Path, row: _Row, onset_s: float) -> float | None:
    """Seconds that a row lasts; None: until the next stage."""
    if row.stop == "..." or (row.stop == "." and not row.start.startswith("e:")):
        return None
    if row.stop == ".":
        return _elapsed(path, row, row.start, is_stop=True) - onset_s
    if row.stop.startswith("+"):
        return _elapsed(path, row, row.stop.removeprefix("+"))
    clock, begin = _clock(row.stop), _clock(row.start)
    if clock is None or begin is None:
        return _elapsed(path, row, row.stop, is_stop=True) - onset_s
    span = (
        (clock.moment - begin.moment)
        if clock.date and begin.date
        else clock.moment.replace(year=1985, month=1, day=1) - begin.moment.replace(year=1985, month=1, day=1)
    )
    return span.total_seconds() if span > timedelta(0) else (span + timedelta(days=1)).total_seconds()


def write_luna(scored: ScoredHypnogram, path: Path) -> None:
    """Write six columns, one row for each epoch, in elapsed seconds; the description of each stage tells the start."""
    hypnogram = scored.hypnogram
    about = ["sleep stage"]
    if hypnogram.start is not None:
        about.append(f"{_STARTED}{hypnogram.start.isoformat(sep=' ')}")
    if scored.is_synthetic:
        about.append(SYNTHETIC)
    found = sorted(set(hypnogram.stage.tolist()))
    lines = [f"# {_WORD_OF[stage]} | {'; '.join(about)}" for stage in found]
    lines.append("\t".join(COLUMNS))
    for epoch, stage in enumerate(hypnogram.stage.tolist()):
        lines.append(f"{_WORD_OF[stage]}\t.\t.\t{epoch * EPOCH_S}\t{(epoch + 1) * EPOCH_S}\t.")
    write_text_atomically(path, "\n".join([*lines, ""]))
