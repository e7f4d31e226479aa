"""The time of every data record of an EDF+D file, and its samples laid on one line of time."""

import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals.edf_header import EdfHeader

_ONSET: Final = re.compile(rb"([+-]\d+(?:\.\d*)?)[\x14\x15]")
# More is a damaged time stamp, which must not be allowed to fill the memory.
_LONGEST_S: Final = 31 * 24 * 3600
_REMEDY: Final = "Export the recording again, as EDF+C if it has no interruptions"


def record_onsets(path: Path, header: EdfHeader) -> NDArray[np.float64]:
    """Onset of every data record in seconds after the header's start time, shape ``[records]``.

    Raises
    ------
    InputError
        If a record does not say when it began (EDF+ 2.2.4: its first annotation does).
    """
    signal = header.annotation_signal
    if signal is None:
        raise InputError(path, "is EDF+D but has no 'EDF Annotations' to say when its records began", _REMEDY)
    first = sum(header.samples_per_record[:signal])
    # 2 bytes hold a sample, whatever they mean.
    shape = (header.n_records, sum(header.samples_per_record))
    samples = np.memmap(path, dtype="<i2", mode="r", offset=header.n_header_bytes, shape=shape)
    annotations = np.ascontiguousarray(samples[:, first : first + header.samples_per_record[signal]])
    onsets_s = np.empty(header.n_records)
    for record, line in enumerate(annotations):
        match = _ONSET.match(line.tobytes())
        if match is None:
            raise InputError(path, f"data record {record} does not say when it began", _REMEDY)
        onsets_s[record] = float(match[1])
    return onsets_s


def lay_on_timeline(
    path: Path, records: NDArray[np.float64], onsets_s: NDArray[np.float64], sampling_hz: float
) -> NDArray[np.float64]:
    """Lay data records where they belong in time.

    Parameters
    ----------
    path
        Named in the error.
    records
        Shape ``[records, samples per record]``.
    onsets_s
        Shape ``[records]``, seconds.
    sampling_hz
        Samples per second.

    Returns
    -------
    numpy.ndarray
        Shape ``[samples]``, from the first record's first sample to the last one's last, NaN between records
        that a sample's time or more lies between.

    Raises
    ------
    InputError
        If records overlap, go back in time, or lie a month apart.
    """
    n_records, length = records.shape
    jump = np.diff(onsets_s) * sampling_hz - length
    if np.any(jump <= -1):
        where = int(np.flatnonzero(jump <= -1)[0])
        raise InputError(path, f"data records {where} and {where + 1} overlap in time", _REMEDY)
    if onsets_s[-1] - onsets_s[0] > _LONGEST_S:
        days = (onsets_s[-1] - onsets_s[0]) / 86400
        raise InputError(path, f"its data records lie up to {days:.0f} days apart", _REMEDY)
    # A recorder's time stamps jitter by less than a sample; only a whole missing sample is a gap.
    gap = np.where(jump >= 1, np.round(jump), 0).astype(np.int64)
    first = np.arange(n_records) * length + np.concatenate([[0], np.cumsum(gap)])
    line = np.full(int(first[-1]) + length, np.nan)
    line[first[:, None] + np.arange(length)] = records
    return line
