"""The verb that scores nights."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import SOME_FAILED, WRONG_CALL, end_with, tell, verb
from mc2sleepnet.cli.progress import progress_bar
from mc2sleepnet.core.errors import InputError

WHEN = "clock time 23:15, local date and time 2024-03-01T23:15, or seconds from the start"


@verb
def score(
    inputs: Annotated[
        list[Path],
        # One that may not be read is a failure among others, and no ground to refuse the call.
        typer.Argument(metavar="FILE|FOLDER...", help="EDF recordings, or folders of them.", readable=False),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to; each recording gets a folder in it.")],
    model: Annotated[
        Path | None,
        typer.Option(help="Model folder: a run of `finetune`, or what `export` wrote; default the shipped."),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(help="EEG channel; default the best one there is. Several times: probabilities are averaged."),
    ] = None,
    formats: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="More dialects of the hypnogram, as in bids,luna; csv and edf are always written."
        ),
    ] = "",
    risk: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Expected share of wrong stages among epochs not marked for review.")
    ] = 0.05,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="FINDING", help="Score although this finding, named by the error, speaks against it."),
    ] = None,
    lights_off: Annotated[
        str | None,
        typer.Option(metavar="T", help=f"Statistics begin here: {WHEN}; default the file's annotation or start."),
    ] = None,
    lights_on: Annotated[str | None, typer.Option(metavar="T", help="Statistics end here; as --lights-off.")] = None,
    keep_identity: Annotated[
        bool, typer.Option("--keep-identity", help="Carry the header's patient and recording fields into the outputs.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes to score in.")] = 1,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Dask scheduler, tcp://host:8786, whose workers see the same paths."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Leave out recordings that are finished in --out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line per recording.")] = False,
) -> None:
    """Score recordings: a hypnogram with confidence, statistics and a report for each, and a table of all."""
    from mc2sleepnet.scoring.cohort import Call, score_cohort, scoring_options
    from mc2sleepnet.scoring.summary import SUMMARY_FILE, cohort_text, outcome_json, outcome_text, write_table

    lights = {"lights_off": lights_off, "lights_on": lights_on}
    options = scoring_options(channel, formats, risk=risk, accept=accept, keep_identity=keep_identity, **lights)
    call = Call.prepared(inputs, out, model)
    if call.found.n_repeated:
        tell("some recordings are named more than once; each is scored once")
    if call.found.n_hypnograms:
        tell(f"{call.found.n_hypnograms} hypnogram files in these folders are left out")
    outcomes, is_table_written = [], True
    try:
        with progress_bar("scoring") as advance:
            for outcome in score_cohort(call, options, workers=workers, cluster=cluster, resume=resume):
                outcomes.append(outcome)
                if as_json or outcome.finished:
                    print(json.dumps(outcome_json(outcome)) if as_json else outcome_text(outcome), flush=True)
                advance(len(outcomes), len(call.found.recordings), outcome.path.name)
    finally:
        try:
            write_table(out, outcomes)
        except OSError as error:
            # What befell the recordings is told, too.
            fault, is_table_written = f"cannot be written ({(error.strerror or str(error)).lower()})", False
            tell(InputError(out / SUMMARY_FILE, fault, "Free the disk, and run it again with --resume"))
    if len(outcomes) > 1 and is_table_written and not as_json:
        print(cohort_text(outcomes, out / SUMMARY_FILE))
    failures = [*call.found.failures, *(outcome.error for outcome in outcomes if outcome.error)]
    end_with(failures, len(call.found.recordings) + len(call.found.failures), "inputs")
    if not is_table_written:
        raise typer.Exit(SOME_FAILED if len(outcomes) > 1 else WRONG_CALL)
