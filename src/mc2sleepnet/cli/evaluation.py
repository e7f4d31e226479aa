"""The verb that compares hypnograms."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from mc2sleepnet.cli.failure import end_with, verb
from mc2sleepnet.cli.progress import progress_bar

_FORM = "PATH, a hypnogram or a folder of them, or PATH:COLUMN of tables with several scorers."


@verb
def evaluate(
    reference: Annotated[str, typer.Argument(help=f"What is taken as right: {_FORM}")],
    predicted: Annotated[list[str] | None, typer.Argument(help="Scorers to compare with it, given alike.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report, one self-contained page.")] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", help="Write a row for all, each group, subject, recording.")
    ] = None,
    epochs: Annotated[Path | None, typer.Option(help="Write every epoch's stages, votes and disagreement.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    subjects: Annotated[Path | None, typer.Option(help="A table about subjects or recordings, CSV or TSV.")] = None,
    by: Annotated[list[str] | None, typer.Option(help="Its column to group by; may be repeated.")] = None,
    person: Annotated[str | None, typer.Option(help="Its column that says whose recording it is.")] = None,
    machine: Annotated[list[str] | None, typer.Option(help="A scorer that is no person; may be repeated.")] = None,
    codes: Annotated[str | None, typer.Option(help="Numbering of bare numbers: aasm, nsrr or ucddb.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that read; by default one a core.")] = None,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
) -> None:
    """Agreement of scorers with a reference and among each other, with 95 % intervals over subjects.

    Only epochs that both sides scored are compared; the share of them is told as coverage.
    """
    from mc2sleepnet.evaluation.as_json import evaluation_json
    from mc2sleepnet.evaluation.evaluate import evaluate_paths, refuse_nothing_in_common
    from mc2sleepnet.evaluation.outputs import write_outputs
    from mc2sleepnet.evaluation.text import evaluation_text

    table_of: Any = {"subjects_table": subjects, "by": by or [], "person": person}
    read: Any = {"machines": machine or [], "codes": codes, "workers": workers or os.cpu_count() or 1, "seed": seed}
    with progress_bar("compare") as advance:
        evaluation, files = evaluate_paths(reference, predicted or [], **table_of, **read, progress=advance)
    refuse_nothing_in_common(evaluation, files)
    write_outputs(evaluation, files, html=html, table=table, epochs=epochs)
    as_text = json.dumps(evaluation_json(evaluation), ensure_ascii=False) if as_json else evaluation_text(evaluation)
    print(as_text, end="\n" if as_text else "")
    end_with(evaluation.failures, files.n_inputs, "hypnograms")
