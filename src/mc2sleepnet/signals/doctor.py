"""What is in a file, what is wrong with it, and which channel would be scored and why."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import EpochedRecording, Finding, Source
from mc2sleepnet.core.stages import SAMPLING_HZ
from mc2sleepnet.signals.channels import Channel, eeg_channels
from mc2sleepnet.signals.doubts import check_accepted, settle
from mc2sleepnet.signals.edf import OpenFile, open_file
from mc2sleepnet.signals.edf_header import SignalHeader
from mc2sleepnet.signals.night import epochs_of

# Channels looked at beside those in use, and samples at 100 Hz held at a time (160 MB).
_MOST_OTHERS: Final = 12
_MOST_SAMPLES: Final = 40_000_000


@dataclass(frozen=True, kw_only=True)
class ChannelCheck:
    """An EEG channel that was looked at.

    Attributes
    ----------
    label, reason
        Its label, and why it would be chosen.
    is_used
        Whether `score` would read it.
    deviation_uv, offset_uv
        Median over the epochs with signal of their standard deviation and of their mean; None where there are none.
    epochs
        How many there are of each `Source`.
    findings
        Repairs and doubts.
    refusal
        Why it cannot be read at all; None where it can.
    """

    label: str
    reason: str
    is_used: bool
    deviation_uv: float | None
    offset_uv: float | None
    epochs: dict[str, int]
    findings: tuple[Finding, ...]
    refusal: InputError | None


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What `doctor` has to say of a file.

    Attributes
    ----------
    path
        The file.
    kind
        ``EDF``, ``EDF+C``, ``EDF+D``, ``BDF``, ``BDF+C`` or ``BDF+D``; "" where it is none of them.
    is_synthetic
        Whether its header says that no person was recorded.
    start, duration_s
        By the header and time stamps; gaps count.
    signals
        Its ordinary signals, in order.
    channels
        The EEG channels that were looked at, best first.
    findings
        Of the file and the channels that would be used, as `score` would tell them.
    refusal
        Why `score` would refuse the file; None where it would not.
    """

    path: Path
    kind: str = ""
    is_synthetic: bool = False
    start: datetime | None = None
    duration_s: float = 0.0
    signals: tuple[SignalHeader, ...] = ()
    channels: tuple[ChannelCheck, ...] = ()
    findings: tuple[Finding, ...] = ()
    refusal: InputError | None = None


def examine(path: Path, channels: Sequence[str] = (), *, accept: Collection[str] = ()) -> Examination:
    """Read a file the way `score` would, and look at every EEG channel in it.

    Parameters
    ----------
    path
        The file.
    channels
        Labels that `score` would be given; none for the best EEG channel there is.
    accept
        Ids of doubts that `score` would be told to pass over.

    Returns
    -------
    Examination
        With a `refusal` instead of an exception where the file cannot be read or scored.

    Raises
    ------
    InputError
        If `accept` holds what is no doubt's id.
    """
    check_accepted(accept)
    try:
        file = open_file(path)
    except InputError as error:
        return Examination(path=path, refusal=error)
    refusal: InputError | None = None
    try:
        used = [file.channel(wanted) for wanted in dict.fromkeys(channels)] or [file.channel(None)]
    except InputError as error:
        used, refusal = [], error
    checks = _checks(file, used)
    findings = tuple(dict.fromkeys(finding for check in checks if check.is_used for finding in check.findings))
    findings = findings or (*file.header.findings, *file.timeline.findings)
    refusal = refusal or next((check.refusal for check in checks if check.is_used and check.refusal), None)
    refusal = refusal or _no_signal(path, checks)
    if refusal is None:
        try:
            findings = settle(path, findings, accept)
        except InputError as error:
            refusal = error
    return Examination(
        path=path,
        kind=file.header.kind,
        is_synthetic=file.header.is_synthetic,
        start=file.start,
        duration_s=file.duration_s,
        signals=file.header.ordinary,
        channels=checks,
        findings=findings,
        refusal=refusal,
    )


def _no_signal(path: Path, checks: Sequence[ChannelCheck]) -> InputError | None:
    """The error that `score` ends with where no epoch of any channel in use can be scored."""
    used = [check for check in checks if check.is_used]
    if not used or any(check.epochs.get(Source.MODEL) for check in used):
        return None
    kinds = ", ".join(sorted({kind for check in used for kind in check.epochs}))
    fault = f"channel '{used[0].label}' has no epoch with signal (all are {kinds})"
    return InputError(path, fault, "Check the file, or name another --channel")


def _checks(file: OpenFile, used: Sequence[Channel]) -> tuple[ChannelCheck, ...]:
    """Look at the channels in use, and at the best of those besides that the file has as they are."""
    taken = {(channel.plus, channel.minus) for channel in used}
    others = [channel for channel in eeg_channels(file.header.ordinary) if channel.minus is None]
    others = [channel for channel in others if (channel.plus, channel.minus) not in taken][:_MOST_OTHERS]
    wanted = [(channel, True) for channel in used] + [(channel, False) for channel in others]
    n_together = max(1, int(_MOST_SAMPLES / (SAMPLING_HZ * file.duration_s + 1)))
    checks: list[ChannelCheck] = []
    for at in range(0, len(wanted), n_together):
        group = wanted[at : at + n_together]
        for (channel, is_used), found in zip(group, _epochs_or_errors(file, [one for one, _ in group]), strict=True):
            checks.append(_check(channel, found, is_used))
    return tuple(checks)


def _epochs_or_errors(file: OpenFile, channels: Sequence[Channel]) -> Sequence[EpochedRecording | InputError]:
    try:
        return epochs_of(file, channels)
    except InputError as error:
        # Which of them cannot be read, only each by itself can tell.
        return [error] if len(channels) == 1 else [_epochs_or_errors(file, [channel])[0] for channel in channels]


def _check(channel: Channel, found: EpochedRecording | InputError, is_used: bool) -> ChannelCheck:
    error = found if isinstance(found, InputError) else None
    epochs = None if isinstance(found, InputError) else found
    live = None if epochs is None else epochs.signal_uv[epochs.is_scorable]
    has_signal = live is not None and len(live) > 0
    return ChannelCheck(
        label=channel.label,
        reason=channel.reason,
        is_used=is_used,
        deviation_uv=float(np.median(live.std(axis=1))) if has_signal and live is not None else None,
        offset_uv=float(np.median(live.mean(axis=1))) if has_signal and live is not None else None,
        epochs={} if epochs is None else dict(Counter(str(source) for source in epochs.source)),
        findings=() if epochs is None else epochs.findings,
        refusal=error,
    )
