"""The command line, `mc2sleepnet VERB`: parse, call, print. Heavy imports live inside the verbs."""

import os
import signal
import sys
from typing import Any, Never

import typer
from typer.core import TyperGroup

from mc2sleepnet.cli import convert, data, demo, doctor, evaluation, experiments, scoring, training
from mc2sleepnet.cli.failure import call_and_hand_over


class _Verbs(TyperGroup):
    """The verbs, none of which takes an empty word: as a path it would be the working folder."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "" in args:
            ctx.fail("An argument is empty. Was a variable not set? Leave out the option, or name what is meant.")
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="mc2sleepnet",
    cls=_Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo.demo)
app.command()(data.synth)
app.command()(data.download)
app.command()(data.prepare)
app.command()(data.folds)
app.command()(training.pretrain)
app.command()(training.finetune)
app.command()(training.export)
app.command()(doctor.doctor)
app.command()(experiments.crossval)
app.command()(experiments.ablate)
app.command()(experiments.runs)
app.command()(scoring.score)
app.command()(evaluation.evaluate)
app.command()(convert.convert)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from mc2sleepnet import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    _version: bool = typer.Option(
        False, "--version", help="Print the version and stop.", is_eager=True, callback=_print_version
    ),
) -> None:
    """From one EEG channel of a night to a hypnogram you can trust and check.

    For research use; not a medical device.
    """


def main() -> None:
    """Entry point of the installed command."""
    # What the caller has closed is written to nowhere.
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: PTH123, SIM115
    # A pipe's reader and a C locale must not decide whether a µ or a κ can be printed.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    signal.signal(signal.SIGTERM, _interrupt)  # as batch systems end a job: tidy up like after Ctrl-C
    call_and_hand_over(app)


def _interrupt(_signum: int, _frame: object) -> Never:
    raise KeyboardInterrupt
