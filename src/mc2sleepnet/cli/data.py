"""Verbs that make and prepare data: synth, prepare, folds."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import verb
from mc2sleepnet.cli.progress import progress_bar


@verb
def synth(
    out: Annotated[Path, typer.Argument(help="Folder to write the cohort to.")],
    subjects: Annotated[int, typer.Option(help="Number of subjects, 1 to 100.")] = 10,
    nights: Annotated[int, typer.Option(help="Nights of each subject, 1 or 2.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same nights.")] = 42,
    hours: Annotated[float | None, typer.Option(help="Length of each recording; default a whole night.")] = None,
) -> None:
    """Write a synthetic cohort as EDF and EDF+ files with Sleep-EDF's names. The headers say synthetic."""
    from mc2sleepnet.synth.cohort import write_cohort

    with progress_bar("synthetic nights") as advance:
        paths = write_cohort(out, subjects=subjects, nights=nights, seed=seed, hours=hours, progress=advance)
    print(f"{len(paths)} nights of {subjects} subjects, synthetic data, in {out}")


@verb
def prepare(
    corpus: Annotated[str, typer.Argument(help="sleep-edf-78 or sleep-edf-20.")],
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder with the corpus's files.")],
    store: Annotated[Path, typer.Option(help="Folder of the store to write.")],
    workers: Annotated[int, typer.Option(min=1, help="Recordings prepared side by side.")] = 1,
    trim_limits: Annotated[
        str, typer.Option(help="What sets the limits of the night: scored_sleep or any_non_wake.")
    ] = "scored_sleep",
) -> None:
    """Turn a corpus's recordings and hypnograms into a store. Run again, it goes on where it stopped."""
    from mc2sleepnet.corpora.prepare import prepare as run

    with progress_bar("preparing") as advance:
        summary = run(corpus, source, store, workers=workers, progress=advance, trim_limits=trim_limits)
    print(summary.to_text())
    print(f"store: {store}")


@verb
def folds(
    corpus: Annotated[str, typer.Argument(help="sleep-edf-78 or sleep-edf-20.")],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Print a corpus's folds, subject by subject, each with the hash of its manifest."""
    from mc2sleepnet.corpora.folds import fold_table

    table = fold_table(corpus)
    if as_json:
        print(json.dumps([{"name": fold.name, "hash": fold.manifest_hash, **fold.sides} for fold in table], indent=1))
        return
    for fold in table:
        print(f"{fold.name}  {fold.manifest_hash[:12]}")
        print(f"  test        {' '.join(fold.test)}\n  validation  {' '.join(fold.validation)}")
    print("train: every other subject")
