"""A hypnogram laid over its recording by the clock."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.recording import Finding, Recording
from mc2sleepnet.core.stages import EPOCH_S, SAMPLES_PER_EPOCH, SAMPLING_HZ, UNSCORED

_DAY_S: Final = 24 * 3600
_REMEDY: Final = "Check that the two files belong to the same night"


def align(
    recording: Recording,
    hypnogram: Hypnogram,
    *,
    recording_path: Path,
    hypnogram_path: Path,
    starts_together: bool = False,
    largest_share_outside: float = 0.0,
) -> tuple[Recording, NDArray[np.int8]]:
    """Cut a recording to the epochs its hypnogram scores.

    Parameters
    ----------
    recording
        At 100 Hz.
    hypnogram
        Its scoring; the two clock times tell which epoch lies where, to a sample.
    recording_path, hypnogram_path
        Named in errors.
    starts_together
        True where the hypnogram counts from the recording's first sample, whatever the clocks say.
    largest_share_outside
        Share of the scored epochs that may lie outside the recording; they are cut, and finding ``stages-cut`` tells.

    Returns
    -------
    tuple
        The recording from the hypnogram's first epoch on, N whole epochs long, with findings of what was cut; and
        their stages, shape ``[N]``.

    Raises
    ------
    InputError
        If more scored epochs lie outside the recording than may, or the two have no epoch in common.
    """
    offset_s, findings = _within_epoch(recording, hypnogram) if starts_together else _offset_s(recording, hypnogram)
    stage = hypnogram.stage
    n_most = int(largest_share_outside * np.count_nonzero(stage != UNSCORED))
    n_before = max(0, int(np.ceil(-offset_s / EPOCH_S)))
    before, stage = stage[:n_before], stage[n_before:]
    first = round((offset_s + n_before * EPOCH_S) * SAMPLING_HZ)
    n_recorded = max(0, len(recording.signal_uv) - first) // SAMPLES_PER_EPOCH
    for outside, where in ((before, "before the start"), (stage[n_recorded:], "beyond the end")):
        n_scored = int(np.count_nonzero(outside != UNSCORED))
        message = f"{n_scored} scored epochs lie {where} of {recording_path.name}"
        if n_scored > n_most:
            raise InputError(hypnogram_path, message, _REMEDY)
        if n_scored:
            findings.append(Finding(id="stages-cut", message=f"{message} and were cut"))
        if n_cut := len(outside) - n_scored:
            message = f"{n_cut} unscored epochs of the hypnogram {where} of the recording were cut"
            findings.append(Finding(id="tail-cut", message=message))
    if (n_left := n_recorded - len(stage)) > 0:
        message = f"{n_left} epochs of the recording after the end of the hypnogram were left out"
        findings.append(Finding(id="recording-longer", message=message))
    stage = stage[:n_recorded]
    if len(stage) == 0:
        raise InputError(hypnogram_path, f"has no epoch in common with {recording_path.name}", _REMEDY)
    aligned = replace(
        recording,
        signal_uv=recording.signal_uv[first : first + len(stage) * SAMPLES_PER_EPOCH],
        start=_start(recording, hypnogram, offset_s, n_before),
        findings=(*recording.findings, *findings),
    )
    return aligned, stage


def _start(recording: Recording, hypnogram: Hypnogram, offset_s: float, n_before: int) -> datetime | None:
    """Clock time of the first epoch that both have, by the recording's clock if it has one."""
    if recording.start is None:
        return hypnogram.clock_time(n_before)
    return recording.start + timedelta(seconds=offset_s + EPOCH_S * n_before)


def _offset_s(recording: Recording, hypnogram: Hypnogram) -> tuple[float, list[Finding]]:
    """Seconds from the recording's start to the hypnogram's."""
    if recording.start is None or hypnogram.start is None:
        if recording.start is hypnogram.start:
            return 0.0, []
        message = "only one of recording and hypnogram has a clock time; they were taken to start together"
        return 0.0, [Finding(id="start-unknown", message=message)]
    offset_s = (hypnogram.start - recording.start).total_seconds()
    n_days = round(offset_s / _DAY_S)
    by_day_s = offset_s - n_days * _DAY_S
    # A date mistyped or shifted to anonymise; but a recording may begin half a day before its hypnogram.
    if _n_outside(recording, hypnogram, offset_s) <= _n_outside(recording, hypnogram, by_day_s):
        return offset_s, []
    message = f"the dates of recording and hypnogram differ by {abs(n_days)} days; aligned by time of day"
    return by_day_s, [Finding(id="date-mismatch", message=message)]


def _within_epoch(recording: Recording, hypnogram: Hypnogram) -> tuple[float, list[Finding]]:
    """Seconds from the recording's start to the first epoch where that lies off the start by less than an epoch."""
    if recording.start is None or hypnogram.start is None:
        return 0.0, []
    offset_s = (hypnogram.start - recording.start).total_seconds() % _DAY_S
    return (offset_s if offset_s < EPOCH_S else 0.0), []


def _n_outside(recording: Recording, hypnogram: Hypnogram, offset_s: float) -> int:
    """Scored epochs that lie outside the recording if the hypnogram starts `offset_s` after it."""
    first = np.round((offset_s + np.flatnonzero(hypnogram.is_scored) * EPOCH_S) * SAMPLING_HZ)
    return int(np.count_nonzero((first < 0) | (first + SAMPLES_PER_EPOCH > len(recording.signal_uv))))
