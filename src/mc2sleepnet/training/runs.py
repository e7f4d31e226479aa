"""The runs below a folder: what they are, how far, how good, how long, and in what they differ. Needs no torch."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import CONFIG_FILE, SEAL_KEY
from mc2sleepnet.core.run_record import FINISHED, INTERRUPTED, RUN_FILE, RUNNING, read_record
from mc2sleepnet.training.watching import METRICS_FILE

GRID_FILE, RESULT_FILE, RESULTS_JSON = "grid.json", "result.json", "results.json"
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class FoundRun:
    """One run.

    Attributes
    ----------
    path
        Relative to where it was looked for.
    kind
        ``"pretrain"``, ``"finetune"``, a cell of an experiment, or the experiment itself.
    status
        ``"running"``, ``"finished"``, ``"interrupted"``, ``"failed"`` or ``"unknown"``.
    step
        Last validated step of a phase; None elsewhere.
    figure, best
        Name of the figure that tells how good it is, and its value; None where there is none yet.
    seconds
        At work, interruptions left out; None where nobody wrote it down.
    options
        All options.
    differences
        Those in which it differs from most others.
    """

    path: str
    kind: str
    status: str
    step: int | None
    figure: str | None
    best: float | None
    seconds: float | None
    options: Mapping[str, Any]
    differences: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and dicts; `options` are left to the run's own files."""
        content = dict(vars(self))
        del content["options"]
        return content

    def to_row(self) -> tuple[str, ...]:
        """For a table."""
        best = "–" if self.best is None else f"{self.figure} {self.best:.3f}"
        step = "–" if self.step is None else str(self.step)
        told = ", ".join(f"{name}={value}" for name, value in self.differences.items())
        return self.path, self.kind, self.status, step, best, _duration(self.seconds), told or "–"


RUNS_HEAD = ("run", "kind", "status", "step", "best", "time", "differs in")


def find_runs(folder: Path) -> list[FoundRun]:
    """All runs below a folder, in order of their paths; the phases of a cell are parts of it and not listed.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "Name a folder that holds runs")
    return _with_differences([_found(path, folder) for path in _run_folders(folder)])


def _run_folders(folder: Path) -> Iterator[Path]:
    for place, below, files in os.walk(folder):
        below.sort()
        if RUN_FILE in files or METRICS_FILE in files:
            below.clear()  # a cell's phases, a run's curves
        if {RUN_FILE, METRICS_FILE, GRID_FILE} & set(files):
            yield Path(place)


def _found(path: Path, root: Path) -> FoundRun:
    relative = path.relative_to(root).as_posix()
    if (path / GRID_FILE).is_file():
        return _experiment(path, relative)
    record = read_record(path)
    step, macro_f1 = _progress(path)
    run = FoundRun(
        path=relative,
        kind="run",
        status=UNKNOWN,
        step=step,
        figure=None if macro_f1 is None else "validation macro-F1",
        best=macro_f1,
        seconds=None,
        options={},
        differences={},
    )
    if record is None:
        config = _json(path / CONFIG_FILE)
        status = FINISHED if SEAL_KEY in config else UNKNOWN
        network = config.get("network")
        return replace(
            run,
            kind=str(config.get("phase", "run")),
            status=status,
            options=network if isinstance(network, dict) else {},
        )
    run = replace(
        run,
        kind=str(record.get("kind")),
        status=str(record["status"]),
        seconds=record.get("seconds"),
        options=record.get("options") or {},
    )
    test = record.get("test")
    if isinstance(test, dict):
        return replace(run, figure="test κ", best=test.get("kappa"))
    return run


def _experiment(path: Path, relative: str) -> FoundRun:
    """A cross-validation or an ablation: its cells' states together, and its pooled κ."""
    grid, results = _json(path / GRID_FILE), _json(path / RESULTS_JSON)
    records = [record for one in path.rglob(RUN_FILE) if (record := read_record(one.parent)) is not None]
    statuses = Counter(record["status"] for record in records)
    status = next((name for name in (RUNNING, INTERRUPTED, "failed") if statuses[name]), FINISHED)
    pooled = results.get("pooled")
    kappa = pooled.get("kappa") if isinstance(pooled, dict) else None
    if not results and status == FINISHED:
        status = INTERRUPTED
    return FoundRun(
        path=relative,
        kind=f"{grid.get('experiment', 'experiment')} {grid.get('recipe', '')}, {statuses[FINISHED]} cells finished",
        status=status,
        step=None,
        figure=None if kappa is None else "test κ",
        best=kappa,
        seconds=sum(record.get("seconds") or 0.0 for record in records),
        options={},
        differences={},
    )


def _progress(path: Path) -> tuple[int | None, float | None]:
    """Last validated step, and the best macro-F1 on the validation subjects."""
    try:
        lines = (path / METRICS_FILE).read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.endswith("}")]
    except (OSError, ValueError):
        return None, None
    figures = [one for row in rows if (one := row.get("validation_macro_f1")) is not None]
    # What a run started from is no row; where it was kept, its figure is that of the run.
    best = _json(path / CONFIG_FILE).get("provenance", {}).get("best", {})
    if rows and best.get("step") == 0 and best.get("macro_f1") is not None:
        figures = [best["macro_f1"]]
    return (rows[-1]["step"] if rows else None), (max(figures) if figures else None)


def _with_differences(runs: Sequence[FoundRun]) -> list[FoundRun]:
    """Each with the options whose value most other runs do not have."""
    counts: dict[str, Counter[str]] = {}
    for run in runs:
        for name, value in run.options.items():
            counts.setdefault(name, Counter())[json.dumps(value)] += 1
    usual = {}
    for name, values in counts.items():
        value, n = values.most_common(1)[0]
        usual[name] = value if 2 * n > values.total() else None
    return [
        replace(
            run, differences={name: value for name, value in run.options.items() if json.dumps(value) != usual[name]}
        )
        for run in runs
    ]


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
