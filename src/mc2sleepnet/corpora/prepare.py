"""From a corpus as it is downloaded to a store: read, align, trim, write; resumable at any moment."""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError, SomeInputsError
from mc2sleepnet.core.recording import Finding, Source
from mc2sleepnet.core.stages import EPOCH_S, SAMPLES_PER_EPOCH, SAMPLING_HZ, STAGES, UNSCORED, UNSCORED_NAME
from mc2sleepnet.corpora.alignment import align
from mc2sleepnet.corpora.sleep_edf import CHANNEL, CORPORA, Pair, find_sleep_edf
from mc2sleepnet.corpora.trimming import TRIM_LIMITS, WAKE_MINUTES, trim_wake
from mc2sleepnet.formats import read_hypnogram
from mc2sleepnet.signals import cut_epochs, read_recording, to_100_hz
from mc2sleepnet.store import StoredRecording, finished_recording, write_index, write_recording

# Rises whenever the same files would become other epochs.
PROTOCOL_VERSION: Final = 1
_INDEX: Final = "index.json"

Progress = Callable[[int, int, str], None]
# A recording and whether it was there already, or the parts of the error that refused it: an exception
# does not survive the way back from a process.
_Outcome = tuple[StoredRecording, bool] | tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What `prepare` did.

    Attributes
    ----------
    corpus, store_dir
        What was prepared, and where it is.
    recordings
        All of the store, in order of their names.
    n_already_there
        Recordings that an earlier run had finished.
    missing
        For people: recordings without a hypnogram, and the reverse.
    """

    corpus: str
    store_dir: Path
    recordings: tuple[StoredRecording, ...]
    n_already_there: int
    missing: tuple[str, ...]

    @property
    def n_subjects(self) -> int:
        """Different people."""
        return len({recording.subject for recording in self.recordings})

    @property
    def n_epochs(self) -> int:
        """Epochs in the store, unscored ones included."""
        return sum(recording.n_epochs for recording in self.recordings)

    @property
    def epochs_per_stage(self) -> dict[str, int]:
        """Epochs of each of W, N1, N2, N3, R and UNS."""
        counts = np.zeros(len(STAGES) + 1, dtype=np.int64)
        for recording in self.recordings:
            # -1, unscored, is counted last.
            counts += np.bincount(recording.stages % len(counts), minlength=len(counts))
        return dict(zip((*STAGES, UNSCORED_NAME), counts.tolist(), strict=True))

    @property
    def findings(self) -> dict[str, tuple[Finding, ...]]:
        """Repairs and doubts by recording, where there are any."""
        return {recording.name: recording.findings for recording in self.recordings if recording.findings}

    def to_text(self) -> str:
        """What was found, for people: totals, what is missing, and every finding."""
        synthetic = ", synthetic data" if any(recording.is_synthetic for recording in self.recordings) else ""
        stages = "  ".join(f"{name} {count:,}" for name, count in self.epochs_per_stage.items())
        lines = [
            f"{self.corpus}: {len(self.recordings)} recordings of {self.n_subjects} subjects{synthetic}",
            f"{self.n_epochs:,} epochs: {stages}",
            *self.missing,
            *(f"{name}: {finding.message}" for name, all_of in self.findings.items() for finding in all_of),
        ]
        if self.n_already_there:
            lines.append(f"{self.n_already_there} recordings were already there")
        return "\n".join(lines)


def prepare(
    corpus: str,
    source: Path,
    store_dir: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
    trim_limits: str = "scored_sleep",
) -> Summary:
    """Prepare a corpus into a store.

    A recording that an earlier run finished is kept if its files and the protocol are the same. A killed run
    leaves no half-written recording. If some recordings cannot be used, all others are prepared before the error,
    and the store opens only when none is left.

    Parameters
    ----------
    corpus
        ``sleep-edf-78`` or ``sleep-edf-20``.
    source
        Folder with the corpus's files, searched with all its folders.
    store_dir
        Folder of the store, made if missing; it holds this corpus from this source and nothing else.
    workers
        Processes to work in; the store is the same for any number.
    progress
        Called with recordings done, recordings in all, and the name of the last.
    trim_limits
        See `mc2sleepnet.corpora.trimming.trim_wake`.

    Returns
    -------
    Summary
        What the store now holds.

    Raises
    ------
    InputError
        If the source holds nothing usable, some of its files are broken (all of them are named), or a worker was
        killed.
    OSError
        If the store cannot be written; it names the file.
    """
    if corpus not in CORPORA:
        raise InputError(corpus, "is no corpus that can be prepared", f"Choose from {', '.join(CORPORA)}")
    if trim_limits not in TRIM_LIMITS:
        raise InputError(trim_limits, "is no trim limit", f"Choose from {', '.join(TRIM_LIMITS)}")
    found = find_sleep_edf(source, corpus)
    store_dir.mkdir(parents=True, exist_ok=True)
    _clear(store_dir, source, {pair.name for pair in found.pairs})
    recordings: list[StoredRecording] = []
    refused: list[tuple[str, str, str]] = []
    n_already_there = 0
    protocol = _protocol(corpus, trim_limits)
    for done, (name, outcome) in enumerate(_outcomes(found.pairs, store_dir, protocol, workers), start=1):
        if len(outcome) == 3:
            refused.append(outcome)
        else:
            recordings.append(outcome[0])
            n_already_there += outcome[1]
        if progress is not None:
            progress(done, len(found.pairs), name)
    if refused:
        raise _error(source, sorted(refused), len(found.pairs))
    write_index(store_dir, corpus)
    return Summary(
        corpus=corpus,
        store_dir=store_dir,
        recordings=tuple(sorted(recordings, key=lambda recording: recording.name)),
        n_already_there=n_already_there,
        missing=found.missing,
    )


def _protocol(corpus: str, trim_limits: str) -> dict[str, Any]:
    return {
        "version": PROTOCOL_VERSION,
        "corpus": corpus,
        "channel": CHANNEL,
        "sampling_hz": SAMPLING_HZ,
        "epoch_s": EPOCH_S,
        "trim_limits": trim_limits,
        "wake_minutes": WAKE_MINUTES,
    }


def _clear(store_dir: Path, source: Path, names: set[str]) -> None:
    """Remove what a killed run left and the index that is about to be out of date; refuse strange recordings."""
    strange = sorted(path.stem for path in store_dir.glob("*.json") if path.name != _INDEX and path.stem not in names)
    if strange:
        fault = f"holds {len(strange)} recordings that {source} lacks, such as '{strange[0]}'"
        raise InputError(store_dir, fault, "Use another --store")
    (store_dir / _INDEX).unlink(missing_ok=True)
    for leftover in store_dir.glob(".*.part"):
        leftover.unlink()


def _outcomes(
    pairs: Sequence[Pair], store_dir: Path, protocol: Mapping[str, Any], workers: int
) -> Iterator[tuple[str, _Outcome]]:
    """Outcome of every pair, as they finish."""
    if workers <= 1:
        for pair in pairs:
            yield pair.name, _outcome(pair, store_dir, protocol)
        return
    # Forking a process that has threads, as numerical libraries do, may deadlock.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(pairs)), mp_context=context) as pool:
        try:
            name_of = {pool.submit(_outcome, pair, store_dir, protocol): pair.name for pair in pairs}
            for future in as_completed(name_of):
                yield name_of[future], future.result()
        except BrokenProcessPool:
            fault = "a worker process was killed, as a system that is short of memory does"
            remedy = "Run it again with fewer --workers; what is finished is kept"
            raise InputError(store_dir, fault, remedy) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _outcome(pair: Pair, store_dir: Path, protocol: Mapping[str, Any]) -> _Outcome:
    try:
        return _prepare_pair(pair, store_dir, protocol)
    except InputError as error:
        return error.where, error.fault, error.remedy


def _prepare_pair(pair: Pair, store_dir: Path, protocol: Mapping[str, Any]) -> tuple[StoredRecording, bool]:
    source_sha256, hypnogram_sha256 = _sha256(pair.recording_path), _sha256(pair.hypnogram_path)
    finished = finished_recording(store_dir, pair.name)
    if finished is not None:
        was = (finished.source_sha256, finished.hypnogram_sha256, finished.protocol)
        if was == (source_sha256, hypnogram_sha256, protocol):
            return finished, True
    recording = to_100_hz(read_recording(pair.recording_path, protocol["channel"]))
    aligned, stage = align(
        recording,
        read_hypnogram(pair.hypnogram_path),
        recording_path=pair.recording_path,
        hypnogram_path=pair.hypnogram_path,
    )
    kept = trim_wake(stage, protocol["trim_limits"])
    if kept.start == kept.stop:
        raise InputError(pair.hypnogram_path, "has no scored epoch", "Leave this recording out")
    samples = slice(kept.start * SAMPLES_PER_EPOCH, kept.stop * SAMPLES_PER_EPOCH)
    epochs = cut_epochs(replace(aligned, signal_uv=aligned.signal_uv[samples]))
    # An expert scored the flat epochs of a night too, and published totals count them.
    is_readable = np.array([source is not Source.GAP for source in epochs.source], dtype=np.bool_)
    stored = write_recording(
        store_dir,
        name=pair.name,
        subject=pair.subject,
        night=pair.night,
        signal_uv=epochs.signal_uv,
        stage=stage[kept],
        is_readable=is_readable,
        start=None if epochs.start is None else epochs.start + timedelta(seconds=EPOCH_S * kept.start),
        source_sha256=source_sha256,
        hypnogram_sha256=hypnogram_sha256,
        channel=epochs.channel,
        protocol=protocol,
        is_synthetic=epochs.is_synthetic,
        findings=(*epochs.findings, *_lost(is_readable, stage[kept])),
    )
    return stored, False


def _lost(is_readable: NDArray[np.bool_], stage: NDArray[np.int8]) -> list[Finding]:
    n_lost = int(np.count_nonzero(~is_readable & (stage != UNSCORED)))
    message = f"{n_lost} scored epochs lie in gaps of the recording and cannot be used"
    return [Finding(id="scored-gap", message=message)] if n_lost else []


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        fault = (error.strerror or "cannot be opened").lower()
        raise InputError(path, fault, "Make the file readable") from error


def _error(source: Path, refused: Sequence[tuple[str, str, str]], n_pairs: int) -> InputError:
    if len(refused) == 1:
        where, fault, remedy = refused[0]
        others = f"; the other {n_pairs - 1} of {n_pairs} recordings are prepared" if n_pairs > 1 else ""
        return (SomeInputsError if n_pairs > 1 else InputError)(where, fault, remedy + others)
    faults = "; ".join(f"{where}: {fault}" for where, fault, _ in refused)
    fault = f"{len(refused)} of {n_pairs} recordings cannot be used: {faults}"
    if len(refused) == n_pairs:
        return InputError(source, fault, "Mend these")
    return SomeInputsError(source, fault, "Mend or remove these; the others are prepared")
