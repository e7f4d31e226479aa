"""The verb that rewrites a hypnogram in another dialect."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import tell, verb

Codes = Annotated[
    str | None, typer.Option(help="Numbering of bare numbers: aasm, nsrr or ucddb; default by the numbers, and said.")
]


@verb
def convert(
    hypnogram: Annotated[Path, typer.Argument(metavar="HYPNOGRAM", help="Hypnogram in any known format.")],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="csv edf bids luna nsrr profusion json text.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    codes: Codes = None,
    column: Annotated[str | None, typer.Option(help="Column of stages, where a table has several.")] = None,
    integers: Annotated[bool, typer.Option("--integers", help="Text as YASA's numbers: 0 W to 4 R, -2 none.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Rewrite a hypnogram in another format. What had to be assumed, and what is lost, is named on stderr."""
    from mc2sleepnet.formats.conversion import convert_hypnogram

    done = convert_hypnogram(hypnogram, out, to, codes=codes, column=column, integers=integers)
    for line in done.told():
        tell(line)
    print(json.dumps(done.to_json()) if as_json else done.to_text())
