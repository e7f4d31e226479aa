"""Hypnograms without a recording, told apart from the tables, notes and outputs that lie in a folder as well."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.formats import PROVENANCE_FILE, read_hypnogram
from mc2sleepnet.formats.clock import parse_clock
from mc2sleepnet.formats.decoding import read_text
from mc2sleepnet.formats.edfplus import is_edf
from mc2sleepnet.formats.stage_table import is_stage_table
from mc2sleepnet.formats.table import parse_table, plain, stage_columns

# Such a file, an EDF file without signals among them, belongs to a recording and need not be read.
_NAME: Final = re.compile(r"\.edf$|hypno(?:grams?)?\.\w+$|[-_](?:nsrr|profusion)\.xml$", re.IGNORECASE)


def lone_hypnograms(paths: Sequence[Path], *, codes: str | None, advance: Advance) -> list[Path]:
    """Those of some files without a recording that are hypnograms, by a name that says so or by what they hold.

    `advance` is told files looked at, files in all, and the last one's name: there may be thousands.
    """
    found = []
    for number, path in enumerate(paths, start=1):
        # Beside it lie the hypnograms that `score` wrote: nobody's scoring to learn from.
        is_of_score = path.with_name(PROVENANCE_FILE).exists()
        if not is_of_score and (
            _NAME.search(path.name) or (reads_as_hypnogram(path, codes=codes) and not _is_list(path))
        ):
            found.append(path)
        advance(number, len(paths), path.name)
    return found


def reads_as_hypnogram(path: Path, *, codes: str | None = None) -> bool:
    """Whether a file can be read as a hypnogram, and has a stage."""
    try:
        return bool(read_hypnogram(path, codes=codes).is_scored.any())
    except InputError:
        return False


def _is_list(path: Path) -> bool:
    """Whether a file that reads as a hypnogram is another table: of subjects s1 to s4, say, or of women and men.

    Where no column is named for stages, one that holds such words is read so. Beside the begin and end of every row by
    the clock they are stages all the same, in a language whose headings nobody knows.
    """
    if is_edf(path):
        return False
    text = read_text(path)
    if not is_stage_table(path, text):
        return False
    table = parse_table(path, text)
    is_named = bool({*map(plain, stage_columns(table))} - {"name"})
    return not is_named and sum(_holds_times(table.column(i)) for i in range(len(table.columns))) < 2


def _holds_times(cells: Sequence[str]) -> bool:
    """Whether all that a column says, a unit in brackets aside, are clock times."""
    said = [cell for cell in cells if cell and not cell.startswith("[")]
    return bool(said) and all(":" in cell and parse_clock(cell) for cell in said)
