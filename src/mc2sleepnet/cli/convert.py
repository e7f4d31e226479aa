"""The verb that rewrites a hypnogram in another dialect."""

from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import tell, verb


@verb
def convert(
    hypnogram: Annotated[Path, typer.Argument(metavar="HYPNOGRAM", help="Hypnogram in any known format.")],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="csv edf bids luna nsrr profusion json text.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    codes: Annotated[
        str | None,
        typer.Option(help="Numbering of a file of bare numbers: aasm, nsrr or ucddb; default by the numbers."),
    ] = None,
    column: Annotated[str | None, typer.Option(help="Column of stages, where a table has several.")] = None,
) -> None:
    """Rewrite a hypnogram in another format. What that cannot carry is named on stderr."""
    from mc2sleepnet.formats import read_scored_hypnogram, write_hypnogram

    scored = read_scored_hypnogram(hypnogram, codes=codes, column=column)
    lost = write_hypnogram(scored, out, to)
    for note in scored.hypnogram.notes:
        tell(f"{hypnogram}: {note}")
    for what in lost:
        tell(f"{out}: {to} does not carry {what}")
    print(f"{out}: {len(scored.hypnogram)} epochs, {scored.hypnogram.is_scored.sum()} scored")
