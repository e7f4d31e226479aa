"""Jobs that worker processes can import, and a Dask cluster of real processes to run them on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mc2sleepnet.core.errors import InputError


def square_of_even(number: int) -> int:
    if number % 2:
        raise InputError(f"job {number}", "is odd", "Give an even one")
    return number * number


def one_in_zero(number: int) -> float:
    return 1 / number


def own_process(_number: int) -> int:
    return os.getpid()


def interrupts_it_blocks(_number: int) -> bool:
    """Whether Ctrl-C waits in this process, as it was started, for whoever lets it through."""
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def killed_once(job: tuple[str, int]) -> int:
    """Kill the worker on the first attempt at job 2; `job` is a folder to remember that in, and a number."""
    folder, number = Path(job[0]), job[1]
    if number == 2 and not (folder / "killed").exists():
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def always_killed(job: tuple[str, int]) -> int:
    """Kill the worker at each attempt at job 1."""
    if job[1] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return job[1]


def told_then_slow(job: tuple[str, int]) -> int:
    """Leave a file with this process's id, then take long."""
    (Path(job[0]) / f"{job[1]}").write_text(str(os.getpid()))
    time.sleep(60)
    return job[1]


@dataclass
class DaskCluster:
    address: str
    workers: Sequence["subprocess.Popen[bytes]"]


@contextmanager
def dask_cluster(folder: Path, *, n_workers: int = 2) -> Iterator[DaskCluster]:
    """A scheduler and workers in processes of their own, without nannies: who is killed stays dead."""
    scheduler_file = folder / "scheduler.json"
    places = [str(Path(__file__).parent), *sys.path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}

    def started(*words: str) -> "subprocess.Popen[bytes]":
        program = f"from distributed.cli.dask_{words[0]} import main; main()"
        command = [sys.executable, "-c", program, *words[1:]]
        with (folder / f"{words[0]}.log").open("ab") as output:
            return subprocess.Popen(command, stdout=output, stderr=output, env=environment)

    processes = [
        started(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(scheduler_file)
        )
    ]
    settings = [
        "--scheduler-file",
        str(scheduler_file),
        "--host",
        "127.0.0.1",
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
        "--local-directory",
        str(folder),
    ]
    try:
        deadline = time.monotonic() + 60
        while not scheduler_file.exists():
            assert time.monotonic() < deadline, (folder / "scheduler.log").read_text()
            time.sleep(0.1)
        processes += [started("worker", *settings) for _ in range(n_workers)]
        yield DaskCluster(json.loads(scheduler_file.read_text())["address"], processes[1:])
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()
