"""EDF and BDF files written byte by byte, after the standard or deliberately not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WIDTHS = {
    **{"version": 8, "patient": 80, "recording": 80, "date": 8, "time": 8, "header size": 8, "reserved": 44},
    **{"records": 8, "record_s": 8, "n signals": 4},
}
SIGNAL_WIDTHS = {
    **{"label": 16, "transducer": 80, "unit": 8, "pmin": 8, "pmax": 8, "dmin": 8, "dmax": 8},
    **{"prefilter": 80, "samples": 8, "spare": 32},
}


def brain_like_uv(seconds: float, sampling_hz: float, seed: int = 0) -> NDArray[np.float64]:
    """Smooth noise of 20 µV deviation: from sample to sample it moves as little as EEG does."""
    noise = np.random.default_rng(seed).normal(size=round(seconds * sampling_hz) + 50)
    smooth = np.convolve(noise, np.exp(-np.arange(50) / (sampling_hz / 25)), mode="valid")[: len(noise) - 50]
    return 20 * smooth / smooth.std()


@dataclass
class RawSignal:
    """A signal of a raw file; `fields` overrides what its header says."""

    data_uv: NDArray[np.float64]
    samples: int
    label: str = "EEG Fpz-Cz"
    unit: str = "uV"
    limit_uv: float = 500.0
    fields: Mapping[str, bytes] = field(default_factory=dict)

    def digital(self, bits: int) -> NDArray[np.int64]:
        top = 2 ** (bits - 1) - 1
        return np.clip(np.round(self.data_uv / self.limit_uv * top), -top, top).astype(np.int64)

    def header(self, bits: int) -> dict[str, bytes]:
        top = 2 ** (bits - 1) - 1
        told = {"label": self.label, "unit": self.unit, "pmin": f"{-self.limit_uv:g}", "pmax": f"{self.limit_uv:g}"}
        told |= {"dmin": f"{-top}", "dmax": f"{top}", "samples": f"{self.samples}"}
        return {name: told.get(name, "").encode("latin-1") for name in SIGNAL_WIDTHS} | dict(self.fields)


def packed(digital: NDArray[np.int64], bits: int) -> bytes:
    if bits == 16:
        return digital.astype("<i2").tobytes()
    return digital.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def raw_edf(
    signals: Sequence[RawSignal],
    *,
    record_s: str = "1",
    bdf: bool = False,
    onsets: Sequence[str] | None = None,
    stamp_bytes: int = 24,
    continuous: bool = True,
    **fields: bytes,
) -> bytes:
    """A file's content; `onsets` makes it EDF+ or BDF+, `fields` overrides the fixed header's (spaces as ``_``)."""
    bits = 24 if bdf else 16
    kind = "BDF" if bdf else "EDF"
    digital = [signal.digital(bits) for signal in signals]
    n_records = (
        min(len(values) // signal.samples for values, signal in zip(digital, signals, strict=True)) if signals else 0
    )
    headers = [signal.header(bits) for signal in signals]
    if onsets is not None:
        n_records = len(onsets)
        stamps = RawSignal(np.zeros(0), stamp_bytes * 8 // bits, label=f"{kind} Annotations", unit="", limit_uv=1)
        headers.append(stamps.header(bits))
    told = {
        "version": b"\xffBIOSEMI" if bdf else b"0",
        "patient": b"X X X X",
        "recording": b"Startdate 29-FEB-2024 X X X",
        "date": b"29.02.24",
        "time": b"22.15.30",
        "header size": f"{256 * (1 + len(headers))}".encode(),
        "reserved": f"{kind}+{'C' if continuous else 'D'}".encode() if onsets is not None else b"24BIT" * bdf,
        "records": f"{n_records}".encode(),
        "record_s": record_s.encode(),
        "n signals": f"{len(headers)}".encode(),
    } | {name.replace("_", " ") if name != "record_s" else name: value for name, value in fields.items()}
    content = b"".join(told[name].ljust(width) for name, width in WIDTHS.items())
    content += b"".join(row[name].ljust(width) for name, width in SIGNAL_WIDTHS.items() for row in headers)
    parts = [content]
    for record in range(n_records):
        for signal, values in zip(signals, digital, strict=True):
            parts.append(packed(values[record * signal.samples : (record + 1) * signal.samples], bits))
        if onsets is not None:
            parts.append(f"{onsets[record]}\x14\x14\x00".encode().ljust(stamp_bytes, b"\x00"))
    return b"".join(parts)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
