"""Small EDF files for the tests, and ways to harm them."""

from collections.abc import Sequence
from datetime import date, time
from pathlib import Path

import edfio
import numpy as np
from numpy.typing import NDArray


def noise_uv(seconds: float, sampling_hz: float, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, 20, round(seconds * sampling_hz))


def signal(data: NDArray[np.float64], sampling_hz: float, label: str, unit: str = "uV") -> edfio.EdfSignal:
    limit = max(500.0, float(np.abs(data).max(initial=0)))
    return edfio.EdfSignal(data, sampling_hz, label=label, physical_dimension=unit, physical_range=(-limit, limit))


def write_edf(
    path: Path,
    signals: Sequence[edfio.EdfSignal],
    *,
    recording: edfio.Recording | None = None,
    record_s: float | None = None,
    annotations: Sequence[edfio.EdfAnnotation] | None = None,
) -> Path:
    edfio.Edf(
        signals,
        recording=recording or edfio.Recording(startdate=date(2024, 2, 29)),
        starttime=time(22, 15, 30),
        data_record_duration=record_s,
        annotations=annotations,
    ).write(path)
    return path


def write_night(path: Path, label: str = "EEG Fpz-Cz", seconds: float = 90, sampling_hz: float = 100) -> Path:
    return write_edf(path, [signal(noise_uv(seconds, sampling_hz), sampling_hz, label)])


def overwrite(path: Path, at: int, content: bytes) -> Path:
    data = bytearray(path.read_bytes())
    data[at : at + len(content)] = content
    path.write_bytes(data)
    return path


def write_discontinuous(
    path: Path, onsets_s: Sequence[float], *, record_s: float = 1, sampling_hz: int = 100, stamps: bool = True
) -> Path:
    """EDF+D with records at these onsets, byte by byte after the standard; record i holds i + 1 µV."""
    n_samples, n_stamp = round(record_s * sampling_hz), 10
    rows = [  # of the signal header: width, then the value for the signal and for the annotations
        *[(16, "EEG Fpz-Cz", "EDF Annotations"), (80, "", ""), (8, "uV", ""), (8, "-32768", "-1")],
        *[(8, "32767", "1"), (8, "-32768", "-32768"), (8, "32767", "32767"), (80, "", "")],
        *[(8, f"{n_samples}", f"{n_stamp}"), (32, "", "")],
    ]
    fixed = [("0", 8), ("X X X X", 80), ("Startdate 29-FEB-2024 X X X", 80), ("29.02.24", 8), ("22.15.30", 8)]
    fixed += [("768", 8), ("EDF+D", 44), (f"{len(onsets_s)}", 8), (f"{record_s:g}", 8), ("2", 4)]
    content = "".join(text.ljust(width) for text, width in fixed)
    content += "".join(text.ljust(width) for width, *texts in rows for text in texts)
    data = content.encode("ascii")
    for i, onset_s in enumerate(onsets_s):
        stamp = f"{onset_s:+.10g}\x14\x14\x00".encode() if stamps else b""
        data += np.full(n_samples, i + 1, "<i2").tobytes() + stamp.ljust(2 * n_stamp, b"\x00")
    path.write_bytes(data)
    return path
