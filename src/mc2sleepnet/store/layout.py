"""How a recording lies in a store: ``NAME.i16``, its epochs, and ``NAME.json``, which says that it is finished.

``NAME.i16`` holds little-endian int16, shape ``[N, 3000]``; times `scale_uv` it is microvolts. ``index.json`` joins
the sidecars of all recordings, so that a store opens by one file. ``folds.json`` holds the split of a corpus whose
members are not published.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.core.stages import N_STAGES, SAMPLES_PER_EPOCH, UNSCORED

STORE_VERSION: Final = 1
INDEX_NAME: Final = "index.json"
FOLDS_NAME: Final = "folds.json"
# No recording may be named so: its sidecar would be one of these.
RESERVED_STEMS: Final = frozenset({"index", "folds"})
SIGNAL_DTYPE: Final = np.dtype("<i2")
BYTES_PER_EPOCH: Final = SAMPLES_PER_EPOCH * SIGNAL_DTYPE.itemsize
_REMEDY: Final = "Prepare it again with `mc2sleepnet prepare`"
# One letter an epoch, as in the annotations these stages came from.
_LETTERS: Final = "W123R?"


@dataclass(frozen=True, kw_only=True)
class StoredRecording:
    """One recording of a store, without its signal.

    Attributes
    ----------
    name, subject, night
        As the corpus names them; subjects are strings.
    n_epochs
        Rows in ``NAME.i16``.
    scale_uv
        Microvolts in one step of int16.
    n_clipped
        Samples beyond what the store holds, set to its limits.
    stage
        Stage of every epoch, a letter each: W, 1, 2, 3, R or ? for unscored.
    is_readable
        ``1`` for every epoch whose signal was recorded, ``0`` where there is a gap.
    start
        Local ISO 8601 time of the first epoch; "" where unknown.
    source_sha256, hypnogram_sha256, signal_sha256
        Of the files it came from, and of ``NAME.i16``.
    channel
        Label of the channel.
    protocol
        Everything that decided how the files became epochs.
    is_synthetic
        True if no person was recorded.
    findings
        Repairs and doubts met on the way.
    """

    name: str
    subject: str
    night: int
    n_epochs: int
    scale_uv: float
    n_clipped: int
    stage: str
    is_readable: str
    start: str
    source_sha256: str
    hypnogram_sha256: str
    signal_sha256: str
    channel: str
    protocol: Mapping[str, Any]
    is_synthetic: bool
    findings: tuple[Finding, ...]

    @property
    def start_time(self) -> datetime | None:
        """Local clock time of the first epoch; None where unknown."""
        return datetime.fromisoformat(self.start) if self.start else None

    @property
    def stages(self) -> NDArray[np.int8]:
        """Shape ``[N]``, int8: stage codes, -1 for unscored."""
        return decode_stages(self.stage)

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Shape ``[N]``: True where the signal was recorded."""
        return np.equal(np.frombuffer(self.is_readable.encode("ascii"), dtype=np.uint8), ord("1"))


def encode_stages(stage: NDArray[np.int8]) -> str:
    """Stages as letters: shape ``[N]`` → N letters."""
    # Index -1, unscored, is the last letter.
    return "".join(_LETTERS[code] for code in stage.tolist())


def decode_stages(letters: str) -> NDArray[np.int8]:
    """Letters as stages: N letters → shape ``[N]``; the inverse of `encode_stages`.

    Raises
    ------
    ValueError
        If a letter is none of ``W123R?``.
    """
    code_of_byte = np.full(256, np.int8(N_STAGES))
    code_of_byte[np.frombuffer(_LETTERS.encode("ascii"), dtype=np.uint8)] = [*range(N_STAGES), UNSCORED]
    stage = code_of_byte[np.frombuffer(letters.encode("latin-1"), dtype=np.uint8)]
    if np.any(stage == N_STAGES):
        raise ValueError(f"stages are {_LETTERS}")
    return stage


def to_json(recording: StoredRecording) -> dict[str, Any]:
    """A recording as JSON holds it."""
    return {"version": STORE_VERSION, **asdict(recording)}


def from_json(where: Path, content: Any) -> StoredRecording:
    """A recording out of JSON; the inverse of `to_json`.

    Raises
    ------
    InputError
        If it was written by another version, or is damaged.
    """
    if not isinstance(content, dict) or content.get("version") != STORE_VERSION:
        raise InputError(where, f"is no recording of a version {STORE_VERSION} store", _REMEDY)
    fields = {key: value for key, value in content.items() if key != "version"}
    try:
        fields["findings"] = tuple(Finding(**finding) for finding in fields["findings"])
        recording = StoredRecording(**fields)
        is_whole = recording.n_epochs == len(recording.stages) == len(recording.readable)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            where, "is damaged: a recording lacks something, or has what it should not", _REMEDY
        ) from error
    if not is_whole:
        raise InputError(where, "is damaged: its stages are not as many as its epochs", _REMEDY)
    return recording


def read_json(path: Path) -> Any:
    """Content of a JSON file of a store.

    Raises
    ------
    InputError
        If it cannot be opened or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        fault = (error.strerror or "cannot be opened").lower()
        raise InputError(path, fault, "Name a store made by `mc2sleepnet prepare`") from error
    except ValueError as error:
        raise InputError(path, "is damaged: no JSON", _REMEDY) from error


def hash_of(content: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()
