"""The time of every data record of an EDF+D file, and its samples laid on one line of time."""

import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.signals.edf_header import EdfHeader

_ONSET: Final = re.compile(rb"([+-]\d+(?:\.\d*)?)[\x14\x15]")
# The longest recordings last three days. More is a damaged time stamp, which must not be allowed to fill the memory.
_LONGEST_H: Final = 72
_LONGEST_BRIDGE_S: Final = 0.05
# Time stamps are rounded; an onset of exactly a sample off must not depend on binary fractions.
_TOLERANCE_SAMPLES: Final = 1 + 1e-6
# A recorder's clock is right to far better than this share; faster, and records or time stamps are wrong.
_LARGEST_OVERLAP: Final = 1e-3
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
) -> tuple[NDArray[np.float64], tuple[Finding, ...]]:
    """Lay data records where they belong in time.

    A record that begins within a sample of where the one before ends, continues it; any other stands where its onset
    says. No record is more than a sample off its onset, so that a clock which runs apart from the samples shows.

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
    tuple
        Shape ``[samples]``, from the first record's first sample to the last one's last, NaN where none was recorded;
        and findings: ``gap``; ``clock-drift`` where a late clock left gaps of at most 50 ms, which are interpolated,
        for each would cost its whole epoch; ``overlap`` where a fast clock made single samples be dropped.

    Raises
    ------
    InputError
        If records overlap by more than single samples, go back in time, or span more than 72 h.
    """
    n_records, length = records.shape
    span_h = (np.ptp(onsets_s) + length / sampling_hz) / 3600
    if span_h > _LONGEST_H:
        raise InputError(path, f"its data records span {span_h:.4g} h, more than {_LONGEST_H} h", _REMEDY)
    stated = (onsets_s - onsets_s[0]) * sampling_hz
    first = np.zeros(n_records, dtype=np.int64)
    end, n_dropped, n_missing = length, 0, 0
    for record, place in enumerate(stated[1:].tolist(), start=1):
        off = place - end
        if off < -2 * _TOLERANCE_SAMPLES:
            raise InputError(path, f"data records {record - 1} and {record} overlap in time", _REMEDY)
        first[record] = end if abs(off) <= _TOLERANCE_SAMPLES else round(place)
        n_dropped += max(0, end - int(first[record]))
        n_missing += max(0, int(first[record]) - end)
        end = int(first[record]) + length
    if n_dropped > _LARGEST_OVERLAP * records.size:
        raise InputError(path, f"its data records overlap in time, by {n_dropped} samples in all", _REMEDY)
    line = np.full(end, np.nan)
    # Where two records hold the same time, the later one stays.
    line[first[:, None] + np.arange(length)] = records
    n_bridged = _bridge(line, first, length, round(_LONGEST_BRIDGE_S * sampling_hz))
    findings = []
    if n_missing > n_bridged:
        message = f"{(n_missing - n_bridged) / sampling_hz:g} s within the recording were not recorded"
        findings.append(Finding(id="gap", message=message))
    if n_bridged:
        message = f"the recorder's clock runs late; {n_bridged} samples between its data records were interpolated"
        findings.append(Finding(id="clock-drift", message=message))
    if n_dropped:
        message = f"data records overlap by single samples; {n_dropped} samples were dropped"
        findings.append(Finding(id="overlap", message=message))
    return line, tuple(findings)


def _bridge(line: NDArray[np.float64], first: NDArray[np.int64], length: int, longest: int) -> int:
    """Interpolate in place between records that lie at most `longest` samples apart; how many samples that were."""
    ends = first[:-1] + length
    n_missing = first[1:] - ends
    is_short = (n_missing > 0) & (n_missing <= longest)
    for end, n in zip(ends[is_short].tolist(), n_missing[is_short].tolist(), strict=True):
        line[end : end + n] = np.linspace(line[end - 1], line[end + n], n + 2)[1:-1]
    return int(n_missing[is_short].sum())
