"""What `score` leaves on disk for one recording."""

import functools
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import at_home, folder_to_oneself, write_text_atomically
from mc2sleepnet.core.stages import EPOCH_S
from mc2sleepnet.formats import FILE_NAMES, PROVENANCE_FILE, ScoredHypnogram, check_format, write_hypnogram
from mc2sleepnet.formats.edfplus import write_hypnogram as write_edf
from mc2sleepnet.formats.scored_hypnogram import as_scored
from mc2sleepnet.scoring.channels import dissent
from mc2sleepnet.scoring.lights import RECORDING
from mc2sleepnet.scoring.night import ScoredNight

STATISTICS_FILE = "statistics.json"
REPORT_FILE = "report.html"
DISCLAIMER = "For research use; not a medical device."
ALWAYS_WRITTEN = ("csv", "edf")
_WRITTEN = (*FILE_NAMES.values(), STATISTICS_FILE, REPORT_FILE, PROVENANCE_FILE)


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Names of dialects, each once, in order.

    Raises
    ------
    InputError
        If there is no dialect of a name.
    """
    for name in formats:
        check_format(name)
    return tuple(dict.fromkeys((*ALWAYS_WRITTEN, *formats)))


def provenance(night: ScoredNight, formats: Sequence[str] = ALWAYS_WRITTEN) -> dict[str, Any]:
    """Everything needed to make the outputs again, and every doubt met on the way; no name or birth date."""
    recording, model = night.recording, night.model
    return {
        "input": dict(night.origin),
        "is_synthetic": night.is_synthetic,
        "channel": _channel(night),
        "dissent": dissent(night.channels, night.hypnogram.stage),
        "sampling_hz": recording.source_sampling_hz,
        "start": None if recording.start is None else recording.start.isoformat(),
        "lights": _lights(night),
        "n_epochs": len(recording),
        "n_scored": int(night.hypnogram.is_scored.sum()),
        "n_review": int(night.review.sum()),
        "findings": [{"id": finding.id, "message": finding.message} for finding in night.findings],
        "model": {
            "sha256": model.sha256,
            "learned_from_synthetic_data": model.is_synthetic,
            "width": model.config["network"]["width"],
            "temperature": model.calibration.temperature,
            "smoothing": model.calibration.smoothing,
        },
        "options": {
            **night.options,
            "risk": night.risk,
            "scoring_stride": model.calibration.scoring_stride,
            "formats": list(formats),
        },
        "versions": {
            "mc2sleepnet": version("mc2sleepnet"),
            "openvino": version("openvino"),
            "python": platform.python_version(),
        },
        "disclaimer": DISCLAIMER,
    }


def _channel(night: ScoredNight) -> dict[str, str]:
    """What was scored and why; several channels in one line."""
    labels = [channel.recording.channel for channel in night.channels]
    if len(labels) == 1:
        return {"label": labels[0], "reason": night.recording.channel_reason}
    return {"label": " + ".join(labels), "reason": "they were asked for; their probabilities are averaged"}


def _lights(night: ScoredNight) -> dict[str, Any]:
    """When they went off and on, and who says so."""
    lights, told = night.lights, {}
    for name, epoch, source in (("off", lights.off_epoch, lights.off_from), ("on", lights.on_epoch, lights.on_from)):
        at = night.hypnogram.clock_time(epoch)
        clock_time = None if at is None else at.isoformat()
        told[name] = {"epoch": epoch, "onset_s": epoch * EPOCH_S, "clock_time": clock_time, "from": source}
    return told


def save_night(night: ScoredNight, folder: Path, formats: Sequence[str] = ()) -> dict[str, Any]:
    """Write all outputs into `folder`, each all or nothing; `provenance.json` last, as the mark of a finished night.

    Returns
    -------
    provenance
        As it was written.

    Raises
    ------
    InputError
        If there is no such format, or the folder holds what was scored from another recording.
    OSError
        If the folder cannot be written.
    """
    formats, folder = check_formats(formats), at_home(folder)
    facts = provenance(night, formats)
    with folder_to_oneself(folder, _WRITTEN):
        refuse_another_recording(folder, facts["input"])
        for name in _left_over(folder, formats):
            (folder / name).unlink(missing_ok=True)
        (folder / PROVENANCE_FILE).unlink(missing_ok=True)
        for name, write in _files(night, facts).items():
            write(folder / name)
    return facts


def _left_over(folder: Path, formats: Sequence[str]) -> list[str]:
    """Files that an earlier call wrote and this one does not: beside other stages they would contradict them."""
    try:
        earlier = json.loads((folder / PROVENANCE_FILE).read_text(encoding="utf-8"))["options"]["formats"]
        return [FILE_NAMES[dialect] for dialect in earlier if dialect in FILE_NAMES and dialect not in formats]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _files(night: ScoredNight, facts: Mapping[str, Any]) -> dict[str, Callable[[Path], object]]:
    """Names and writers, in the order of writing."""
    scored = as_scored(night)
    dialects: dict[str, Callable[[Path], object]] = {
        FILE_NAMES[dialect]: functools.partial(_write_dialect, scored, dialect, night.origin.get("patient", ""))
        for dialect in facts["options"]["formats"]
    }
    return dialects | {
        STATISTICS_FILE: lambda path: write_text_atomically(path, json.dumps(night.statistics(), indent=1) + "\n"),
        REPORT_FILE: lambda path: write_text_atomically(path, _report(night, facts)),
        PROVENANCE_FILE: lambda path: write_text_atomically(
            path, json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
        ),
    }


def _write_dialect(scored: ScoredHypnogram, dialect: str, patient: str, path: Path) -> None:
    if patient and dialect == "edf":  # the one dialect with a place for it
        write_edf(path, scored.hypnogram, is_synthetic=scored.is_synthetic, patient_text=patient)
    else:
        write_hypnogram(scored, path, dialect)


def _report(night: ScoredNight, facts: Mapping[str, Any]) -> str:
    """The page of a night."""
    from mc2sleepnet.report.night import night_report
    from mc2sleepnet.report.spectrogram import night_spectrogram

    spectrogram_db, frame_s, bin_hz = night_spectrogram(night.recording.signal_uv)
    lights = night.lights
    return night_report(
        name=night.recording.name,
        hypnogram=night.hypnogram,
        hypnodensity=night.hypnodensity,
        confidence=night.confidence,
        review=night.review,
        source=night.source,
        spectrogram_db=spectrogram_db,
        spectrogram_frame_s=frame_s,
        spectrogram_bin_hz=bin_hz,
        statistics=night.statistics(),
        findings=night.findings,
        provenance=facts,
        is_synthetic=night.is_synthetic,
        channel_stages={channel.recording.channel: channel.stage for channel in night.channels},
        lights_off=lights.off_epoch if lights.off_from != RECORDING else None,
        lights_on=lights.on_epoch if lights.on_from != RECORDING else None,
        risk=night.risk,
    )


def finished_night(folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Provenance and statistics of a night that was finished in this folder; None where none was."""
    try:
        facts = json.loads((folder / PROVENANCE_FILE).read_text(encoding="utf-8"))
        statistics = json.loads((folder / STATISTICS_FILE).read_text(encoding="utf-8"))
        _ = facts["input"]["sha256"], facts["model"]["sha256"], facts["versions"]["mc2sleepnet"]
        names = [REPORT_FILE, *(FILE_NAMES[dialect] for dialect in facts["options"]["formats"])]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_whole = isinstance(statistics, dict) and all((folder / name).is_file() for name in names)
    return (facts, statistics) if is_whole else None


def refuse_another_recording(folder: Path, origin: Mapping[str, str]) -> None:
    """Raise `InputError` where the folder holds what was scored from another recording than `origin`."""
    try:
        earlier = json.loads((folder / PROVENANCE_FILE).read_text(encoding="utf-8"))["input"]
        file, sha256 = str(earlier["file"]), earlier["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if sha256 != origin["sha256"]:
        fault = f"holds what was scored from another recording, {file}"
        raise InputError(folder, fault, "Choose another --out, or remove the folder")
