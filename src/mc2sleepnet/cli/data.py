"""Verbs that make and prepare data: synth, download, prepare, folds."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import end_with, verb
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
def download(
    corpus: Annotated[str, typer.Argument(help="sleep-edf.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    base_url: Annotated[str | None, typer.Option(help="Folder with SHA256SUMS.txt; default PhysioNet's.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Pattern such as 'sleep-cassette/*'; repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Fetch a corpus and verify every file. Run again, it goes on where it stopped."""
    from mc2sleepnet.corpora.download import PHYSIONET
    from mc2sleepnet.corpora.download import download as run

    with progress_bar("downloading") as advance:
        result = run(corpus, out, base_url=base_url or PHYSIONET, only=only or [], progress=advance)
    print(json.dumps(result.to_json(), indent=1) if as_json else result.to_text())


@verb
def prepare(
    corpus: Annotated[str, typer.Argument(help="sleep-edf-78, sleep-edf-20, shhs, or folder for your own.")],
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder with the corpus's files.")],
    store: Annotated[Path, typer.Option(help="Folder of the store to write.")],
    workers: Annotated[int, typer.Option(min=1, help="Recordings prepared side by side.")] = 1,
    channel: Annotated[list[str] | None, typer.Option(help="EEG channel; repeatable, best first.")] = None,
    trim_limits: Annotated[
        str | None, typer.Option(help="scored_sleep, any_non_wake, balanced_wake or none; default the protocol's.")
    ] = None,
    rules: Annotated[str | None, typer.Option(help="For shhs: sleepyco (default) or sleeptransformer.")] = None,
    split: Annotated[Path | None, typer.Option(help="Who trains, validates and tests: JSON or a table.")] = None,
    seed: Annotated[int, typer.Option(help="Of the split, where none is published or given.")] = 42,
    recordings: Annotated[str | None, typer.Option(help="For folder: pattern such as '{subject}_{night}.edf'.")] = None,
    hypnograms: Annotated[str | None, typer.Option(help="For folder: the same for hypnograms.")] = None,
    subjects: Annotated[Path | None, typer.Option(help="For folder: table with recording, subject, night.")] = None,
    codes: Annotated[str | None, typer.Option(help="For folder: what bare numbers mean: aasm, nsrr or ucddb.")] = None,
    column: Annotated[str | None, typer.Option(help="For folder: column of stages where there are several.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Turn a corpus's recordings and hypnograms into a store. Run again, it goes on where it stopped."""
    from mc2sleepnet.corpora.folder import FolderLayout
    from mc2sleepnet.corpora.prepare import PrepareOptions
    from mc2sleepnet.corpora.prepare import prepare as run
    from mc2sleepnet.corpora.summary import SomeNotPreparedError

    layout = FolderLayout(recordings=recordings, hypnograms=hypnograms, subjects=subjects)
    options = PrepareOptions(
        trim_limits=trim_limits,
        rules=rules,
        channels=tuple(channel or ()),
        codes=codes,
        column=column,
        split=split,
        seed=seed,
        layout=layout,
    )
    try:
        with progress_bar("preparing") as advance:
            summary = run(corpus, source, store, options=options, workers=workers, progress=advance)
        n_recordings = len(summary.recordings)
    except SomeNotPreparedError as error:
        summary, n_recordings = error.summary, error.n_recordings
    print(json.dumps(summary.to_json(), indent=1) if as_json else f"{summary.to_text()}\nstore: {store}")
    end_with(summary.failures, n_recordings, "recordings")


@verb
def folds(
    corpus: Annotated[str, typer.Argument(help="sleep-edf-78, sleep-edf-20; with --store shhs or folder.")],
    store: Annotated[Path | None, typer.Option(help="Store of a corpus whose folds are not published.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Print a corpus's folds, subject by subject, each with the hash of its manifest."""
    from mc2sleepnet.corpora.fold_text import describe_folds

    content, text = describe_folds(corpus, store)
    print(json.dumps(content, indent=1) if as_json else text)
