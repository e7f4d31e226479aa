"""`run.json`: finished, interrupted, killed; and one process at a time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.lock import is_held
from mc2sleepnet.core.run_record import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    RUN_FILE,
    RUNNING,
    read_record,
    recorded,
)

HOLDER = """
import sys, time
from pathlib import Path
from mc2sleepnet.core.lock import is_held
from mc2sleepnet.core.run_record import recorded
with recorded(Path(sys.argv[1]), "test", {"x": 1}):
    print("held", flush=True)
    time.sleep(60)
"""


def status(folder: Path) -> object:
    record = read_record(folder)
    assert record is not None
    return record["status"]


def test_a_run_that_ends_is_finished_and_says_what_came_out(tmp_path: Path) -> None:
    with recorded(tmp_path / "run", "test", {"width": 0.5}) as record:
        assert status(tmp_path / "run") == RUNNING
        record.tell(best=0.7)
    found = read_record(tmp_path / "run")
    assert found is not None
    assert (found["status"], found["options"], found["best"]) == (FINISHED, {"width": 0.5}, 0.7)


@pytest.mark.parametrize(("error", "expected"), [(KeyboardInterrupt("stop"), INTERRUPTED), (OSError("stop"), FAILED)])
def test_a_run_that_is_cut_off_or_fails_says_which(tmp_path: Path, error: BaseException, expected: str) -> None:
    with pytest.raises(type(error), match="stop"), recorded(tmp_path, "test", {}):
        raise error
    assert status(tmp_path) == expected


def test_a_killed_run_is_interrupted_and_its_folder_is_free_again(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert is_held(tmp_path)
    assert status(tmp_path) == RUNNING
    with pytest.raises(InputError, match="another process is at work in it"), recorded(tmp_path, "test", {}):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not is_held(tmp_path)
    assert status(tmp_path) == INTERRUPTED
    with recorded(tmp_path, "test", {}):
        pass
    assert status(tmp_path) == FINISHED
    process.stdout.close()


def test_time_of_earlier_attempts_counts_and_time_between_them_does_not(tmp_path: Path) -> None:
    with recorded(tmp_path, "test", {}):
        time.sleep(0.2)
    first = json.loads((tmp_path / RUN_FILE).read_text())["seconds"]
    time.sleep(0.5)
    with recorded(tmp_path, "test", {}):
        pass
    assert first <= json.loads((tmp_path / RUN_FILE).read_text())["seconds"] < first + 0.4


def test_a_damaged_record_is_none(tmp_path: Path) -> None:
    (tmp_path / RUN_FILE).write_text('{"status": ')
    assert read_record(tmp_path) is None
    assert read_record(tmp_path / "nothing") is None
