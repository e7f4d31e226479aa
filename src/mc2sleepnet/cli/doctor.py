"""The verb that says what is in a file before anybody scores it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mc2sleepnet.cli.failure import end_with, verb


@verb
def doctor(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="EDF or BDF recordings.", readable=False)],
    channel: Annotated[list[str] | None, typer.Option(help="Channel to look at as `score` would; repeatable.")] = None,
    accept: Annotated[list[str] | None, typer.Option(help="Doubt to pass over, by its name; repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line per file.")] = False,
) -> None:
    """Say what is in recordings: signals, findings and doubts, and which channel `score` would use and why."""
    from mc2sleepnet.report.examination import examination_json, examination_text
    from mc2sleepnet.signals.doctor import examine
    from mc2sleepnet.signals.doubts import DoubtError

    failures = []
    for path in files:
        found = examine(path, channel or (), accept=accept or ())
        print(json.dumps(examination_json(found)) if as_json else examination_text(found), flush=True)
        # A doubt is what doctor is there to tell; a file that nothing can be done with is a failure.
        if found.refusal is not None and not isinstance(found.refusal, DoubtError):
            failures.append(found.refusal)
    end_with(failures, len(files), "files")
