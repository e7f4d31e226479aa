"""Verbs that run whole experiments and look at them: crossval, ablate, runs."""

from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import end_with, fail, verb
from mc2sleepnet.cli.progress import progress_bar
from mc2sleepnet.cli.training import Assignments, Preset, Resume, Store

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
    run = Run(folds, preset, assignments or (), resume, where, progress_bar, export)
    end = CROSSVALS[recipe](store, out, run)
    print(end.to_json_text() if as_json else end.to_text())
    end_with(list(end.failures.values()), end.n_folds, "folds")
