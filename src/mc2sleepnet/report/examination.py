"""A file's examination: as text for people, and as JSON for machines."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import UNKNOWN_DATE
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.signals.doctor import ChannelCheck, Examination
from mc2sleepnet.signals.doubts import Doubt, DoubtError
from mc2sleepnet.signals.edf_header import SignalHeader

_UNUSUAL: Final = ("flat", "gap", "partial")


def examination_json(found: Examination) -> dict[str, Any]:
    """The object that ``doctor --json`` prints for a file; its keys are fixed in docs/contract.md."""
    return {
        "file": str(found.path),
        "status": _status(found),
        "error": None if found.refusal is None else str(found.refusal),
        "format": found.kind or None,
        "is_synthetic": found.is_synthetic,
        "start": None if found.start is None else found.start.isoformat(),
        "duration_s": round(found.duration_s, 3),
        "channel": [{"label": check.label, "reason": check.reason} for check in found.channels if check.is_used],
        "findings": [_finding_json(finding) for finding in found.findings],
        "eeg": [_check_json(check) for check in found.channels],
        "signals": [_signal_json(signal) for signal in found.signals],
    }


def examination_text(found: Examination) -> str:
    """Some lines for people."""
    return "\n".join(_lines(found))


def _status(found: Examination) -> str:
    if found.refusal is None:
        return "scorable"
    return "doubtful" if isinstance(found.refusal, DoubtError) else "refused"


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {"id": finding.id, "message": finding.message, "is_doubt": isinstance(finding, Doubt)}


def _check_json(check: ChannelCheck) -> dict[str, Any]:
    return {
        "label": check.label,
        "is_used": check.is_used,
        "deviation_uv": _rounded(check.deviation_uv),
        "offset_uv": _rounded(check.offset_uv),
        "epochs": check.epochs,
        "findings": [_finding_json(finding) for finding in check.findings],
        "error": None if check.refusal is None else str(check.refusal),
    }


def _signal_json(signal: SignalHeader) -> dict[str, Any]:
    return {
        "label": signal.label,
        "unit": signal.unit,
        "sampling_hz": _rounded(float(signal.sampling_hz)),
        "physical_range": signal.physical_range,
        "digital_range": signal.digital_range,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _when(start: datetime | None) -> str:
    if start is None:
        return "start unknown"
    if start.date() == UNKNOWN_DATE:
        return f"from {start:%H:%M:%S} of an unknown date"
    return f"from {start:%Y-%m-%d %H:%M:%S}"


def _lines(found: Examination) -> Iterator[str]:
    yield str(found.path)
    if not found.kind:
        yield f"  cannot be read: {_told(found.refusal)}"
        return
    when = _when(found.start)
    synthetic = ", synthetic data" if found.is_synthetic else ""
    yield f"  {found.kind}, {_hours(found.duration_s)} {when}, {len(found.signals)} signals{synthetic}"
    yield from _signal_lines(found)
    for check in found.channels:
        if check.is_used:
            yield f"  score would use '{check.label}': {check.reason}"
    for finding in found.findings:
        kind = "doubt" if isinstance(finding, Doubt) else "finding"
        yield f"  {kind} {finding.id}: {finding.message}"
    if not found.findings:
        yield "  no findings"
    if found.refusal is not None:
        yield f"  score would refuse it: {_told(found.refusal)}"


def _signal_lines(found: Examination) -> Iterator[str]:
    """A line for each signal; what was measured stands beside the EEG."""
    checks = {check.label: check for check in found.channels}
    width = max((len(signal.label) for signal in found.signals), default=0)
    for signal in found.signals:
        check = checks.pop(signal.label, None)
        unit = signal.unit or "no unit"
        line = f"    {signal.label:{width}}  {float(signal.sampling_hz):8.6g} Hz  {unit:8}"
        yield (line + _measured(check)).rstrip()
    for check in checks.values():
        yield f"    {check.label:{width}}  computed{'':12}  µV      {_measured(check)}".rstrip()


def _measured(check: ChannelCheck | None) -> str:
    if check is None:
        return ""
    if check.refusal is not None:
        return f"  {check.refusal.fault}"
    parts = [] if check.deviation_uv is None else [f"±{check.deviation_uv:.3g} µV around {check.offset_uv:.3g}"]
    parts += [
        f"{check.epochs[kind]} of {sum(check.epochs.values())} epochs {kind}"
        for kind in _UNUSUAL
        if kind in check.epochs
    ]
    parts += [finding.id for finding in check.findings if isinstance(finding, Doubt)]
    return f"  {'EEG, used' if check.is_used else 'EEG'}: {', '.join(parts)}"


def _hours(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min {rest:02d} s"


def _told(error: InputError | None) -> str:
    return "" if error is None else f"{error.fault}. {error.remedy}"
