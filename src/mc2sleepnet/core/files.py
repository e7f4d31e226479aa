"""Writing that is all or nothing: a temporary name, fsync, rename."""

import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError

# What `atomic_path` calls its temporary files.
TEMPORARY: Final = re.compile(r"\.(?P<name>.+)\.(?P<process>[1-9][0-9]{0,9})\.part", re.DOTALL)


def at_home(path: str | Path) -> Path:
    """A path in which ``~`` is a person's home, as shells have it; callers from Python have none.

    Raises
    ------
    InputError
        If it begins with somebody's home who has none.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(path, "nobody of this name has a home here", "Name the folder in full") from None


def check_place(path: Path) -> None:
    """Refuse what no file can take the place of: a pipe, a device, a folder.

    `atomic_path` asks by itself. A call that writes several files, or works long for one, asks before it begins.

    Raises
    ------
    InputError
        If `path` is there and no regular file, or is one of `/dev`'s names (``/dev/stdout`` may lead to a file).
    """
    if path.exists() and (not path.is_file() or path.absolute().parent == Path("/dev")):
        raise InputError(path, "is a folder" if path.is_dir() else "is no regular file", "Name a file to write")


@contextmanager
def errors_name(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Within the block an OSError that names no file, as a full disk's, or the temporary one, names `path` instead."""
    try:
        yield
    except OSError as error:
        # What copies a file names its source first, and where it goes as the second.
        named = {str(name) for name in (error.filename, error.filename2) if name is not None}
        if named and str(temporary) not in named:
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced to disk and renamed to `path`.

    On any error, Ctrl-C included, the temporary file is removed and `path` stays as it was. An OSError names a file.

    Raises
    ------
    InputError
        If a pipe, a device or a folder has the name: it would be replaced (see `check_place`).
    """
    check_place(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with errors_name(path, temporary):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def folder_to_oneself(folder: Path, names: Collection[str]) -> Iterator[None]:
    """Make `folder`, wait until no other process of this program writes into it, and clear what a killed one left.

    The lock is the kernel's and ends with its process, however that ends. Where there is none, as on Windows and on
    some network disks, processes that write the same night at once are kept apart by their temporary names alone.

    Parameters
    ----------
    folder
        The folder to write into.
    names
        Of the files that will be written. What others keep there under names that end in ``.part`` is theirs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
            for leftover in folder.glob(".*.part"):
                if is_left_over(leftover, names):
                    leftover.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)


def is_left_over(path: Path, names: Collection[str]) -> bool:
    """Whether this is a temporary file of `atomic_path` for one of these names, whose process is no more."""
    parts = TEMPORARY.fullmatch(path.name)
    return parts is not None and parts["name"] in names and not _is_running(int(parts["process"]))


def _is_running(process: int) -> bool:
    with suppress(OSError):  # on Linux, where one that has ended stays listed until its parent asks for it
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in {"Z", "X"}
    try:
        os.kill(process, 0)
    except PermissionError:  # somebody else's
        return True
    except (OSError, OverflowError):
        return False
    return True


def write_text_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text with the line ends it has, all or nothing.

    What UTF-8 cannot hold, the undecodable bytes of a Latin-1 file name, becomes a question mark.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", errors="replace"))
