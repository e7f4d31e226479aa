"""One function over many jobs: here, in processes of this machine, or on Dask distributed. Same results everywhere."""

import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, Never, TypeVar

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.version import own_version

Job = TypeVar("Job")
Value = TypeVar("Value")

MOST_ATTEMPTS = 3
CONNECT_S = 20
# Dask waits for minutes for a host that has no port.
_ADDRESS = re.compile(r"(\w+://)?[^\s/]+:\d+|\w+://\S+")
_ADDRESS_REMEDY = "Name its address, such as tcp://host:8786"
_LOST_REMEDY = "Run it again by itself; if it ends the same, it needs more memory"


@dataclass(frozen=True, kw_only=True)
class Ended(Generic[Value]):
    """How one job ended: with a value, or with the mistake in its input that it met.

    Attributes
    ----------
    index
        Place of the job among those given.
    value
        What the function returned; None where there is an error.
    error
        The `InputError` it raised, or one that says that every worker which took the job died of it.
    """

    index: int
    value: Value | None = None
    error: InputError | None = None


def run_jobs(
    function: Callable[[Job], Value],
    jobs: Sequence[Job],
    *,
    workers: int = 1,
    cluster: str | None = None,
    name_of: Callable[[Job], str] = str,
) -> Iterator[Ended[Value]]:
    """Run a function over jobs and yield how each ended, as they end.

    A job whose worker is killed is done again by another, three times at most, so a function must bear being
    started twice. Closing the iterator, or an exception, ends what still runs.

    Parameters
    ----------
    function
        Of one job. With workers or a cluster it and the jobs must be importable and picklable, what they name must
        be reachable from there, and it must bear other jobs in other threads of its process, as Dask runs them.
    jobs
        In the order in which they are begun.
    workers
        Processes on this machine; 1 runs in this one.
    cluster
        Address of a Dask scheduler, ``tcp://host:8786``, instead.
    name_of
        What a job is called in an error.

    Yields
    ------
    Ended
        One for every job.

    Raises
    ------
    InputError
        If the cluster cannot be reached, or runs another version of this program.
    Exception
        Whatever else the function raises: that is no mistake of a user, and ends the run.
    """
    if cluster is not None:
        return _on_dask(function, jobs, cluster, name_of)
    if workers > 1 and len(jobs) > 1:
        return _in_processes(function, jobs, min(workers, len(jobs)), name_of)
    return _here(function, jobs)


def _here(function: Callable[[Job], Value], jobs: Sequence[Job]) -> Iterator[Ended[Value]]:
    for index, job in enumerate(jobs):
        try:
            value = function(job)
        except InputError as error:
            yield Ended(index=index, error=error)
        else:
            yield Ended(index=index, value=value)


@dataclass
class _Worker:
    """A process, our end of the pipe to it, and the job it is at."""

    process: SpawnProcess
    pipe: Connection
    at: int


def _in_processes(
    function: Callable[[Job], Value], jobs: Sequence[Job], n_workers: int, name_of: Callable[[Job], str]
) -> Iterator[Ended[Value]]:
    waiting = list(range(len(jobs)))[::-1]
    attempts = [0] * len(jobs)
    workers: dict[Any, _Worker] = {}
    try:
        while waiting or workers:
            while waiting and len(workers) < n_workers:
                worker = _start(function, waiting.pop())
                workers[worker.pipe] = worker
                _send(worker, jobs[worker.at])
            for pipe in wait(list(workers)):
                worker = workers[pipe]
                try:
                    value, error = worker.pipe.recv()
                except (EOFError, OSError):
                    # Killed. Its process is known, so the job is too, and no other is to blame.
                    _end(workers.pop(worker.pipe))
                    attempts[worker.at] += 1
                    if attempts[worker.at] < MOST_ATTEMPTS:
                        waiting.append(worker.at)
                    else:
                        yield Ended(index=worker.at, error=_lost(name_of(jobs[worker.at])))
                    continue
                if error is not None and not isinstance(error, InputError):
                    raise error
                ended = Ended(index=worker.at, value=value, error=error)
                # The next job goes out before the caller looks at this one.
                if waiting:
                    worker.at = waiting.pop()
                    _send(worker, jobs[worker.at])
                else:
                    _end(workers.pop(worker.pipe))
                yield ended
    finally:
        for worker in workers.values():
            worker.process.terminate()
        for worker in workers.values():
            _end(worker)


def _start(function: Callable[..., Any], at: int) -> _Worker:
    # Spawned, not forked: threads of the inference engine and of torch do not survive a fork.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(function, theirs), daemon=True)
    with _interrupts_held():  # Ctrl-C reaches the whole terminal; what is held now, the process never sees
        process.start()
    theirs.close()
    return _Worker(process, ours, at)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while the block runs, and from the processes that are started in it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Python starts its tracker with the first process, and then lets interrupts through whatever was set before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send(worker: _Worker, job: object) -> None:
    with suppress(OSError):  # it died meanwhile, which the next `recv` tells
        worker.pipe.send(job)


def _end(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.join()
    worker.process.close()


def _work(function: Callable[[Any], Any], pipe: Connection) -> None:
    """What a worker process does, until the pipe or the process that started it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the caller tells us
    signal.signal(signal.SIGTERM, _leave)  # leaves through every `finally`, which removes temporary files
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        answer: tuple[Any, Exception | None]
        try:
            answer = function(job), None
        except Exception as error:  # crosses to the caller, who raises it or tells it
            answer = None, error
        with suppress(BrokenPipeError):
            pipe.send(answer)


def _leave(_signum: int, _frame: object) -> Never:
    sys.exit(128 + signal.SIGTERM)


def _leave_with_parent() -> None:
    """A caller that was killed cannot end its workers; they notice by themselves."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def _lost(name: str) -> InputError:
    fault = f"every worker that took it was killed ({MOST_ATTEMPTS} times)"
    return InputError(name, fault, _LOST_REMEDY)


def _on_dask(
    function: Callable[[Job], Value], jobs: Sequence[Job], address: str, name_of: Callable[[Job], str]
) -> Iterator[Ended[Value]]:
    from distributed import Client, as_completed
    from distributed.scheduler import KilledWorker

    if not _ADDRESS.fullmatch(address):
        raise InputError(address, "no Dask scheduler answers (it is no address)", _ADDRESS_REMEDY)
    try:
        client: Any = Client(address, set_as_default=False, timeout=CONNECT_S)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TypeError) as error:
        fault = f"no Dask scheduler answers ({' '.join(str(error).split())[:120] or type(error).__name__})"
        raise InputError(address, fault, _ADDRESS_REMEDY) from None
    futures: dict[Any, int] = {}
    try:
        ours = own_version()
        for index, job in enumerate(jobs):
            # Not pure: Dask must not take an earlier run's answer for a job that writes files.
            futures[client.submit(_same_version, function, job, ours, pure=False)] = index
        completed = as_completed(futures, loop=client.loop)  # type: ignore[no-untyped-call]
        for future in completed:
            if future.status in ("lost", "pending"):
                # Its worker was killed before anybody had fetched the answer: the scheduler has it done again.
                completed.add(future)  # type: ignore[no-untyped-call]
                continue
            index = futures[future]
            met: BaseException | None = future.exception() if future.status == "error" else None
            if future.status == "finished":
                yield Ended(index=index, value=future.result())
            elif isinstance(met, InputError) and met.where != _WORKERS:
                yield Ended(index=index, error=met)
            elif isinstance(met, KilledWorker):
                yield Ended(index=index, error=_lost(name_of(jobs[index])))
            elif isinstance(met, ModuleNotFoundError):
                fault = f"its workers lack a package ({met})"
                raise InputError(address, fault, "Install the same mc2sleepnet on every worker") from None
            elif met is None:
                remedy = "Run it again; where the verb has --resume, that goes on"
                raise InputError(address, "the connection to the Dask scheduler was lost", remedy)
            else:
                raise met
    finally:
        client.cancel(list(futures))
        client.close()


_WORKERS = "Dask workers"


def _same_version(function: Callable[[Job], Value], job: Job, wanted: str) -> Value:
    """Run on a Dask worker; another version would give other results."""
    if own_version() != wanted:
        fault = f"run mc2sleepnet {own_version()}, not {wanted}"
        raise InputError(_WORKERS, fault, "Install the same mc2sleepnet on every worker")
    return function(job)
