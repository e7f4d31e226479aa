"""Recordings and hypnograms in the layouts of NSRR, BIDS and anybody's folder."""

from datetime import datetime
from pathlib import Path

import edfio
import numpy as np

from edf_files import noise_uv, signal

EVENING = datetime(1985, 1, 1, 22, 30)
# One epoch of each stage, movement and unscored among them; 4 is N3 too.
SHHS_STAGES = [0, 0, 1, 2, 3, 4, 6, 5, 9, 2, 0]
SHHS_LETTERS = "WW1233?R?2W"
_CONCEPTS = {
    **{0: "Wake|0", 1: "Stage 1 sleep|1", 2: "Stage 2 sleep|2", 3: "Stage 3 sleep|3", 4: "Stage 4 sleep|4"},
    **{5: "REM sleep|5", 6: "Movement|6", 9: "Unscored|9"},
}


def write_recording(path: Path, labels: dict[str, float], n_epochs: float, *, seed: int = 0, text: str = "") -> None:
    """An EDF with noise of its own on each label, by sampling rate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    signals = [
        signal(noise_uv(30 * n_epochs, rate, seed + place), rate, label)
        for place, (label, rate) in enumerate(labels.items())
    ]
    recording = edfio.Recording(startdate=EVENING.date(), additional=text.split())
    edfio.Edf(signals, recording=recording, starttime=EVENING.time(), data_record_duration=1, annotations=[]).write(
        path
    )


def nsrr_xml(stages: list[int], *, newline: str = "\n", extra: str = "") -> bytes:
    """Stages as NSRR's translator writes them for SHHS: one event for each run of equal stages."""
    rows = [
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>',
        "<PSGAnnotation>",
        "<SoftwareVersion>Compumedics</SoftwareVersion>",
        "<EpochLength>30</EpochLength>",
        "<ScoredEvents>",
        "<ScoredEvent><EventType/><EventConcept>Recording Start Time</EventConcept><Start>0</Start>"
        f"<Duration>{30 * len(stages):.1f}</Duration><ClockTime>00.00.00 {EVENING:%H.%M.%S}</ClockTime></ScoredEvent>",
        "<ScoredEvent><EventType>Respiratory|Respiratory</EventType><EventConcept>Hypopnea|Hypopnea</EventConcept>"
        "<Start>31.4</Start><Duration>22.0</Duration><SignalLocation>THOR RES</SignalLocation></ScoredEvent>",
        extra,
    ]
    first = 0
    for place in range(1, len(stages) + 1):
        if place == len(stages) or stages[place] != stages[first]:
            concept = f"<EventType>Stages|Stages</EventType><EventConcept>{_CONCEPTS[stages[first]]}</EventConcept>"
            time = f"<Start>{30 * first}.0</Start><Duration>{30 * (place - first)}.0</Duration>"
            rows.append(f"<ScoredEvent>{concept}{time}</ScoredEvent>")
            first = place
    return newline.join([*rows, "</ScoredEvents>", "</PSGAnnotation>", ""]).encode()


def profusion_xml(stages: list[int]) -> bytes:
    rows = "".join(f"<SleepStage>{stage}</SleepStage>" for stage in stages)
    text = f"<?xml version='1.0'?><CMPStudyConfig><EpochLength>30</EpochLength><SleepStages>{rows}</SleepStages>"
    return f"{text}</CMPStudyConfig>".encode()


def write_shhs(
    source: Path,
    number: int,
    *,
    stages: list[int] | None = None,
    n_epochs: float | None = None,
    labels: tuple[str, ...] = ("SaO2", "EEG(sec)", "EEG"),
    rate: float = 125,
    newline: str = "\n",
    extra: str = "",
) -> None:
    """A recording of the first visit with its NSRR scoring, in NSRR's folders."""
    stages = SHHS_STAGES if stages is None else stages
    name = f"shhs1-{number}"
    rates = {label: 1 if label == "SaO2" else rate for label in labels}
    edfs = source / "polysomnography" / "edfs" / "shhs1"
    write_recording(edfs / f"{name}.edf", rates, len(stages) if n_epochs is None else n_epochs, seed=number % 1000)
    scoring = source / "polysomnography" / "annotations-events-nsrr" / "shhs1"
    scoring.mkdir(parents=True, exist_ok=True)
    (scoring / f"{name}-nsrr.xml").write_bytes(nsrr_xml(stages, newline=newline, extra=extra))


def samples_of(path: Path, label: str) -> np.ndarray:
    edf = edfio.read_edf(path)
    return edf.get_signal(label).data
