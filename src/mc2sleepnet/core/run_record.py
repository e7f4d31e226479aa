"""`run.json`: what a run is, whether it runs, ended or was cut off, and how long it took; and a lock while it runs.

Everything that trains into a folder holds its lock. The lock is the system's and goes with the process, however that
ends: so a record that says "running" in a folder nobody holds is of a run that was killed.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.lock import is_held, only_writer

RUN_FILE = "run.json"
RUNNING, FINISHED, INTERRUPTED, FAILED = "running", "finished", "interrupted", "failed"


class RunRecord:
    """The `run.json` of a run at work in a folder that it holds."""

    def __init__(self, folder: Path, kind: str, options: Mapping[str, Any], *, writes: bool = True) -> None:
        self._writes = writes
        self._folder, self._kind, self._options = folder, kind, dict(options)
        self._seconds_before = seconds_until_now(folder)
        self._began, self._started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
        self._outcome: dict[str, Any] = {}
        self.write(RUNNING)

    @property
    def seconds(self) -> float:
        """Time at work, in this and earlier attempts."""
        return round(self._seconds_before + time.monotonic() - self._began, 1)

    def tell(self, **outcome: Any) -> None:
        """Say what came out; it is written with the end."""
        self._outcome |= outcome

    def write(self, status: str) -> None:
        """Write the record, all or nothing."""
        if not self._writes:
            return
        record = {
            "kind": self._kind,
            "status": status,
            "host": socket.gethostname(),
            "process": os.getpid(),
            "started": self._started,
            "seconds": self.seconds,
            "options": self._options,
            **self._outcome,
        }
        write_text_atomically(self._folder / RUN_FILE, json.dumps(record, indent=1) + "\n")


@contextmanager
def recorded(folder: Path, kind: str, options: Mapping[str, Any]) -> Iterator[RunRecord]:
    """Hold `folder` and keep its `run.json` while the block runs.

    Parameters
    ----------
    folder
        Of the run.
    kind
        What sort of run it is.
    options
        Everything that makes it differ from other runs of its kind.

    Raises
    ------
    InputError
        If another process is at work in the folder.
    """
    # Of the processes that torchrun starts for one run, the first one holds and writes for all.
    is_first = os.environ.get("RANK", "0") == "0"
    folder.mkdir(parents=True, exist_ok=True)
    with only_writer(folder, "at work in") if is_first else contextlib.nullcontext():
        record = RunRecord(folder, kind, options, writes=is_first)
        try:
            yield record
        except BaseException as error:
            with contextlib.suppress(OSError):  # the disk may be what failed
                record.write(FAILED if isinstance(error, Exception) else INTERRUPTED)
            raise
        record.write(FINISHED)


def read_record(folder: Path) -> dict[str, Any] | None:
    """A folder's `run.json`; None where there is none that can be read. A killed run's says interrupted."""
    try:
        record: dict[str, Any] = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or "status" not in record:
        return None
    if record["status"] == RUNNING and not is_held(folder):
        record["status"] = INTERRUPTED
        record["seconds"] = seconds_until_now(folder)
    return record


def seconds_until_now(folder: Path) -> float:
    """Time spent in the attempts so far; of one that was killed, up to the last file it wrote."""
    try:
        path = folder / RUN_FILE
        record = json.loads(path.read_text(encoding="utf-8"))
        seconds = float(record["seconds"])
        if record["status"] == RUNNING:
            last = max(file.stat().st_mtime for file in folder.iterdir() if file.is_file())
            seconds += max(0.0, last - path.stat().st_mtime)
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
    return round(seconds, 1)
