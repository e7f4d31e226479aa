"""What the command line calls its options, in the words of who calls from Python."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mc2sleepnet.core.errors import InputError

_OPTION: Final = re.compile(
    r"--accept (?P<finding>[\w-]+)"
    r"|--(?P<name>accept|by|channel|codes|column|integers|lights-off|lights-on|model|risk|seed|subjects)\b(?: (?=\d))?"
)
# Samples are one channel's, without a name to choose another by.
_OF_SAMPLES: Final = {
    "Choose another with --channel": "Give another channel's samples",
    "Check the file, or name another --channel": "Check the samples, or give another channel's",
}


@contextmanager
def in_words_of_python(*, samples: bool = False) -> Iterator[None]:
    """Within the block an `InputError` that names ``--an-option`` names the argument ``an_option=`` instead.

    Parameters
    ----------
    samples
        Whether what is at fault are samples, whose remedies are others than a file's.
    """
    try:
        yield
    except InputError as error:
        if samples:
            for of_file, of_samples in _OF_SAMPLES.items():
                error.remedy = error.remedy.replace(of_file, of_samples)
        for part in ("where", "fault", "remedy"):
            setattr(error, part, _OPTION.sub(_argument, getattr(error, part)))
        error.where = error.where.removesuffix("=")  # where it is the argument itself that is at fault
        error.args = (f"{error.where}: {error.fault}. {error.remedy}.",)
        raise


def _argument(option: re.Match[str]) -> str:
    return f'accept="{option["finding"]}"' if option["finding"] else f"{option['name'].replace('-', '_')}="
