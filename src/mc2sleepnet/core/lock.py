"""A folder that one program at a time writes to."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from mc2sleepnet.core.errors import InputError

LOCK_NAME: Final = ".lock"


@contextmanager
def only_writer(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder for this process while the block runs; the system lets go of it if the process is killed.

    Parameters
    ----------
    folder
        It exists.
    what
        The work that two must not do at once, for the error.

    Raises
    ------
    InputError
        If another process holds it.
    OSError
        If the folder cannot be written to; it names the file.
    """
    path = folder / LOCK_NAME
    with path.open("a+b") as file:
        if not _take(file):
            raise InputError(folder, f"another process is {what} it", "Wait until it has ended, or name another folder")
        # The file stays: removed, it could be held by two that opened it before and after.
        yield


def is_held(folder: Path) -> bool:
    """Whether a process holds a folder now."""
    try:
        with (folder / LOCK_NAME).open("r+b") as file:
            return not _take(file)
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
