"""The verb that shows the whole way on synthetic nights."""

from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import verb
from mc2sleepnet.cli.progress import progress_bar


@verb
def demo(
    out: Annotated[Path, typer.Option(help="Folder to write everything to.")] = Path("mc2sleepnet-demo"),
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")] = 42,
) -> None:
    """The whole way on synthetic data: nights, store, both phases, evaluation, a scored night, a report."""
    from mc2sleepnet.recipes import demo as run

    print(run(out, seed=seed, step=progress_bar).to_text())
