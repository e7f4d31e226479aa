"""Plain text: one stage a line, by name or number, also with the epoch, second or clock time before it.

Names are W N1 N2 N3 R, R&K's, or vendors'; Luna's ``.eannot`` is the same. Numbers are YASA's, NSRR's or UCDDB's.
"""

import re
from pathlib import Path
from typing import Final

import numpy as np

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.stages import EPOCH_S, UNSCORED, stage_name
from mc2sleepnet.formats.clock import moments_of, parse_clocks, parse_seconds
from mc2sleepnet.formats.grid import LONGEST_S, StageEvent, durations_of_onsets, hypnogram_from_events
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.stage_words import stage_of_word
from mc2sleepnet.formats.table import as_code, read_stages, refuse_holes

_HEADER: Final = re.compile(r"[\"']?(?:sleep)?[ _]?(?:stages?|hypno\w*|scor\w+|label|value|x)[\"']?", re.IGNORECASE)
# YASA's numbers.
_INTEGER_OF_UNSCORED: Final = -2
_MOST: Final = LONGEST_S // EPOCH_S


def is_text(text: str) -> bool:
    """Whether the first line (or the second, below a header) is a stage, a row of them, or a place and a stage."""
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")][:2]
    rows = [cells for line in lines if (cells := _cells(line))]
    return any(
        _is_stage(row[-1]) for row in rows if len(row) in {1, 2} or (len(lines) == 1 and all(map(_is_stage, row)))
    )


def _cells(line: str) -> list[str]:
    """The cells of a line; a name of several words is one cell unless tabs, commas or semicolons part them."""
    cells = [cell.strip().strip("\"'") for cell in re.split(r"[\t,;]", line.strip())]
    if len(cells) == 1 and stage_of_word(cells[0]) is None:
        cells = [cell.strip("\"'") for cell in cells[0].split()]
    return [cell for cell in cells if cell]


def _is_stage(cell: str) -> bool:
    return as_code(cell) is not None or stage_of_word(cell) is not None


def read_text_codes(path: Path, text: str, *, codes: str | None) -> ScoredHypnogram:
    """Read stages line by line.

    Raises
    ------
    InputError
        If a line is no stage, or its epoch or time cannot be understood; the line is named.
    """
    lines = [(i, line) for i, line in enumerate(text.split("\n"), 1) if line.strip() and not line.startswith("#")]
    if lines and _HEADER.fullmatch(lines[0][1].strip()):
        lines = lines[1:]
    rows = [(i, cells) for i, line in lines if (cells := _cells(line))]
    if not rows:
        raise InputError(path, "it has no epochs", "Give one stage for each epoch")
    if len(rows) == 1:
        rows = [(rows[0][0], [cell]) for cell in rows[0][1]]
    n_cells = len(rows[0][1])
    for i, cells in rows:
        if len(cells) != n_cells or n_cells > 2:
            fault = f"line {i}: {len(cells)} values where one stage is expected"
            raise InputError(path, fault, "Give one stage a line, alone or after its epoch, second or clock time")
    if len(rows) > _MOST:
        raise InputError(path, f"it lists {len(rows)} epochs", "A hypnogram is at most 31 days long")
    numbers = [i for i, _ in rows]
    read = read_stages(path, [cells[-1] for _, cells in rows], codes=codes, is_strict=True, lines=numbers)
    stages = [UNSCORED if stage is None else stage for stage in read.stages]
    notes = read.notes
    if n_cells == 1:
        refuse_holes(path, text, numbers)
        onsets, start = [float(EPOCH_S * i) for i in range(len(stages))], None
    elif all(clocks := parse_clocks([cells[0] for _, cells in rows])):
        known = [clock for clock in clocks if clock is not None]
        moments = moments_of(known)
        start = min(moments)
        onsets = [(moment - start).total_seconds() for moment in moments]
        notes = (*notes, *known[0].notes())
    else:
        onsets, start = _onsets(path, numbers, [cells[0] for _, cells in rows]), None
    events = [
        StageEvent(onset_s=onset_s, duration_s=duration_s, stage=stage, text=cells[-1])
        for onset_s, duration_s, stage, (_, cells) in zip(
            onsets, durations_of_onsets(onsets), stages, rows, strict=True
        )
    ]
    hypnogram = hypnogram_from_events(path, events, start=start, notes=notes)
    return ScoredHypnogram(hypnogram=hypnogram)


def _onsets(path: Path, lines: list[int], cells: list[str]) -> list[float]:
    """Seconds at which rows begin, numbered by epochs from 0 or 1, or by seconds."""
    places = []
    for line, cell in zip(lines, cells, strict=True):
        place = parse_seconds(cell)
        if place is None:
            raise InputError(path, f"line {line}: {cell[:40]!r} is neither epoch nor time", "Correct the line")
        places.append(place)
    steps = np.diff(places)
    if np.any(steps <= 0):
        i = int(np.argmax(steps <= 0)) + 1
        raise InputError(
            path, f"line {lines[i]}: {cells[i]} does not come after {cells[i - 1]}", "Keep the rows in order"
        )
    is_epochs = len(places) == 1 or float(steps.min()) == 1
    if not is_epochs:
        return places
    first = 1 if places[0] >= 1 else 0
    return [(place - first) * EPOCH_S for place in places]


def write_text(scored: ScoredHypnogram, path: Path) -> None:
    """Write one of W, N1, N2, N3, R and UNS a line."""
    lines = [stage_name(stage) for stage in scored.hypnogram.stage.tolist()]
    write_text_atomically(path, "\n".join([*lines, ""]))


def write_integers(scored: ScoredHypnogram, path: Path) -> None:
    """Write one number a line as YASA has them: 0 W to 4 R, -2 unscored."""
    numbers = np.where(scored.hypnogram.is_scored, scored.hypnogram.stage, _INTEGER_OF_UNSCORED)
    write_text_atomically(path, "\n".join([*map(str, numbers.tolist()), ""]))
