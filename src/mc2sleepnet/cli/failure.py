"""How a verb ends badly: one line on stderr and an exit code, never a traceback for a user's mistake."""

import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, ParamSpec

import typer

from mc2sleepnet.core.errors import InputError, SomeInputsError

SOME_FAILED, WRONG_CALL, INTERRUPTED = 1, 2, 130
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
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(SOME_FAILED) from None
        except OSError as error:
            fail(f"{error.filename or 'the system'}: {error.strerror or error}. Check the path and the disk.")
        except ModuleNotFoundError as error:
            extra = EXTRA_OF.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            fail(f"this verb needs {error.name}. Install it with: pip install 'mc2sleepnet[{extra}]'.")

    return guarded
