"""One way in for hypnograms of every dialect."""

import json
from dataclasses import replace
from pathlib import Path

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import at_home
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.formats.bids import is_bids, read_bids
from mc2sleepnet.formats.csv import is_hypnogram_csv, read_csv
from mc2sleepnet.formats.decoding import read_text
from mc2sleepnet.formats.domino import is_domino, read_domino
from mc2sleepnet.formats.edfplus import is_edf, read_edfplus
from mc2sleepnet.formats.json_file import read_json
from mc2sleepnet.formats.luna import is_luna, read_luna
from mc2sleepnet.formats.mne_annotations import is_mne, read_mne
from mc2sleepnet.formats.nsrr import is_nsrr, read_nsrr
from mc2sleepnet.formats.profusion import is_profusion, read_profusion
from mc2sleepnet.formats.registry import FILE_NAMES, PROVENANCE_FILE
from mc2sleepnet.formats.remlogic import is_remlogic, read_remlogic
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.sleepware import is_sleepware, read_sleepware
from mc2sleepnet.formats.stage_table import is_stage_table, read_stage_table
from mc2sleepnet.formats.stage_words import CODES
from mc2sleepnet.formats.table import parse_table, stage_columns
from mc2sleepnet.formats.text import is_text, read_text_codes
from mc2sleepnet.formats.xml_file import parse_xml

_REMEDY = (
    "Give EDF+ annotations, hypnogram.csv, BIDS events, Luna .annot, NSRR or Profusion XML, JSON, "
    "a table with a column of stages, or one stage a line"
)


def read_hypnogram(path: str | Path, *, codes: str | None = None, column: str | None = None) -> Hypnogram:
    """Read a hypnogram of any known dialect, told by what the file holds, whatever its name.

    Parameters
    ----------
    path
        The file.
    codes
        Numbering of bare numbers: ``aasm``, ``nsrr`` or ``ucddb``; None lets the numbers tell, with a note.
    column
        Column of stages in a table that has several; None takes the first, with a note.

    Returns
    -------
    Hypnogram
        Shape ``[N]``; `scorer` is the file's stem; `notes` says what had to be assumed.

    Raises
    ------
    InputError
        If the file cannot be opened, is of no known dialect, or breaks the rules of its own.
    """
    return read_scored_hypnogram(path, codes=codes, column=column).hypnogram


def read_hypnograms(path: str | Path, *, codes: str | None = None) -> tuple[Hypnogram, ...]:
    """Read every scorer's hypnogram in a file: one for each column of stages of a table, else one.

    Returns
    -------
    tuple of Hypnogram
        `scorer` is the column's name where there are several, else the file's stem.

    Raises
    ------
    InputError
        As `read_hypnogram`.
    """
    path = at_home(path)
    columns = hypnogram_columns(path)
    if len(columns) < 2:
        return (read_hypnogram(path, codes=codes),)
    return tuple(replace(read_hypnogram(path, codes=codes, column=column), scorer=column) for column in columns)


def hypnogram_columns(path: str | Path) -> tuple[str, ...]:
    """Names of the columns of stages in a table with onsets; empty for other dialects.

    Raises
    ------
    InputError
        If the file cannot be opened, or is no text.
    """
    path = at_home(path)
    with _opening(path):
        if is_edf(path) or is_hypnogram_csv(path):
            return ()
        text = read_text(path)
        return stage_columns(parse_table(path, text)) if is_bids(_first_line(text)) and not is_mne(text) else ()


def read_scored_hypnogram(path: str | Path, *, codes: str | None = None, column: str | None = None) -> ScoredHypnogram:
    """Read a hypnogram with whatever else its file tells of each epoch; otherwise as `read_hypnogram`.

    Of a file that `score` wrote and that has no place for it, the provenance beside it says whether it is synthetic.
    """
    path = at_home(path)
    scored = _read(path, codes, column)
    return replace(scored, is_synthetic=True) if _is_told_synthetic(path) else scored


def _is_told_synthetic(path: Path) -> bool:
    if path.name not in FILE_NAMES.values():
        return False
    try:
        facts = json.loads(path.with_name(PROVENANCE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and facts.get("is_synthetic") is True


def _read(path: Path, codes: str | None, column: str | None) -> ScoredHypnogram:
    if codes is not None and codes not in CODES:
        raise InputError(path, f"no numbering '{codes}'", f"Choose --codes from {', '.join(CODES)}")
    with _opening(path):
        if is_edf(path):
            return read_edfplus(path)
        if is_hypnogram_csv(path):
            return read_csv(path)
        text = read_text(path)
    if text.lstrip().startswith("<"):
        return _read_xml(path, text)
    return _read_text(path, text, codes, column)


def _read_text(path: Path, text: str, codes: str | None, column: str | None) -> ScoredHypnogram:
    scored = None
    if text.lstrip()[:1] in {"{", "["} and not text.lstrip().startswith("[]"):
        scored = read_json(path, text, codes=codes)
    elif is_domino(text):
        scored = read_domino(path, text)
    elif is_mne(text):
        scored = read_mne(path, text)
    elif is_remlogic(text):
        scored = read_remlogic(path, text)
    elif is_luna(text):
        scored = read_luna(path, text, codes=codes)
    elif is_bids(_first_line(text)):
        scored = read_bids(path, parse_table(path, text), codes=codes, column=column)
    elif is_stage_table(path, text):
        scored = read_stage_table(path, text, codes=codes, column=column)
    elif is_text(text):
        scored = read_text_codes(path, text, codes=codes)
    if scored is None:
        raise InputError(path, "is no hypnogram of a known format", _REMEDY)
    return scored


def _read_xml(path: Path, text: str) -> ScoredHypnogram:
    file = parse_xml(path, text)
    if is_sleepware(file):
        return read_sleepware(path, file)
    has_list = bool(file.root.all_named("sleepstage"))
    if is_nsrr(file) and not has_list and file.root.name != "cmpstudyconfig":
        return read_nsrr(path, file)
    if is_profusion(file):
        return read_profusion(path, file)
    raise InputError(path, f"its XML <{file.root.name[:40]}> is no scoring of a known format", _REMEDY)


def _first_line(text: str) -> str:
    return next((line for line in text.split("\n") if line.strip() and not line.startswith("#")), "")


class _opening:  # noqa: N801
    """Within the block, a file that cannot be opened, or be read more than once, is the user's mistake."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        # A dialect is told by the file's beginning: of a pipe, it would be missing when the rest is read.
        if self.path.exists() and not (self.path.is_file() or self.path.is_dir()):
            raise InputError(self.path, "is no regular file, and can be read only once", "Save it as a file first")

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError):
            fault = (error.strerror or "cannot be read").lower()
            raise InputError(self.path, fault, "Name a hypnogram file that can be opened") from error
