"""Recordings in the layout and size of Sleep-EDF's own files, written fast: header and data records, byte by byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HALF_RANGE = 2047
# As SC4001E0-PSG.edf has them: label, unit, samples a second.
SIGNALS = (
    ("EEG Fpz-Cz", "uV", 100),
    ("EEG Pz-Oz", "uV", 100),
    ("EOG horizontal", "uV", 100),
    ("Resp oro-nasal", "", 1),
    ("EMG submental", "uV", 1),
    ("Temp rectal", "DegC", 1),
    ("Event marker", "", 1),
)


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the header says beside the signals' own rows."""

    start: datetime
    n_records: int
    record_s: int
    words: str = "synthetic"


def write_psg(path: Path, steps: Sequence[NDArray[np.int16]], header: Header) -> None:
    """Write the first `len(steps)` of `SIGNALS`: steps of 200/2047 µV, each of whole data records."""
    rows = SIGNALS[: len(steps)]
    records = [
        part.reshape(header.n_records, rate * header.record_s) for part, (_, _, rate) in zip(steps, rows, strict=True)
    ]
    with path.open("wb") as file:
        file.write(_header(rows, header))
        # A slice at a time: a day of seven signals need not lie in memory twice.
        for first in range(0, header.n_records, 500):
            file.write(np.concatenate([part[first : first + 500] for part in records], axis=1).astype("<i2").tobytes())


def _header(rows: Sequence[tuple[str, str, int]], header: Header) -> bytes:
    fixed = [("0", 8), ("X X X X", 80), (f"Startdate {header.start:%d-%b-%Y} X {header.words} X".upper(), 80)]
    fixed += [(f"{header.start:%d.%m.%y}", 8), (f"{header.start:%H.%M.%S}", 8), (f"{256 * (len(rows) + 1)}", 8)]
    fixed += [("", 44), (f"{header.n_records}", 8), (f"{header.record_s}", 8), (f"{len(rows)}", 4)]
    columns: list[tuple[int, list[str]]] = [
        (16, [label for label, _, _ in rows]),
        (80, ["Ag-AgCl electrodes"] * len(rows)),
        (8, [unit for _, unit, _ in rows]),
        *[(8, [f"{limit}"] * len(rows)) for limit in (-200, 200, -HALF_RANGE, HALF_RANGE)],
        (80, ["HP:0.5Hz LP:100Hz [enhanced cassette BW]"] * len(rows)),
        (8, [f"{rate * header.record_s}" for _, _, rate in rows]),
        (32, [""] * len(rows)),
    ]
    text = "".join(word.ljust(width)[:width] for word, width in fixed)
    text += "".join(word.ljust(width)[:width] for width, words in columns for word in words)
    return text.encode("ascii")
