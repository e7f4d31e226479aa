"""The files `evaluate` writes."""

from pathlib import Path

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import check_place, write_text_atomically
from mc2sleepnet.evaluation.epochs_table import write_epochs
from mc2sleepnet.evaluation.page import evaluation_page
from mc2sleepnet.evaluation.pairing import Paired
from mc2sleepnet.evaluation.result import Evaluation
from mc2sleepnet.evaluation.rows import table_csv


def write_outputs(
    evaluation: Evaluation, paired: Paired, *, html: Path | None, table: Path | None, epochs: Path | None
) -> None:
    """Write what was asked for, each file all or nothing; folders are made.

    Raises
    ------
    InputError
        If a file to write is one of those that were read, or no regular file.
    """
    read = {file.path.resolve() for scorer in paired.scorers for file in scorer.nights.values()}
    for path in (html, table, epochs):
        if path is not None and path.resolve() in read:
            raise InputError(path, "is one of the hypnograms that are compared", "Name another file to write")
        if path is not None:
            check_place(path)
            path.parent.mkdir(parents=True, exist_ok=True)
    if not evaluation.scorers:
        return
    if html is not None:
        write_text_atomically(html, evaluation_page(evaluation, paired))
    if table is not None:
        write_text_atomically(table, table_csv(evaluation))
    if epochs is not None:
        write_epochs(epochs, evaluation, paired)
