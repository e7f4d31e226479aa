"""One recording and its hypnogram into a store: read, align, trim, write."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import time, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import file_sha256
from mc2sleepnet.core.recording import Finding, Source
from mc2sleepnet.core.stages import EPOCH_S, N_STAGES, SAMPLES_PER_EPOCH, STAGES, UNSCORED
from mc2sleepnet.corpora.alignment import align
from mc2sleepnet.corpora.pairs import Pair
from mc2sleepnet.corpora.protocols import Protocol
from mc2sleepnet.corpora.trimming import trim_wake
from mc2sleepnet.formats import read_hypnogram
from mc2sleepnet.formats.clock import ClockTime
from mc2sleepnet.signals import cut_epochs, read_recording, to_100_hz
from mc2sleepnet.signals.channels import find_channel
from mc2sleepnet.signals.edf_header import read_header
from mc2sleepnet.store import StoredRecording, finished_recording, signal_path, write_recording

# Two files are aligned by the time of day where their dates differ, so that a missing date is of no consequence.
_NO_DATE: Final = ClockTime(time=time(), date=None).notes()


@dataclass(frozen=True, kw_only=True)
class Job:
    """One pair to prepare."""

    pair: Pair
    store_dir: Path
    protocol: Protocol


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """How a pair ended.

    Attributes
    ----------
    name
        Of the pair.
    recording
        As the store now holds it; None where the protocol's rules leave it out.
    was_there
        True if an earlier run had finished it.
    left_out
        Why it is left out, as the rest of a sentence; "" where it is not.
    """

    name: str
    recording: StoredRecording | None = None
    was_there: bool = False
    left_out: str = ""


def prepare_pair(job: Job) -> Prepared:
    """Prepare one recording, unless it is finished already from the same files by the same protocol.

    Raises
    ------
    InputError
        If its files cannot be used; it names the file.
    OSError
        If the store cannot be written; it names the file.
    """
    pair, protocol = job.pair, job.protocol
    hypnogram = read_hypnogram(pair.hypnogram_path, codes=protocol.codes, column=protocol.column)
    _refuse_contradiction(pair, hypnogram.stage, protocol)
    if protocol.needs_all_stages and (lacking := _lacking(hypnogram.stage)):
        return Prepared(name=pair.name, left_out=lacking)
    sources = _sha256(pair.recording_path), _sha256(pair.hypnogram_path)
    channel, findings = _channel(pair, protocol.channels)
    notes = [
        Finding(id="hypnogram-assumed", message=note.rstrip(".")) for note in hypnogram.notes if note not in _NO_DATE
    ]
    finished = finished_recording(job.store_dir, pair.name)
    if finished is not None and _is_same(finished, job, sources, channel):
        return Prepared(name=pair.name, recording=finished, was_there=True)
    recording = to_100_hz(read_recording(pair.recording_path, channel))
    aligned, stage = align(
        recording,
        hypnogram,
        recording_path=pair.recording_path,
        hypnogram_path=pair.hypnogram_path,
        starts_together=pair.starts_together,
        largest_share_outside=protocol.largest_share_outside,
    )
    if protocol.needs_all_stages and (lacking := _lacking(stage)):
        return Prepared(name=pair.name, left_out=f"{lacking} within the recording")
    kept = trim_wake(stage, protocol.trim_limits)
    if kept.start == kept.stop:
        raise InputError(pair.hypnogram_path, "has no scored epoch", "Leave this recording out")
    samples = slice(kept.start * SAMPLES_PER_EPOCH, kept.stop * SAMPLES_PER_EPOCH)
    epochs = cut_epochs(replace(aligned, signal_uv=aligned.signal_uv[samples]))
    # An expert scored the flat epochs of a night too, and published totals count them.
    is_readable = np.array([source is not Source.GAP for source in epochs.source], dtype=np.bool_)
    stored = write_recording(
        job.store_dir,
        name=pair.name,
        subject=pair.subject,
        night=pair.night,
        signal_uv=epochs.signal_uv,
        stage=stage[kept],
        is_readable=is_readable,
        start=None if epochs.start is None else epochs.start + timedelta(seconds=EPOCH_S * kept.start),
        source_sha256=sources[0],
        hypnogram_sha256=sources[1],
        channel=epochs.channel,
        protocol=protocol.to_json(),
        is_synthetic=epochs.is_synthetic,
        findings=(*notes, *findings, *epochs.findings, *_lost(is_readable, stage[kept])),
    )
    return Prepared(name=pair.name, recording=stored)


def _refuse_contradiction(pair: Pair, stage: NDArray[np.int8], protocol: Protocol) -> None:
    """Refuse a recording whose other hypnograms have other stages, or another number of epochs. Shape: [N]"""
    for path in pair.other_hypnograms:
        try:
            other = read_hypnogram(path, codes=protocol.codes, column=protocol.column).stage
        except InputError:
            continue
        n = min(len(stage), len(other))
        is_both = (stage[:n] != UNSCORED) & (other[:n] != UNSCORED)
        is_alike = abs(len(stage) - len(other)) <= 1 and np.array_equal(stage[:n][is_both], other[:n][is_both])
        if np.any(other != UNSCORED) and not is_alike:
            fault = f"has 2 hypnograms that differ, {pair.hypnogram_path.name} and {path.name}"
            raise InputError(pair.recording_path, fault, "Keep one of the two, or say which by --hypnograms")


def _is_same(finished: StoredRecording, job: Job, sources: tuple[str, str], channel: str | None) -> bool:
    was = (finished.source_sha256, finished.hypnogram_sha256, finished.subject, finished.night, finished.protocol)
    now = (*sources, job.pair.subject, job.pair.night, job.protocol.to_json())
    if was != now or channel not in (None, finished.channel):
        return False
    # A disk, or a copy that broke off, may have changed what was written.
    return _sha256(signal_path(job.store_dir, finished.name)) == finished.signal_sha256


def _channel(pair: Pair, wanted: Sequence[str]) -> tuple[str | None, tuple[Finding, ...]]:
    """Label of the first of the wanted channels that the recording has; None where any will do."""
    wanted = pair.channels or wanted
    if not wanted:
        return None, ()
    signals = read_header(pair.recording_path).ordinary
    errors = []
    for name in wanted:
        try:
            label = find_channel(pair.recording_path, signals, name).label
        except InputError as error:
            errors.append(error)
            continue
        message = f"there is no channel '{wanted[0]}'; '{label}' was taken instead"
        return label, (Finding(id="other-channel", message=message),) if errors else ()
    raise errors[0]


def _lacking(stage: NDArray[np.int8]) -> str:
    counts = np.bincount(stage[stage != UNSCORED], minlength=N_STAGES)
    absent = [name for name, count in zip(STAGES, counts.tolist(), strict=True) if not count]
    return f"it lacks {' and '.join(absent)}" if absent else ""


def _lost(is_readable: NDArray[np.bool_], stage: NDArray[np.int8]) -> list[Finding]:
    n_lost = int(np.count_nonzero(~is_readable & (stage != UNSCORED)))
    message = f"{n_lost} scored epochs lie in gaps of the recording and cannot be used"
    return [Finding(id="scored-gap", message=message)] if n_lost else []


def _sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        fault = (error.strerror or "cannot be opened").lower()
        raise InputError(path, fault, "Make the file readable") from error
