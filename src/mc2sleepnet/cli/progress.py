"""Progress bars on stderr: what is done, how fast, how long to go."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from mc2sleepnet.core.progress import Advance

LOG_WIDTH = 120


@contextmanager
def progress_bar(what: str) -> Iterator[Advance]:
    """Show a bar while the block runs; in a log file, the line it ends with."""
    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(bar_width=10),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[rate]:>6}", table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True, table_column=Column(no_wrap=True)),
        # Where there is no room for all of it, the detail is cut and not the time left.
        TextColumn("{task.fields[detail]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
    )
    console = Console(stderr=True, width=None if sys.stderr.isatty() else LOG_WIDTH)
    # On a terminal results are shown above the bar; a pipe's results must not be turned to stderr with it.
    with Progress(*columns, console=console, expand=True, redirect_stdout=sys.stdout.isatty()) as progress:
        task = progress.add_task(what, total=None, detail="", rate="")

        def advance(done: int, total: int, detail: str) -> None:
            speed = progress.tasks[0].speed
            rate = "" if not speed else f"{speed:.1f}/s" if speed < 100 else f"{speed:.0f}/s"
            progress.update(task, completed=done, total=total, detail=detail, rate=rate)

        yield advance
