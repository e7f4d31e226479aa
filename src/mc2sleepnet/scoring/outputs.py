"""What `score` leaves on disk for one recording."""

import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.formats.csv import write_hypnogram_csv
from mc2sleepnet.formats.edfplus import write_hypnogram
from mc2sleepnet.report.night import night_report
from mc2sleepnet.report.spectrogram import night_spectrogram
from mc2sleepnet.scoring.night import ScoredNight

HYPNOGRAM_CSV = "hypnogram.csv"
HYPNOGRAM_EDF = "hypnogram.edf"
STATISTICS_FILE = "statistics.json"
REPORT_FILE = "report.html"
PROVENANCE_FILE = "provenance.json"
DISCLAIMER = "For research use; not a medical device."


def provenance(night: ScoredNight) -> dict[str, Any]:
    """Everything needed to make the outputs again, and every doubt met on the way; no name or birth date."""
    recording, model = night.recording, night.model
    return {
        "input": dict(night.origin),
        "is_synthetic": night.is_synthetic,
        "channel": {"label": recording.channel, "reason": recording.channel_reason},
        "sampling_hz": recording.source_sampling_hz,
        "start": None if recording.start is None else recording.start.isoformat(),
        "n_epochs": len(recording),
        "n_scored": int(night.hypnogram.is_scored.sum()),
        "n_review": int(night.review.sum()),
        "findings": [{"id": finding.id, "message": finding.message} for finding in night.findings],
        "model": {
            "sha256": model.sha256,
            "learned_from_synthetic_data": model.is_synthetic,
            "width": model.config["network"]["width"],
            "temperature": model.calibration.temperature,
        },
        "options": {"risk": night.risk, "scoring_stride": model.calibration.scoring_stride},
        "versions": {
            "mc2sleepnet": version("mc2sleepnet"),
            "openvino": version("openvino"),
            "python": platform.python_version(),
        },
        "disclaimer": DISCLAIMER,
    }


def save_night(night: ScoredNight, folder: Path) -> None:
    """Write all outputs into `folder`, each all or nothing; `provenance.json` last, as the mark of a finished night.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    facts = provenance(night)
    spectrogram_db, frame_s, bin_hz = night_spectrogram(night.recording.signal_uv)
    files: dict[str, Callable[[Path], None]] = {
        HYPNOGRAM_CSV: lambda path: write_hypnogram_csv(
            path,
            night.hypnogram,
            hypnodensity=night.hypnodensity,
            confidence=night.confidence,
            review=night.review,
            source=night.recording.source,
        ),
        HYPNOGRAM_EDF: lambda path: write_hypnogram(path, night.hypnogram, is_synthetic=night.is_synthetic),
        STATISTICS_FILE: lambda path: write_text_atomically(path, json.dumps(night.statistics(), indent=1) + "\n"),
        REPORT_FILE: lambda path: write_text_atomically(
            path,
            night_report(
                name=night.recording.name,
                hypnogram=night.hypnogram,
                hypnodensity=night.hypnodensity,
                confidence=night.confidence,
                review=night.review,
                source=night.recording.source,
                spectrogram_db=np.asarray(spectrogram_db),
                spectrogram_frame_s=frame_s,
                spectrogram_bin_hz=bin_hz,
                statistics=night.statistics(),
                findings=night.findings,
                provenance=facts,
                is_synthetic=night.is_synthetic,
            ),
        ),
        PROVENANCE_FILE: lambda path: write_text_atomically(
            path, json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
        ),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROVENANCE_FILE).unlink(missing_ok=True)
    for name, write in files.items():
        write(folder / name)
