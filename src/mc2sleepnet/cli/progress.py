"""Progress bars on stderr: what is done, how fast, how long to go."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Advance = Callable[[int, int, str], None]


@contextmanager
def progress_bar(what: str) -> Iterator[Advance]:
    """Show a bar while the block runs; it yields a function that takes (done, total, detail)."""
    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:>9}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=None, detail="", rate="")

        def advance(done: int, total: int, detail: str) -> None:
            speed = progress.tasks[0].speed
            rate = f"{speed:.1f}/s" if speed else ""
            progress.update(task, completed=done, total=total, detail=detail, rate=rate)

        yield advance
    if not console.is_terminal:
        console.file.flush()


def figures_line(figures: dict[str, float]) -> str:
    """A training step's figures, short enough for the end of a bar."""
    shown = [f"loss {figures['loss']:.2f}"] if "loss" in figures else []
    if "macro_f1" in figures:
        shown.append(f"validation macro-F1 {figures['macro_f1']:.3f}")
    return " · ".join(shown)
