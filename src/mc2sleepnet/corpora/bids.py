"""What a BIDS dataset says of a recording's channels. Source: bids-specification.readthedocs.io, EEG."""

import csv
import io
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals.channels import best_label

_RECORDING_ENDINGS: Final = ("_eeg", "_psg", "_ieeg")


def is_bids_name(stem: str) -> bool:
    """Whether a file is named as BIDS names recordings: entities from ``sub-`` on, and a suffix."""
    return stem.lower().startswith("sub-") and stem.lower().endswith(_RECORDING_ENDINGS)


def bids_channels(recording: Path) -> tuple[str, ...]:
    """The channel to take of a recording by the ``_channels.tsv`` beside it; none where there is no such file.

    Only rows of type EEG that are not marked as bad count.

    Raises
    ------
    InputError
        If the table cannot be read, or leaves no channel.
    """
    path = recording.with_name(f"{recording.stem.rpartition('_')[0]}_channels.tsv")
    if not path.is_file():
        return ()
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), delimiter="\t"))
        usable = [
            (row["name"], row.get("units") or "")
            for row in rows
            if row["type"].strip().upper() == "EEG" and (row.get("status") or "").strip().lower() != "bad"
        ]
    except (OSError, UnicodeDecodeError, KeyError, AttributeError) as error:
        lacking = f": it has no column {error}" if isinstance(error, KeyError) else ""
        fault = f"cannot be read as a table of channels{lacking}"
        raise InputError(path, fault, "BIDS asks for the columns name, type and units") from error
    if not usable:
        raise InputError(path, "has no channel of type EEG that is not bad", "Name one with --channel")
    if len(usable) == 1:
        return (usable[0][0],)
    return (best_label(path, [name for name, _ in usable], [units for _, units in usable]),)
