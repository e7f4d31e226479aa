"""Recordings with their hypnograms, found in a folder."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mc2sleepnet.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A recording and its hypnogram.

    Attributes
    ----------
    name
        Unique in the corpus; stem of its files in a store.
    subject, night
        Who slept, and which of their nights it was.
    recording_path, hypnogram_path
        The two files.
    channels
        Labels of the channels to take, best first; none leaves it to the protocol.
    other_hypnograms
        Files named like the hypnogram's that may be another one.
    starts_together
        True where the hypnogram's times count from the recording's first sample, as its format says, whatever clock
        the two files carry.
    """

    name: str
    subject: str
    night: int
    recording_path: Path
    hypnogram_path: Path
    channels: tuple[str, ...] = ()
    other_hypnograms: tuple[Path, ...] = ()
    starts_together: bool = False


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a folder holds of a corpus.

    Attributes
    ----------
    pairs
        In order of their names.
    missing
        For people: every recording without a hypnogram, and the reverse.
    remarks
        For people: what else should be known of how these were found.
    """

    pairs: tuple[Pair, ...]
    missing: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def files_below(source: Path) -> list[Path]:
    """All files of a folder and its folders, in order of their paths, without hidden ones.

    Links are followed; a folder that is met twice is entered once, and of two names that are equal and lead to the
    same file the first is taken.

    Raises
    ------
    InputError
        If `source` is no folder, or one in it cannot be read.
    """
    if not source.is_dir():
        raise InputError(source, "is no folder", "Name the folder that holds the corpus's files")
    seen: set[tuple[str, int, int]] = set()
    found = []
    for path in _walk(source):
        # A link to nothing is kept: whoever reads it says so.
        status = path.stat() if path.exists() else path.lstat()
        if (key := (path.name.lower(), status.st_dev, status.st_ino)) not in seen:
            seen.add(key)
            found.append(path)
    return found


def _walk(source: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        fault = (error.strerror or "cannot be read").lower()
        raise InputError(error.filename or source, fault, "Make the folder readable") from error

    entered: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(source, followlinks=True, onerror=refuse):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def twice(path: Path, other: Path) -> InputError:
    """The error for two files that claim to be the same night."""
    return InputError(path, f"is the same night as {other}", "Keep one of the two")
