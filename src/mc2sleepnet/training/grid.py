"""The cells of an experiment, run one after the other, side by side in processes, or on a Dask cluster.

`grid.json` in the experiment's folder keeps what all cells share, so that a resumed experiment is the same one.
"""

import json
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mc2sleepnet.core.cluster import run_jobs
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.progress import Advance, Step, silent
from mc2sleepnet.training.cell import MODEL_FOLDER, PRETRAIN_FOLDER, RESULT_FILE, Cell, CellResult, run_cell
from mc2sleepnet.training.watching import METRICS_FILE

GRID_FILE = "grid.json"
LOOK_EVERY_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Where:
    """On what an experiment runs.

    Attributes
    ----------
    workers
        Cells at a time, each in a process of its own; 1 for one after the other, in this one.
    cluster
        Address of a Dask scheduler instead; store and results must be reachable under the same paths from its workers.
    threads
        Of the processor for each cell; 0 divides this machine's among the workers, and is 1 on a cluster.
    """

    workers: int = 1
    cluster: str | None = None
    threads: int = 0

    @property
    def threads_of_a_cell(self) -> int:
        """How many every cell gets."""
        if self.threads:
            return self.threads
        return 1 if self.cluster else max(1, len(os.sched_getaffinity(0)) // self.workers)


@dataclass(frozen=True, kw_only=True)
class GridOutcome:
    """Results of the cells that are finished, in the order of the cells, and what went wrong in the others."""

    results: Sequence[CellResult]
    failures: Mapping[Path, InputError]


def open_grid(out: Path, manifest: Mapping[str, Any], *, threads: int, resume: bool) -> int:
    """Begin an experiment in `out`, or go on with the one that is there; how many threads a cell gets.

    An experiment that goes on keeps the threads it began with: another number would give its cells other bits.

    Raises
    ------
    InputError
        If another experiment is there, or this one and `resume` was not asked for.
    """
    path, wanted = out / GRID_FILE, json.loads(json.dumps(manifest))
    refuse_taken(out, resume=resume)
    if path.is_file():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            threads = int(found.pop("threads"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(path, "is damaged, or cannot be opened", "Choose another --out") from error
        differing = sorted(key for key in {*wanted, *found} if wanted.get(key) != found.get(key))
        if differing:
            fault = f"the experiment here has another {', '.join(differing)}"
            raise InputError(out, fault, "Resume with the options it began with, or choose another --out")
        return threads
    out.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, json.dumps({**wanted, "threads": threads}, indent=1) + "\n")
    return threads


def refuse_taken(out: Path, *, resume: bool) -> None:
    """Refuse a folder that no experiment can be written to.

    Raises
    ------
    InputError
        If an experiment is there and `resume` was not asked for, or something else is.
    """
    if (out / GRID_FILE).is_file():
        if not resume:
            fault = "an experiment is here already"
            raise InputError(out, fault, "Go on with --resume, or choose another --out")
    elif out.is_dir() and any(out.iterdir()):
        raise InputError(out, "holds something else", "Choose another --out")


def run_grid(cells: Sequence[Cell], where: Where, step: Step = silent) -> GridOutcome:
    """Run all cells; what fails is kept for the end, and the others are done.

    Raises
    ------
    InputError
        If the cluster cannot be reached.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, with everything saved.
    """
    results: dict[int, CellResult] = {}
    failures: dict[int, InputError] = {}
    if where.cluster is None and (where.workers == 1 or len(cells) == 1):
        for index, cell in enumerate(cells):
            try:
                results[index] = run_cell(cell, _named(step, f"{index + 1}/{len(cells)}"))
            except InputError as error:
                failures[index] = error
    else:
        with step("cells") as advance, _watched(cells, advance):
            for ended in run_jobs(_run_in_worker, cells, workers=where.workers, cluster=where.cluster):
                if ended.error is not None:
                    failures[ended.index] = ended.error
                else:
                    assert ended.value is not None
                    results[ended.index] = ended.value
    return GridOutcome(
        results=[results[index] for index in sorted(results)],
        failures={cells[index].folder: failures[index] for index in sorted(failures)},
    )


def _run_in_worker(cell: Cell) -> CellResult:
    try:
        return run_cell(cell)
    except KeyboardInterrupt:
        # Training turned the signal into this after saving; in a process that was told to end there is nobody to tell.
        if multiprocessing.parent_process() is None:
            raise
        sys.exit(128 + 2)


def _named(step: Step, prefix: str) -> Step:
    return lambda name: step(f"{prefix} {name}")


@contextmanager
def _watched(cells: Sequence[Cell], advance: Advance) -> Iterator[None]:
    """While others work on the cells, tell how many are finished and where the rest are, from their files."""
    is_over = threading.Event()

    def watch() -> None:
        while True:
            n_done = sum((cell.folder / RESULT_FILE).is_file() for cell in cells)
            advance(n_done, len(cells), " · ".join(filter(None, map(_at_work, cells)))[:120])
            if is_over.wait(LOOK_EVERY_S):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
        advance(sum((cell.folder / RESULT_FILE).is_file() for cell in cells), len(cells), "")


def _at_work(cell: Cell) -> str:
    """A word about an unfinished cell that has been begun."""
    if (cell.folder / RESULT_FILE).is_file():
        return ""
    for phase in (MODEL_FOLDER, PRETRAIN_FOLDER):
        try:
            last = (cell.folder / phase / METRICS_FILE).read_text(encoding="utf-8").splitlines()[-1]
            return f"{cell.folder.name} {phase} step {json.loads(last)['step']}"
        except (OSError, ValueError, KeyError, IndexError):
            continue
    return ""
