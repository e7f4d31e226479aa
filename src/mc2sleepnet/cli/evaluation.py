"""The verb that compares hypnograms."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import end_with, verb
from mc2sleepnet.core.errors import InputError


@verb
def evaluate(
    reference: Annotated[Path, typer.Argument(help="Hypnogram that is taken as right.")],
    predicted: Annotated[list[Path], typer.Argument(help="Hypnograms to compare with it.")],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Agreement of hypnogram files: accuracy, macro-F1, κ, F1 of each stage, confusion matrix."""
    from mc2sleepnet.evaluation.compare import compare

    comparisons, failures = [], []
    for path in predicted:
        try:
            comparisons.append(compare(reference, path))
        except InputError as error:
            failures.append(error)
    if as_json:
        print(json.dumps([comparison.to_json() for comparison in comparisons], indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(comparison.to_text() for comparison in comparisons), end="\n" if comparisons else "")
    end_with(failures, len(predicted), "hypnograms")
