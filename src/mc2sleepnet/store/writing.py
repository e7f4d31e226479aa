"""Recordings into a store, each all or nothing."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import atomic_path, write_text_atomically
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH
from mc2sleepnet.store.layout import (
    BYTES_PER_EPOCH,
    INDEX_NAME,
    RESERVED_STEMS,
    SIGNAL_DTYPE,
    STORE_VERSION,
    StoredRecording,
    encode_stages,
    from_json,
    read_json,
    to_json,
)

# Ten times what an EEG shows; a recording that reaches so far is kept in steps of 0.15 µV, others in finer ones.
CLIP_UV: Final = 5000.0
_FULL_SCALE: Final = 32767


def write_recording(
    store_dir: Path,
    *,
    name: str,
    subject: str,
    night: int,
    signal_uv: NDArray[np.float32],
    stage: NDArray[np.int8],
    is_readable: NDArray[np.bool_],
    start: datetime | None,
    source_sha256: str,
    hypnogram_sha256: str,
    channel: str,
    protocol: Mapping[str, Any],
    is_synthetic: bool,
    findings: Sequence[Finding] = (),
) -> StoredRecording:
    """Write one recording into a store; its sidecar, written last, marks it as finished.

    Parameters
    ----------
    store_dir
        Folder of the store, made if missing.
    name
        Unique in the store; the stem of its files.
    subject, night, start, channel, is_synthetic, findings
        Kept as they are.
    signal_uv
        Shape ``[N, 3000]``, µV, finite. Samples beyond ±5000 µV are clipped and counted, and finding ``clipped``
        tells of them.
    stage
        Shape ``[N]``, codes or -1.
    is_readable
        Shape ``[N]``: False where the signal has a gap.
    source_sha256, hypnogram_sha256
        Of the files it came from.
    protocol
        A JSON object of everything that decided how files became epochs.

    Returns
    -------
    StoredRecording
        What the sidecar now holds.

    Raises
    ------
    OSError
        If the disk is full or cannot be written; it names the file.
    """
    n_epochs = len(stage)
    assert name not in RESERVED_STEMS
    assert signal_uv.shape == (n_epochs, SAMPLES_PER_EPOCH)
    assert is_readable.shape == stage.shape == (n_epochs,)
    store_dir.mkdir(parents=True, exist_ok=True)
    # Until the new one is whole, there is none, and no index that tells of the old one.
    _forget(store_dir, name)
    largest_uv = float(np.abs(signal_uv).max(initial=0.0))
    assert np.isfinite(largest_uv)
    scale_uv = min(largest_uv, CLIP_UV) / _FULL_SCALE or 1.0
    steps = np.rint(np.clip(signal_uv, -CLIP_UV, CLIP_UV) / scale_uv).astype(SIGNAL_DTYPE)
    # `tofile` would not say why a full disk took no more.
    with atomic_path(signal_path(store_dir, name)) as temporary:
        temporary.write_bytes(steps.data)
    n_clipped = int(np.count_nonzero(np.abs(signal_uv) > CLIP_UV))
    if n_clipped:
        message = f"{n_clipped} samples beyond ±{CLIP_UV:g} µV were clipped"
        findings = (*findings, Finding(id="clipped", message=message))
    recording = StoredRecording(
        name=name,
        subject=subject,
        night=night,
        n_epochs=n_epochs,
        scale_uv=scale_uv,
        n_clipped=n_clipped,
        stage=encode_stages(stage),
        is_readable="".join("1" if readable else "0" for readable in is_readable.tolist()),
        start="" if start is None else start.isoformat(),
        source_sha256=source_sha256,
        hypnogram_sha256=hypnogram_sha256,
        signal_sha256=hashlib.sha256(steps.data).hexdigest(),
        channel=channel,
        protocol=dict(protocol),
        is_synthetic=is_synthetic,
        findings=tuple(findings),
    )
    write_text_atomically(sidecar_path(store_dir, name), json.dumps(to_json(recording), indent=1) + "\n")
    return recording


def finished_recording(store_dir: Path, name: str) -> StoredRecording | None:
    """The recording of that name if it is whole and of this version; None if it must be written (again)."""
    try:
        recording = from_json(sidecar_path(store_dir, name), read_json(sidecar_path(store_dir, name)))
        n_bytes = signal_path(store_dir, name).stat().st_size
    except (InputError, OSError):
        return None
    return recording if n_bytes == recording.n_epochs * BYTES_PER_EPOCH else None


def write_index(store_dir: Path, corpus: str, names: Sequence[str] | None = None) -> None:
    """Join the sidecars of finished recordings, those of some names or all, into the index by which the store opens.

    Raises
    ------
    InputError
        If there are no recordings, or they were prepared by different protocols.
    OSError
        If the disk is full or cannot be written; it names the file.
    """
    names = recording_names(store_dir) if names is None else names
    sidecars = [sidecar_path(store_dir, name) for name in names]
    recordings = [from_json(path, read_json(path)) for path in sidecars]
    if not recordings:
        raise InputError(store_dir, "holds no recordings", "Prepare some into it first")
    for recording in recordings:
        if recording.protocol != recordings[0].protocol:
            fault = f"'{recording.name}' was prepared otherwise than '{recordings[0].name}'"
            raise InputError(store_dir, fault, "Use another --store for another protocol")
    index = {
        "version": STORE_VERSION,
        "corpus": corpus,
        "recordings": [to_json(recording) for recording in recordings],
    }
    write_text_atomically(store_dir / INDEX_NAME, json.dumps(index, indent=1) + "\n")


def recording_names(store_dir: Path) -> list[str]:
    """Names of the recordings that have a sidecar, in order."""
    return sorted(path.stem for path in store_dir.glob("*.json") if path.stem not in RESERVED_STEMS)


def remove_recording(store_dir: Path, name: str) -> None:
    """Take a recording out of a store, its sidecar first, so that no moment shows half of it."""
    _forget(store_dir, name)
    signal_path(store_dir, name).unlink(missing_ok=True)


def _forget(store_dir: Path, name: str) -> None:
    """Remove a recording's sidecar, and before that the index, which is out of date from then on."""
    if sidecar_path(store_dir, name).exists():
        (store_dir / INDEX_NAME).unlink(missing_ok=True)
        sidecar_path(store_dir, name).unlink()


def signal_path(store_dir: Path, name: str) -> Path:
    """Where a recording's epochs lie."""
    return store_dir / f"{name}.i16"


def sidecar_path(store_dir: Path, name: str) -> Path:
    """Where what is known of a recording lies."""
    return store_dir / f"{name}.json"
