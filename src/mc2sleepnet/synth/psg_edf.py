"""Writes a synthetic night as an EDF+C file with the header of Sleep-EDF's cassette PSGs."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from edfio import Edf, EdfSignal, Patient, Recording
from numpy.typing import NDArray

from mc2sleepnet.core.files import atomic_path
from mc2sleepnet.core.stages import EPOCH_S, SAMPLING_HZ

# SC4001E0-PSG.edf: 12 bits over about ±200 µV; what is larger clips, as it did on the cassette.
PHYSICAL_UV = 200.0
DIGITAL_RANGE = (-2048, 2047)
PREFILTERING = "HP:0.5Hz LP:100Hz [enhanced cassette BW]"
TRANSDUCER = "Ag-AgCl electrodes"

# Where an EDF header holds the recording field and the number of data records.
_RECORDING_FIELD, _N_RECORDS = slice(88, 168), slice(236, 244)


@dataclass(frozen=True, kw_only=True)
class PsgHeader:
    """What the header says beside the signals.

    Attributes
    ----------
    code
        Subject code such as ``"SC401"``.
    start
        Local clock time of the first sample.
    words
        Words of the recording field's free part, which say that nobody was recorded.
    """

    code: str
    start: datetime
    words: tuple[str, ...]


def write_psg(path: Path, signals_uv: dict[str, NDArray[np.float32]], header: PsgHeader) -> None:
    """Write signals of whole epochs at 100 Hz in 30-s data records, all or nothing.

    Parameters
    ----------
    path
        The file to write.
    signals_uv
        Label of each channel → shape ``[N * 3000]``, µV; clipped at ±200 µV.
    header
        Who, when, and that it is synthetic.
    """
    low, high = DIGITAL_RANGE
    signals = [
        EdfSignal.from_digital(
            (signal * (high / PHYSICAL_UV)).round().clip(low, high).astype(np.int16),
            SAMPLING_HZ,
            label=label,
            transducer_type=TRANSDUCER,
            physical_dimension="uV",
            physical_range=(low * PHYSICAL_UV / high, PHYSICAL_UV),
            digital_range=DIGITAL_RANGE,
            prefiltering=PREFILTERING,
        )
        for label, signal in signals_uv.items()
    ]
    edf = Edf(
        signals,
        patient=Patient(code=header.code, name="Synthetic"),
        recording=Recording(startdate=header.start.date(), additional=header.words),
        starttime=header.start.time(),
        data_record_duration=EPOCH_S,
        annotations=(),
    )
    with atomic_path(path) as temporary:
        edf.write(temporary)


def recording_words(path: Path) -> tuple[str, ...]:
    """Words of the recording field of an EDF file; none if the file is too short to be one."""
    with path.open("rb") as file:
        header = file.read(256)
    return tuple(header[_RECORDING_FIELD].decode("ascii", "replace").split()) if len(header) == 256 else ()


def n_records(path: Path) -> int:
    """Data records that an EDF header announces, -1 where it cannot be read."""
    with path.open("rb") as file:
        header = file.read(256)
    try:
        return int(header[_N_RECORDS])
    except ValueError:
        return -1
