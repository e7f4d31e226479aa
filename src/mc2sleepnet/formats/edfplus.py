"""Hypnograms as EDF+ annotations, in the dialect of PhysioNet's Sleep-EDF: R&K and AASM in, AASM out."""

import re
import warnings
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

import edfio
import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import atomic_path
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import EPOCH_S, N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.formats.grid import LONGEST_S, TOLERANCE_S, StageEvent, hypnogram_from_events
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.stage_words import stage_of_word

# R&K's stages 3 and 4 are both N3; movement time has no place among the five stages.
_STAGE_OF_SUFFIX: Final = {
    **{"W": W, "WAKE": W, "R": R, "REM": R, "?": UNSCORED, "M": UNSCORED},
    **{"1": N1, "2": N2, "3": N3, "4": N3, "N1": N1, "N2": N2, "N3": N3, "N4": N3},
}
_TEXT_OF_STAGE: Final = {
    W: "Sleep stage W",
    N1: "Sleep stage 1",
    N2: "Sleep stage 2",
    N3: "Sleep stage 3",
    R: "Sleep stage R",
    UNSCORED: "Sleep stage ?",
}
_STAGE_TEXT: Final = re.compile(r"sleep stage\s+(\S.*)", re.IGNORECASE)
_MOVEMENT_TEXT: Final = "movement time"
_SYNTHETIC: Final = "synthetic"
# What edfio meets in a damaged header or annotation.
_PARSER_ERRORS: Final = (ValueError, LookupError, ArithmeticError, NameError, UserWarning)
# EDF keeps a year in two digits, of which 85 is the first; those of any other are "yy", and EDF+'s own date counts.
_FIRST_YEAR, _LAST_YEAR = 1985, 2084
_DATE_AT: Final = 168
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_PLUS_DATE: Final = re.compile(r"Startdate (\d{2})-([A-Z]{3})-(\d{4})(?:\s|$)")

_Interval = tuple[int, int, int, str]


def is_edf(path: Path) -> bool:
    """Whether a file begins as every EDF and EDF+ file does."""
    with path.open("rb") as file:
        return file.read(8) == b"0       "


def read_edfplus(path: Path) -> ScoredHypnogram:
    """Read the sleep stages among a file's EDF+ annotations.

    Epochs lie every 30 s from the header's start time. ``Sleep stage W/1/2/3/4/R/?``, ``N1``–``N3`` and
    ``Movement time`` are understood; R&K's 3 and 4 become N3; movement, ``?`` and stretches without any
    annotation are unscored. A stage without a duration lasts until the next one (the last one for an epoch).
    The last annotation may stop within an epoch, which is then unscored. Other annotations are ignored. A file
    without any ``Sleep stage`` is searched for other houses' names, such as ``Stage - N2`` or ``SLEEP-S2``.

    Parameters
    ----------
    path
        An EDF+ file: annotations only, or with signals.

    Returns
    -------
    ScoredHypnogram
        N epochs, with every unscored tail kept; `hypnogram.scorer` is the file's stem.

    Raises
    ------
    InputError
        If the file is damaged, holds no stages or an unknown one, or stages that overlap or lie off the grid.
    """
    try:
        # A header that edfio has to mend is a hypnogram nobody should trust.
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            edf = edfio.read_edf(path, header_encoding="latin-1")
            annotations = edf.annotations
    except _PARSER_ERRORS as error:
        # What the parser warns of is in words; its errors are its own affair.
        why = f" ({_one_line(error)})" if isinstance(error, UserWarning) else ", a field of the file is damaged"
        raise InputError(path, f"its EDF+ annotations cannot be read{why}", "Fetch or export the file again") from error
    is_synthetic = _SYNTHETIC in edf.local_recording_identification.lower()
    if not any(_STAGE_TEXT.fullmatch(annotation.text.strip()) for annotation in annotations):
        events = [
            StageEvent(onset_s=a.onset, duration_s=a.duration, stage=stage, text=a.text)
            for a in annotations
            if (stage := stage_of_word(a.text)) is not None
        ]
        if any(event.stage != UNSCORED for event in events):
            hypnogram = hypnogram_from_events(path, events, start=_start(edf))
            return ScoredHypnogram(hypnogram=hypnogram, is_synthetic=is_synthetic)
    intervals = _stage_intervals(path, annotations)
    hypnogram = Hypnogram(stage=_stages_on_grid(path, intervals), start=_start(edf), scorer=path.stem)
    return ScoredHypnogram(hypnogram=hypnogram, is_synthetic=is_synthetic)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _start(edf: edfio.Edf) -> datetime | None:
    """Clock time of the header; its anonymised form (`Startdate X`, midnight of 01.01.85) means unknown."""
    identification = edf.local_recording_identification
    # The plain fields are one pair of date and time; the EDF+ field may name the evening before midnight.
    edf.local_recording_identification = ""
    try:
        start = edf.startdatetime
    except _PARSER_ERRORS:
        return _start_of_any_year(identification, edf)
    is_anonymised = identification.split()[:2] == ["Startdate", "X"] and start == datetime(_FIRST_YEAR, 1, 1)
    return None if is_anonymised else start


def _start_of_any_year(identification: str, edf: edfio.Edf) -> datetime | None:
    """Clock time where the header's date is none and EDF+'s own counts."""
    match = _PLUS_DATE.match(identification)
    if match is None or match[2] not in _MONTHS:
        return None
    try:
        return datetime.combine(date(int(match[3]), 1 + _MONTHS.index(match[2]), int(match[1])), edf.starttime)
    except _PARSER_ERRORS:
        return None


def _stage_of(path: Path, text: str) -> int | None:
    """Stage of an annotation's text; None where it is about something else."""
    if text.strip().lower() == _MOVEMENT_TEXT:
        return UNSCORED
    match = _STAGE_TEXT.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return _STAGE_OF_SUFFIX[match[1].upper()]
    except KeyError:
        known = "W, 1, 2, 3, 4, R, ?, N1, N2, N3 and M"
        remedy = f"Stages this program knows are {known}"
        raise InputError(path, f"unknown stage {_one_line(ValueError(text))!r}", remedy) from None


def _stage_intervals(path: Path, annotations: Sequence[edfio.EdfAnnotation]) -> list[_Interval]:
    """First epoch, end epoch, stage and text of every stage annotation, in order of time."""
    stages = [(a, stage) for a in annotations if (stage := _stage_of(path, a.text)) is not None]
    if not stages:
        remedy = "Give the file that holds annotations such as 'Sleep stage W'"
        raise InputError(path, "no sleep stages among its annotations", remedy)
    intervals = []
    for i, (annotation, stage) in enumerate(stages):
        is_last = i + 1 == len(stages)
        duration_s = annotation.duration or (EPOCH_S if is_last else stages[i + 1][0].onset - annotation.onset)
        end_s = annotation.onset + duration_s
        if not 0 <= annotation.onset < end_s <= LONGEST_S:
            fault = f"{annotation.text!r} lies from {annotation.onset:g} s to {end_s:g} s"
            raise InputError(path, fault, "Stages lie between the start of the file and 31 days later")
        first = _on_grid(path, annotation.text, "starts", annotation.onset)
        # A recording seldom stops at the end of an epoch; what is left of it was not an epoch to score.
        end = int(end_s // EPOCH_S) if is_last else _on_grid(path, annotation.text, "ends", end_s)
        intervals.append((first, end, stage, annotation.text))
        if is_last and end_s - end * EPOCH_S > TOLERANCE_S:
            intervals.append((end, end + 1, UNSCORED, annotation.text))
    return intervals


def _on_grid(path: Path, text: str, verb: str, time_s: float) -> int:
    epoch = round(time_s / EPOCH_S)
    if abs(time_s - epoch * EPOCH_S) > TOLERANCE_S:
        fault = f"{text!r} {verb} {time_s:g} s after the file's start, which is no multiple of {EPOCH_S} s"
        raise InputError(path, fault, f"Stages must be {EPOCH_S}-s epochs counted from the file's start")
    return epoch


def _stages_on_grid(path: Path, intervals: Sequence[_Interval]) -> NDArray[np.int8]:
    stage = np.full(max(end for _, end, _, _ in intervals), UNSCORED, dtype=np.int8)
    is_taken = np.zeros(len(stage), dtype=np.bool_)
    for first, end, code, text in intervals:
        if np.any(is_taken[first:end] & (stage[first:end] != code)):
            fault = f"{text!r} at {first * EPOCH_S} s overlaps another stage"
            raise InputError(path, fault, "Give a file with one stage per epoch, by one scorer")
        stage[first:end] = code
        is_taken[first:end] = True
    return stage


def write_annotations(
    path: Path,
    annotations: Sequence[tuple[float, float, str]],
    *,
    start: datetime | None,
    recording_text: str,
    patient_text: str = "",
) -> None:
    """Write an EDF+C file of annotations alone, laid out as PhysioNet's hypnograms are, all or nothing.

    Parameters
    ----------
    path
        The file to write.
    annotations
        Onset and duration in seconds after `start`, and text, of each annotation; at least one.
    start
        Local clock time of the header; None writes the EDF+ standard's anonymised date.
    recording_text
        Words for the recording field's free part, such as ``"synthetic"``; ASCII, at most some 40 characters.
    patient_text
        The whole patient field as another EDF file has it; empty writes the standard's unknown patient.

    Raises
    ------
    InputError
        If there are no annotations.
    """
    if not annotations:
        raise InputError(path, "there is nothing to write", "Give at least one epoch")
    words = tuple(recording_text.split())
    is_in_two_digits = start is not None and _FIRST_YEAR <= start.year <= _LAST_YEAR
    edf = edfio.Edf(
        signals=(),
        recording=edfio.Recording(startdate=start.date() if start and is_in_two_digits else None, additional=words),
        starttime=start.time() if start else None,
        annotations=[edfio.EdfAnnotation(*annotation) for annotation in annotations],
    )
    if patient_text:
        edf.local_patient_identification = patient_text.encode("ascii", errors="replace").decode()[:80]
    if start is not None and not is_in_two_digits:
        own_date = f"Startdate {start.day:02}-{_MONTHS[start.month - 1]}-{start.year:04}"
        edf.local_recording_identification = edf.local_recording_identification.replace("Startdate X", own_date, 1)
    with atomic_path(path) as temporary:
        edf.write(temporary)
        if start is not None and not is_in_two_digits:
            with temporary.open("rb+") as file:
                file.seek(_DATE_AT)
                file.write(f"{start:%d.%m}.yy".encode())


def write_hypnogram(
    path: Path, hypnogram: Hypnogram, *, is_synthetic: bool, recording_text: str = "", patient_text: str = ""
) -> None:
    """Write ``Sleep stage W/1/2/3/R/?`` annotations, one per run of equal epochs, all or nothing.

    Parameters
    ----------
    path
        The EDF+ file to write.
    hypnogram
        At least one epoch.
    is_synthetic
        Whether no person was recorded; the header then says ``synthetic``.
    recording_text
        More words for the header's recording field, ASCII.
    patient_text
        As `write_annotations` takes it.

    Raises
    ------
    InputError
        If the hypnogram is empty.
    """
    stage = hypnogram.stage
    first = np.flatnonzero(np.diff(stage, prepend=np.int8(UNSCORED - 1)))
    end = np.append(first[1:], len(stage))
    annotations = [
        (float(a * EPOCH_S), float((b - a) * EPOCH_S), _TEXT_OF_STAGE[int(stage[a])])
        for a, b in zip(first.tolist(), end.tolist(), strict=False)
    ]
    text = f"synthetic {recording_text}" if is_synthetic else recording_text
    write_annotations(path, annotations, start=hypnogram.start, recording_text=text, patient_text=patient_text)


def write_edfplus(scored: ScoredHypnogram, path: Path) -> None:
    """Write a hypnogram from anywhere; see `write_hypnogram`."""
    write_hypnogram(path, scored.hypnogram, is_synthetic=scored.is_synthetic)
