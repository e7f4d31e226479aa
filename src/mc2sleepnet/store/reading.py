"""A store opened for training and evaluation: epochs by number, out of memory maps."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import file_sha256
from mc2sleepnet.core.progress import Step, silent
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH
from mc2sleepnet.store.layout import (
    BYTES_PER_EPOCH,
    INDEX_NAME,
    SIGNAL_DTYPE,
    STORE_VERSION,
    StoredRecording,
    from_json,
    hash_of,
    read_json,
)
from mc2sleepnet.store.writing import signal_path

PADDING: Final = -1
# A map holds a file open and keeps what was read of it in the process's memory: cheap for a few hundred recordings, too
# much of both for thousands, which are read piece by piece instead.
MOST_MAPS: Final = 256
# Of signals that were read, by path and state.
_SHA256_OF: Final[dict[tuple[Path, int, int, int], str]] = {}
_REMEDY: Final = "Prepare it again with `mc2sleepnet prepare`"


@dataclass(frozen=True, kw_only=True)
class Store:
    """All recordings of a corpus. Epochs are numbered through: the first of a recording follows the last before.

    Attributes
    ----------
    path
        The folder.
    corpus
        What was prepared, such as ``sleep-edf-78``.
    recordings
        In order of their names.
    """

    path: Path
    corpus: str
    recordings: tuple[StoredRecording, ...]
    _maps: dict[int, NDArray[np.int16]] = field(default_factory=dict, repr=False, compare=False)

    @staticmethod
    def open(path: Path) -> "Store":
        """Open a store that `write_index` has finished; no signal is read yet.

        Raises
        ------
        InputError
            If there is no store, it is damaged, or another version wrote it.
        """
        index_path = path / INDEX_NAME
        if path.is_dir() and not index_path.exists():
            raise InputError(path, f"is no finished store: it has no {INDEX_NAME}", _REMEDY)
        index = read_json(index_path)
        if not isinstance(index, dict) or index.get("version") != STORE_VERSION:
            raise InputError(index_path, f"is not of a version {STORE_VERSION} store", _REMEDY)
        if not isinstance(index.get("recordings"), list) or not isinstance(index.get("corpus"), str):
            raise InputError(index_path, "is damaged", _REMEDY)
        recordings = tuple(from_json(index_path, content) for content in index["recordings"])
        if not recordings:
            raise InputError(index_path, "names no recordings", _REMEDY)
        for recording in recordings:
            _check_size(signal_path(path, recording.name), recording)
        return Store(path=path, corpus=index["corpus"], recordings=recordings)

    def __getstate__(self) -> dict[str, object]:
        # A worker process maps the files itself: a pickled map would be a copy of the corpus.
        return {**self.__dict__, "_maps": {}}

    @cached_property
    def first_epoch(self) -> NDArray[np.int64]:
        """Shape ``[recordings + 1]``: number of each recording's first epoch, then of all epochs."""
        return np.cumsum([0, *(recording.n_epochs for recording in self.recordings)], dtype=np.int64)

    @property
    def n_epochs(self) -> int:
        """Epochs of all recordings."""
        return int(self.first_epoch[-1])

    @cached_property
    def stage(self) -> NDArray[np.int8]:
        """Shape ``[n_epochs]``: stage of every epoch, -1 for unscored."""
        return np.concatenate([recording.stages for recording in self.recordings])

    @cached_property
    def is_readable(self) -> NDArray[np.bool_]:
        """Shape ``[n_epochs]``: True where an epoch's signal was recorded."""
        return np.concatenate([recording.readable for recording in self.recordings])

    @property
    def is_synthetic(self) -> bool:
        """True if any of it is."""
        return any(recording.is_synthetic for recording in self.recordings)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of what the store holds and of how it was prepared, wherever it lies."""
        return hash_of(
            [
                [r.name, r.subject, r.signal_sha256, r.scale_uv, r.stage, r.is_readable, dict(r.protocol)]
                for r in self.recordings
            ]
        )

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """Every subject once, in the order of the recordings."""
        return tuple(dict.fromkeys(recording.subject for recording in self.recordings))

    def recordings_of(self, subjects: Collection[str]) -> NDArray[np.int64]:
        """Indices of the recordings of some subjects, in order; subjects that are not there add none."""
        wanted = frozenset(subjects)
        indices = [i for i, recording in enumerate(self.recordings) if recording.subject in wanted]
        return np.array(indices, dtype=np.int64)

    def recording_of(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of the recording each epoch belongs to; -1, padding, belongs to -1. Any shape."""
        return np.searchsorted(self.first_epoch, indices, side="right") - 1

    def epochs_of(self, recording: int) -> NDArray[np.int64]:
        """Numbers of a recording's epochs, shape ``[N]``."""
        return np.arange(self.first_epoch[recording], self.first_epoch[recording + 1])

    def signal_uv(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Signals of epochs by number.

        Parameters
        ----------
        indices
            Shape ``[...]``; -1, padding, gives zeros.

        Returns
        -------
        numpy.ndarray
            Shape ``[..., 3000]``, float32, µV.
        """
        wanted = np.asarray(indices, dtype=np.int64)
        flat = wanted.ravel()
        assert flat.size == 0 or (flat.min() >= PADDING and flat.max() < self.n_epochs)
        signal_uv = np.empty((flat.size, SAMPLES_PER_EPOCH), dtype=np.float32)
        recording = self.recording_of(flat)
        # Consecutive epochs, most of every sequence, are copied and scaled in one stroke.
        is_new = np.ones(flat.size, dtype=np.bool_)
        is_new[1:] = (np.diff(flat) != 1) | (np.diff(recording) != 0)
        first = np.flatnonzero(is_new)
        end = np.append(first[1:], flat.size)
        # In order of the files, so that a disk reads forward.
        order = np.argsort(flat[first], kind="stable")
        local = flat[first] - self.first_epoch[recording[first]]
        runs = zip(*(part[order].tolist() for part in (recording[first], first, end, local)), strict=True)
        for index, a, b, epoch in runs:
            if index == PADDING:
                signal_uv[a:b] = 0.0
            else:
                rows = signal_uv[a:b]
                rows[...] = self.steps(index, epoch, epoch + b - a)
                rows *= self.recordings[index].scale_uv
        return signal_uv.reshape(*wanted.shape, SAMPLES_PER_EPOCH)

    def steps(self, index: int, first: int, end: int) -> NDArray[np.int16]:
        """Consecutive epochs of a recording as they are stored, shape ``[end - first, 3000]``; times its scale, µV."""
        if len(self.recordings) <= MOST_MAPS:
            return self._map(index)[first:end]
        recording = self.recordings[index]
        path = signal_path(self.path, recording.name)
        steps = np.empty((end - first, SAMPLES_PER_EPOCH), dtype=SIGNAL_DTYPE)
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(first * BYTES_PER_EPOCH)
                n_bytes = file.readinto(steps.data)
        except OSError as error:
            raise _unreadable(path, error) from error
        if n_bytes != steps.nbytes:
            _check_size(path, recording)
        return steps

    def check_signals(self, recordings: Collection[int], step: Step = silent) -> None:
        """Compare the signals of some recordings with the index; a file that stayed as it was is read once a process.

        Raises
        ------
        InputError
            If one is not what was prepared.
        """
        paths = {index: signal_path(self.path, self.recordings[index].name) for index in recordings}
        for index, path in paths.items():
            _check_size(path, self.recordings[index])
        states = {path: (path, *_state_of(path)) for path in paths.values()}
        unread = [path for path in paths.values() if states[path] not in _SHA256_OF]
        if unread:
            with step("checking signals") as advance:
                for done, path in enumerate(unread, start=1):
                    try:
                        _SHA256_OF[states[path]] = file_sha256(path)
                    except OSError as error:
                        raise _unreadable(path, error) from error
                    advance(done, len(unread), path.stem)
        for index, path in paths.items():
            if _SHA256_OF[states[path]] != self.recordings[index].signal_sha256:
                raise InputError(path, "is not the signal that was prepared: the file has changed", _REMEDY)

    def _map(self, index: int) -> NDArray[np.int16]:
        """A recording's epochs, mapped when first wanted; shape ``[N, 3000]``."""
        steps = self._maps.get(index)
        if steps is None:
            recording = self.recordings[index]
            path = signal_path(self.path, recording.name)
            _check_size(path, recording)
            shape = (recording.n_epochs, SAMPLES_PER_EPOCH)
            # A plain array over the map: np.memmap's own slicing costs more than the copy.
            steps = np.asarray(np.memmap(path, dtype=SIGNAL_DTYPE, mode="r", shape=shape))
            self._maps[index] = steps
        return steps


def _check_size(path: Path, recording: StoredRecording) -> None:
    try:
        n_bytes = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error
    if n_bytes != recording.n_epochs * BYTES_PER_EPOCH:
        fault = f"is damaged: {n_bytes} bytes instead of {recording.n_epochs * BYTES_PER_EPOCH}"
        raise InputError(path, fault, _REMEDY)


def _state_of(path: Path) -> tuple[int, int, int]:
    """What differs as soon as a file was written to or replaced."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(path, (error.strerror or "cannot be opened").lower(), _REMEDY)
