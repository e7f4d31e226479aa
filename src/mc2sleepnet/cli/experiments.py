"""Verbs that run whole experiments and look at them: crossval, ablate, runs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import end_with, fail, tell, verb
from mc2sleepnet.cli.progress import progress_bar
from mc2sleepnet.cli.training import Assignments, Preset, Resume

Store = Annotated[Path, typer.Option(help="Store that `prepare` wrote; `smoke` makes one where there is none.")]
Out = Annotated[Path, typer.Option(help="Folder of the experiment to write.")]
Workers = Annotated[int, typer.Option(min=1, help="Networks trained side by side, each in a process.")]
Cluster = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler, tcp://host:8786, instead.")]
Threads = Annotated[int, typer.Option(min=0, help="Of the processor for each network; 0 divides them.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@verb
def crossval(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="sleep-edf-78, sleep-edf-20, shhs or smoke.")],
    store: Store,
    out: Out,
    folds: Annotated[str, typer.Option(help="Such as 1-10 or 1,3; default all that have subjects in the store.")] = "",
    preset: Preset = "paper",
    assignments: Assignments = None,
    workers: Workers = 1,
    cluster: Cluster = None,
    threads: Threads = 0,
    export: Annotated[bool, typer.Option(help="Make a model folder of each fold's network.")] = True,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Both phases on every fold, every held-out epoch scored, one pooled table beside the published rows."""
    from mc2sleepnet.recipes.experiment import Run
    from mc2sleepnet.recipes.protocols import CROSSVALS
    from mc2sleepnet.training.grid import Where

    if recipe not in CROSSVALS:
        fail(f"{recipe}: no such recipe. Choose from {', '.join(CROSSVALS)}.")
    where = Where(workers=workers, cluster=cluster, threads=threads)
    run = Run(folds, preset, assignments or (), resume, where, progress_bar, export, tell)
    end = CROSSVALS[recipe](store, out, run)
    print(end.to_json_text() if as_json else end.to_text())
    end_with(list(end.failures.values()), end.n_folds, "folds")


@verb
def ablate(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="sleep-edf-78, sleep-edf-20, shhs or smoke.")],
    store: Store,
    out: Out,
    folds: Annotated[str, typer.Option(help="Such as 1 or 1-10; default all that have subjects in the store.")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Networks of each setting and fold.")] = 1,
    nights: Annotated[int, typer.Option(min=0, help="Training nights of each fold to use; 0 for all.")] = 0,
    labelled_nights: Annotated[str, typer.Option(help="Such as 1,2,4: the label-efficiency study instead.")] = "",
    only: Annotated[list[str] | None, typer.Option(metavar="SETTING", help="One setting; repeatable.")] = None,
    preset: Preset = "paper",
    assignments: Assignments = None,
    workers: Workers = 1,
    cluster: Cluster = None,
    threads: Threads = 0,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """The full method, each part taken away, and rivals, under one protocol; each tested against the full one."""
    from mc2sleepnet.recipes.ablation import Grid
    from mc2sleepnet.recipes.experiment import Run, parse_counts
    from mc2sleepnet.recipes.protocols import PROTOCOLS, ablation
    from mc2sleepnet.training.grid import Where

    if recipe not in PROTOCOLS:
        fail(f"{recipe}: no such recipe. Choose from {', '.join(PROTOCOLS)}.")
    where = Where(workers=workers, cluster=cluster, threads=threads)
    grid = Grid(
        seeds=seeds, nights=nights, labelled_nights=parse_counts("--labelled-nights", labelled_nights), only=only or ()
    )
    run = Run(folds, preset, assignments or (), resume, where, progress_bar, tell=tell)
    end = ablation(recipe, store, out, run, grid)
    print(end.to_json_text() if as_json else end.to_text())
    end_with(end.failures, end.n_cells, "cells")


@verb
def runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with runs, at any depth.")],
    as_json: Json = False,
) -> None:
    """Runs below a folder: status, best figure, time, and in which options they differ."""
    from mc2sleepnet.evaluation.tables import aligned_text
    from mc2sleepnet.training.runs import RUNS_HEAD, find_runs

    found = find_runs(folder)
    if as_json:
        print(json.dumps([run.to_json() for run in found], indent=1, ensure_ascii=False))
    elif found:
        print(aligned_text(RUNS_HEAD, [run.to_row() for run in found], n_text_columns=len(RUNS_HEAD)))
    else:
        print(f"no runs in {folder}")
