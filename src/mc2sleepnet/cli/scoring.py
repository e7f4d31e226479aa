"""The verb that scores nights."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import end_with, tell, verb
from mc2sleepnet.cli.progress import progress_bar


@verb
def score(
    inputs: Annotated[list[Path], typer.Argument(metavar="FILE|FOLDER...", help="EDF recordings, or folders of them.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; each recording gets a folder in it.")],
    model: Annotated[Path, typer.Option(help="Model folder: a run of `finetune`, or what `export` wrote.")],
    channel: Annotated[str | None, typer.Option(help="EEG channel; default the best one there is.")] = None,
    risk: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Expected share of wrong stages among epochs not marked for review.")
    ] = 0.05,
    resume: Annotated[bool, typer.Option("--resume", help="Leave out recordings that are finished in --out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line per recording.")] = False,
) -> None:
    """Score recordings: a hypnogram with confidence, statistics and a report for each."""
    from mc2sleepnet.core.model_folder import open_model_folder
    from mc2sleepnet.scoring.cohort import find_recordings, score_files
    from mc2sleepnet.scoring.engine import OpenVinoStager
    from mc2sleepnet.scoring.summary import outcome_json, outcome_text

    found = find_recordings(inputs)
    if found.n_hypnograms:
        tell(f"{found.n_hypnograms} hypnogram files in these folders are left out")
    paths, failures = found.recordings, list(found.failures)
    folder = open_model_folder(model)
    stager = OpenVinoStager(folder)
    with progress_bar("scoring") as advance:
        outcomes = score_files(paths, out, folder, stager, channel=channel, risk=risk, resume=resume)
        for done, outcome in enumerate(outcomes, start=1):
            if as_json:
                print(json.dumps(outcome_json(outcome)), flush=True)
            elif outcome.error is None:
                print(outcome_text(outcome), flush=True)
            if outcome.error is not None:
                failures.append(outcome.error)
            advance(done, len(paths), outcome.path.name)
    end_with(failures, len(paths) + len(found.failures), "inputs")
