"""One channel out of an EDF or EDF+ file. Parsing is edfio's job; what must not pass silently is checked here."""

import warnings
from datetime import datetime
from pathlib import Path
from typing import Final

import edfio
import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding, Recording
from mc2sleepnet.core.stages import EPOCH_S
from mc2sleepnet.signals.channels import choose_channel, find_channel
from mc2sleepnet.signals.edf_header import PARSER_ERRORS, read_header, text_of
from mc2sleepnet.signals.timeline import lay_on_timeline, record_onsets
from mc2sleepnet.signals.units import to_microvolts

_ANONYMOUS: Final = datetime(1985, 1, 1)


def read_recording(path: Path, channel: str | None = None) -> Recording:
    """Read one channel of an EDF, EDF+C or EDF+D file; the others are not loaded.

    Parameters
    ----------
    path
        The file.
    channel
        Its label; None chooses the best EEG channel there is.

    Returns
    -------
    Recording
        In µV at the file's own rate, with NaN in the gaps of an EDF+D file.

    Raises
    ------
    InputError
        If the file cannot be opened, is not EDF or truncated, lacks the channel or its unit, holds amplitudes that
        no EEG has in that unit, or is shorter than an epoch.
    """
    header = read_header(path)
    edf = _open(path)
    findings = list(header.findings)
    labels = [text_of(signal.label) for signal in edf.signals]
    units = [text_of(signal.physical_dimension) for signal in edf.signals]
    if channel is None:
        label, reason = choose_channel(path, labels, units)
    else:
        label, reason = find_channel(path, labels, channel), "it was asked for"
    if labels.count(label) > 1:
        message = f"{labels.count(label)} channels are named '{label}'; the first is used"
        findings.append(Finding(id="duplicate-label", message=message))
    index = labels.index(label)
    signal = edf.signals[index]
    records = _records(path, label, signal, header.n_records)
    if header.is_discontinuous:
        onsets_s = record_onsets(path, header)
        physical, time_findings = lay_on_timeline(path, records, onsets_s, signal.sampling_frequency)
        findings += time_findings
    else:
        physical = records.ravel()
    duration_s = len(physical) / signal.sampling_frequency
    if duration_s < EPOCH_S:
        remedy = f"Staging needs at least one epoch of {EPOCH_S} s"
        raise InputError(path, f"the recording lasts {duration_s:g} s only", remedy)
    signal_uv, unit_findings = to_microvolts(path, label, units[index], physical, signal.sampling_frequency)
    return Recording(
        name=path.stem,
        signal_uv=signal_uv,
        sampling_hz=signal.sampling_frequency,
        channel=label,
        channel_reason=reason,
        start=_start(edf),
        findings=(*findings, *unit_findings),
        is_synthetic=header.is_synthetic,
    )


def _open(path: Path) -> edfio.Edf:
    try:
        # edfio warns of what `read_header` has already settled.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return edfio.read_edf(path, lazy_load_data=True, header_encoding="latin-1")
    except PARSER_ERRORS as error:
        fault = f"its header cannot be read ({' '.join(str(error).split())[:120]})"
        raise InputError(path, fault, "Export the file again") from error


def _records(path: Path, label: str, signal: edfio.EdfSignal, n_records: int) -> NDArray[np.float64]:
    """Physical values of a signal, shape ``[records, samples per record]``."""
    try:
        physical_range, digital_range = signal.physical_range, signal.digital_range
    except PARSER_ERRORS as error:
        raise InputError(path, f"channel '{label}' has no physical range", "Correct its header") from error
    spans = (physical_range.max - physical_range.min, digital_range.max - digital_range.min)
    if not (np.isfinite(spans).all() and all(spans) and signal.samples_per_data_record):
        fault = f"channel '{label}' has an empty range or no samples"
        raise InputError(path, fault, "Correct its header, or choose another with --channel")
    return signal.data.reshape(-1, signal.samples_per_data_record)[:n_records]


def _start(edf: edfio.Edf) -> datetime | None:
    """Clock time of the header; its anonymised form (`Startdate X`, midnight of 01.01.85) means unknown."""
    identification = edf.local_recording_identification
    # The plain fields are one pair of date and time; the EDF+ field may name the evening before midnight.
    edf.local_recording_identification = ""
    try:
        start = edf.startdatetime
    except PARSER_ERRORS:
        return None
    is_anonymised = identification.split()[:2] == ["Startdate", "X"] and start == _ANONYMOUS
    return None if is_anonymised else start
