"""How a verb ends badly: one line on stderr and an exit code, never a traceback for a user's mistake."""

import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, ParamSpec, TextIO

import typer

from mc2sleepnet.core.errors import InputError, SomeInputsError

SOME_FAILED, WRONG_CALL, INTERRUPTED = 1, 2, 130
READER_LEFT = 141  # what a shell says of a program that SIGPIPE ended
EXTRA_OF = {
    **dict.fromkeys(("torch", "safetensors", "onnx", "onnxscript", "sklearn"), "train"),
    **dict.fromkeys(("dask", "distributed"), "cluster"),
}

Arguments = ParamSpec("Arguments")


def tell(error: InputError | str) -> None:
    """One line on stderr."""
    print(f"mc2sleepnet: {' '.join(str(error).split())}", file=sys.stderr)


def fail(error: InputError | str, code: int = WRONG_CALL) -> NoReturn:
    """One line on stderr, and the end."""
    tell(error)
    raise typer.Exit(code)


def end_with(failures: Sequence[InputError], n_inputs: int, what: str) -> None:
    """Name every failure; exit 2 where the only input failed, 1 where any of several did."""
    if failures and n_inputs == 1:
        fail(failures[0])
    for failure in failures:
        tell(failure)
    if failures:
        others = ", the others are done" if len(failures) < n_inputs else ""
        fail(f"{len(failures)} of {n_inputs} {what} failed{others}", SOME_FAILED)


def call_and_hand_over(app: Callable[[], None]) -> None:
    """Call the command line and flush what it printed.

    Where the reader of the output has left, as `| head` does, it ends quietly with 141; where the output has no room,
    with a line.
    """
    streams = sys.stdout, sys.stderr
    try:
        try:
            app()
        except SystemExit as end:
            # Typer and Rich say 1 where a reader has left.
            if isinstance(end.__context__, BrokenPipeError):
                raise end.__context__ from None
            raise
        finally:
            for stream in streams:
                stream.flush()
    except BrokenPipeError:
        _forget(streams)
        sys.exit(READER_LEFT)
    except OSError as error:
        _forget(streams[:1])
        tell(f"the output cannot be written: {error.strerror or error}. Check where it goes.")
        sys.exit(WRONG_CALL)


def _forget(streams: Sequence[TextIO]) -> None:
    """What the streams still hold is written to nowhere: Python flushes again when it ends, and would complain."""
    for stream in streams:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def verb(function: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Turn what can go wrong in a verb into a line on stderr and an exit code."""

    @functools.wraps(function)
    def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except SomeInputsError as error:
            fail(error, SOME_FAILED)
        except InputError as error:
            fail(error)
        except KeyboardInterrupt:
            fail(
                "interrupted; what was finished is kept. Run it again to go on (with --resume where the verb has it).",
                INTERRUPTED,
            )
        except BrokenPipeError:
            # The reader of our stdout has left, as `| head` does; there is nobody to tell.
            raise typer.Exit(READER_LEFT) from None
        except OSError as error:
            fail(f"{error.filename or 'the system'}: {error.strerror or error}. Check the path and the disk.")
        except ModuleNotFoundError as error:
            extra = EXTRA_OF.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            fail(f"this verb needs {error.name}. Install it with: pip install 'mc2sleepnet[{extra}]'.")

    return guarded
