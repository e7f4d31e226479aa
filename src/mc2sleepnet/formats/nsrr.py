"""NSRR's XML, ``PSGAnnotation``: stages as scored events in seconds from the start of the recording.

As the NSRR's EDF Editor and Translator writes it
(https://github.com/nsrr/edf-editor-translator/wiki/Compumedics-Annotation-Format, https://sleepdata.org/datasets/shhs).
"""

from datetime import datetime
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import numpy as np

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.hypnogram import UNKNOWN_DATE, Hypnogram
from mc2sleepnet.core.stages import EPOCH_S, N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.formats.clock import parse_clock, parse_seconds
from mc2sleepnet.formats.grid import StageEvent, hypnogram_from_events
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.stage_words import CODES, stage_of_word
from mc2sleepnet.formats.xml_file import Element, XmlFile

CONCEPT_OF_STAGE: Final = {
    W: "Wake|0",
    N1: "Stage 1 sleep|1",
    N2: "Stage 2 sleep|2",
    N3: "Stage 3 sleep|3",
    R: "REM sleep|5",
    UNSCORED: "Unscored|9",
}
SYNTHETIC: Final = "synthetic: no person was recorded"
_START_CONCEPT: Final = "recordingstarttime"
_FIRST_YEAR, _LAST_YEAR = 1985, 2084


def is_nsrr(file: XmlFile) -> bool:
    """Whether an XML file holds scored events with concepts."""
    return any(element.name in {"psgannotation", "scoredevent", "instance"} for element in file.root.walk())


def read_nsrr(path: Path, file: XmlFile) -> ScoredHypnogram:
    """Read the stages among the scored events, of NSRR's XML or of Luna's kin to it (``Annotations``).

    A stage is an event of type ``Stages|Stages``, or one without a type whose concept names a stage. Concepts are
    ``NAME|CODE`` with NSRR's codes, 0–5, 6 movement, 9 unscored; stages 3 and 4 are N3. Fields may be elements or
    attributes, in any case and namespace. The event ``Recording Start Time`` gives the clock, and the length of the
    recording, up to which the hypnogram goes on unscored.

    Raises
    ------
    InputError
        If there is no stage, or a time or stage that cannot be understood; the place among the events is named.
    """
    start, shortest_s = None, 0.0
    notes: list[str] = []
    events = []
    scored = [element for element in file.root.walk() if element.name in {"scoredevent", "instance"}]
    for place, element in enumerate(scored, start=1):
        kind = element.value("eventtype", "class") or ""
        concept = element.value("eventconcept", "name") or kind
        if "".join(concept.partition("|")[0].split()).lower() == _START_CONCEPT:
            shortest_s = _seconds(path, place, element, "duration") or 0.0
            clock = parse_clock(element.value("clocktime") or "")
            if clock is not None:
                start = clock.moment
                notes.extend(clock.notes())
            continue
        stage = _stage(path, place, kind, concept)
        if stage is None:
            continue
        onset_s = _seconds(path, place, element, "start")
        if onset_s is None:
            raise InputError(path, f"scored event {place}, {concept[:40]!r}, has no start", "Export the file again")
        duration_s = _seconds(path, place, element, "duration")
        events.append(StageEvent(onset_s=onset_s, duration_s=duration_s, stage=stage, text=concept))
    if start is None:
        start, said = _start_elsewhere(file.root)
        notes.extend(said)
    hypnogram = hypnogram_from_events(
        path, events, start=start, epoch_s=epoch_length(path, file.root), shortest_s=shortest_s, notes=notes
    )
    software = next((element.text.strip() for element in file.root.all_named("softwareversion")), "")
    return ScoredHypnogram(
        hypnogram=hypnogram,
        # Of other programs it says what wrote the file, not who scored.
        scorer=software if software.startswith("mc2sleepnet") else "",
        is_synthetic=SYNTHETIC in " ".join(file.comments),
    )


def epoch_length(path: Path, root: Element) -> float | None:
    """Seconds of an epoch as the file declares it; None where it does not.

    Raises
    ------
    InputError
        If it is no number from 1 to 300.
    """
    for element in root.all_named("epochlength"):
        if not element.text.strip():
            continue
        seconds = parse_seconds(element.text)
        if seconds == 0:  # Luna's word for unknown
            continue
        if seconds is None or not 1 <= seconds <= 300:
            fault = f"EpochLength {element.text.strip()[:40]!r} is no number of seconds from 1 to 300"
            raise InputError(path, fault, f"Scorings have epochs of {EPOCH_S} s, or of another length told in seconds")
        return seconds
    return None


def _start_elsewhere(root: Element) -> tuple[datetime | None, tuple[str, ...]]:
    """Luna's XML tells the clock once, in StartTime."""
    for element in root.all_named("starttime"):
        clock = parse_clock(element.text)
        if clock is not None:
            return clock.moment, clock.notes()
    return None, ()


def _seconds(path: Path, place: int, element: Element, name: str) -> float | None:
    text = element.value(name)
    if not text:
        return None
    seconds = parse_seconds(text)
    if seconds is None:
        fault = f"scored event {place}: {name} {text[:40]!r} is no number of seconds"
        raise InputError(path, fault, "Export the file again")
    return seconds


def _stage(path: Path, place: int, kind: str, concept: str) -> int | None:
    """Stage of an event; None where it is about something else."""
    is_stages = kind.partition("|")[0].strip().lower() in {"stages", "stage", "sleepstage", "sleepstages"}
    name, _, code = concept.rpartition("|")
    by_code = CODES["nsrr"].get(int(code)) if code.strip().isdecimal() and len(code) < 4 else None
    by_name = stage_of_word(name or code)
    if not is_stages and (kind.strip() and kind != concept):
        return None
    if by_code is not None and by_name is not None and by_code != by_name:
        fault = f"scored event {place}: {concept[:40]!r} names one stage and has the code of another"
        raise InputError(path, fault, "Correct the concept")
    stage = by_name if by_name is not None else by_code if is_stages else None
    if stage is None and is_stages:
        fault = f"scored event {place}: unknown stage {concept[:40]!r}"
        raise InputError(path, fault, f"Stages are {', '.join(CONCEPT_OF_STAGE.values())}")
    return stage


def runs(hypnogram: Hypnogram) -> list[tuple[int, int, int]]:
    """First epoch, end epoch and stage of every run of equal epochs."""
    stage = hypnogram.stage
    first = np.flatnonzero(np.diff(stage, prepend=np.int8(UNSCORED - 1)))
    ends = np.append(first[1:], len(stage))
    return [(a, b, int(stage[a])) for a, b in zip(first.tolist(), ends.tolist(), strict=False)]


def has_edf_year(start: datetime) -> bool:
    """Whether a date fits into two digits of a year."""
    return _FIRST_YEAR <= start.year <= _LAST_YEAR


def write_nsrr(scored: ScoredHypnogram, path: Path) -> None:
    """Write ``PSGAnnotation``: the start of the recording, then each run of equal epochs as ``Stages|Stages``."""
    from importlib.metadata import version  # 60 ms that reading does not need

    hypnogram = scored.hypnogram
    start = hypnogram.start
    clock = ""
    if start is not None:
        # Readers parse a date, and the NSRR's own stands for an unknown one.
        date = f"{start if has_edf_year(start) else UNKNOWN_DATE:%d.%m.%y}"
        clock = f"<ClockTime>{date} {start:%H.%M.%S}</ClockTime>"
    events = [("", "Recording Start Time", 0, len(hypnogram), clock)]
    events += [("Stages|Stages", CONCEPT_OF_STAGE[stage], a, b - a, "") for a, b, stage in runs(hypnogram)]
    lines = [
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>',
        *([f"<!-- {SYNTHETIC} -->"] if scored.is_synthetic else []),
        "<PSGAnnotation>",
        f"<SoftwareVersion>mc2sleepnet {escape(version('mc2sleepnet'))}</SoftwareVersion>",
        f"<EpochLength>{EPOCH_S}</EpochLength>",
        "<ScoredEvents>",
    ]
    for kind, concept, first, n_epochs, more in events:
        lines += [
            "<ScoredEvent>",
            f"<EventType>{kind}</EventType>" if kind else "<EventType/>",
            f"<EventConcept>{concept}</EventConcept>",
            f"<Start>{first * EPOCH_S:.1f}</Start>" if kind else "<Start>0</Start>",
            f"<Duration>{n_epochs * EPOCH_S:.1f}</Duration>",
            *([more] if more else []),
            "</ScoredEvent>",
        ]
    write_text_atomically(path, "\n".join([*lines, "</ScoredEvents>", "</PSGAnnotation>", ""]))
