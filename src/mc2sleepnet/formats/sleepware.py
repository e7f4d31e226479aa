"""Philips Sleepware's XML, ``PatientStudy`` (``.rml``): changes of stage in seconds from the start of the session.

Read only. ``StagingData`` has what a person scored (``UserStaging``) and what the software did (``MachineStaging``).
"""

from pathlib import Path

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.formats.clock import parse_clock, parse_seconds
from mc2sleepnet.formats.grid import StageEvent, hypnogram_from_events
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.stage_words import stage_of_word
from mc2sleepnet.formats.xml_file import Element, XmlFile


def is_sleepware(file: XmlFile) -> bool:
    """Whether an XML file is a ``PatientStudy``."""
    return file.root.name == "patientstudy"


def read_sleepware(path: Path, file: XmlFile) -> ScoredHypnogram:
    """Read a person's staging, or the software's where there is no other.

    Each stage lasts until the next one, the last until the end of the session.

    Raises
    ------
    InputError
        If there is no staging, more than one session, or a stage or time that cannot be understood.
    """
    sessions = file.root.all_named("session")
    if len(sessions) > 1:
        fault = f"it holds {len(sessions)} sessions, whose stages do not share one clock"
        raise InputError(path, fault, "Export one session")
    stages, notes = _staging(file.root)
    duration_s = parse_seconds(sessions[0].value("duration") or "") if sessions else None
    clock = parse_clock(sessions[0].value("recordingstart") or "") if sessions else None
    events = []
    onsets = [_onset(path, place, element) for place, element in enumerate(stages, start=1)]
    for place, (element, onset_s) in enumerate(zip(stages, onsets, strict=True), start=1):
        text = element.value("type") or ""
        stage = stage_of_word(text)
        if stage is None:
            raise InputError(path, f"stage {place}: unknown type {text[:40]!r}", "Export the file again")
        is_last = onset_s == max(onsets)
        lasts_s = duration_s - onset_s if is_last and duration_s is not None and duration_s > onset_s else None
        events.append(StageEvent(onset_s=onset_s, duration_s=lasts_s, stage=stage, text=text))
    start = None if clock is None else clock.moment
    said = (*notes, *(() if clock is None else clock.notes()))
    hypnogram = hypnogram_from_events(path, events, start=start, epoch_s=30, shortest_s=duration_s or 0, notes=said)
    return ScoredHypnogram(hypnogram=hypnogram)


def _staging(root: Element) -> tuple[list[Element], tuple[str, ...]]:
    """Stages, and what had to be assumed."""
    for name, notes in (
        ("userstaging", ()),
        ("machinestaging", ("Nobody scored: the software's own stages are read.",)),
    ):
        for staging in root.all_named(name):
            stages = staging.all_named("stage")
            if stages:
                return stages, notes
    return root.all_named("stage"), ()


def _onset(path: Path, place: int, element: Element) -> float:
    seconds = parse_seconds(element.value("start") or "")
    if seconds is None:
        raise InputError(path, f"stage {place} has no start in seconds", "Export the file again")
    return seconds
