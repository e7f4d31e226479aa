"""One way in for hypnograms of every dialect."""

from pathlib import Path

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.formats.csv import is_hypnogram_csv, read_hypnogram_csv
from mc2sleepnet.formats.edfplus import is_edf, read_hypnogram_edf


def read_hypnogram(path: Path) -> Hypnogram:
    """Read a hypnogram of any known dialect, told by what the file holds, whatever its name.

    Parameters
    ----------
    path
        An EDF+ file with stage annotations, or a ``hypnogram.csv``.

    Returns
    -------
    Hypnogram
        Shape ``[N]``; `scorer` is the file's stem.

    Raises
    ------
    InputError
        If the file cannot be opened, is of no known dialect, or breaks the rules of its own.
    """
    try:
        if is_edf(path):
            return read_hypnogram_edf(path)
        if is_hypnogram_csv(path):
            return read_hypnogram_csv(path)
    except OSError as error:
        fault = (error.strerror or "cannot be read").lower()
        raise InputError(path, fault, "Name a hypnogram file that can be opened") from error
    raise InputError(path, "is no hypnogram of a known format", "Give EDF+ annotations or a hypnogram.csv")
