"""The product's own hypnogram table, ``hypnogram.csv``: one row for every 30 s of recording."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import EPOCH_S, N_STAGES, STAGES, UNSCORED_NAME, stage_code, stage_name
from mc2sleepnet.formats.details import detail_cells, details_of_rows
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.table import Table

COLUMNS: Final = (
    "epoch",
    "onset_s",
    "clock_time",
    "stage",
    "confidence",
    *(f"p_{stage}" for stage in STAGES),
    "review",
    "source",
)
_REMEDY: Final = "Give a hypnogram.csv as mc2sleepnet writes it"


def is_hypnogram_csv(path: Path) -> bool:
    """Whether a file begins with the first columns of `COLUMNS`."""
    beginning = ",".join(COLUMNS[:2]).encode()
    with path.open("rb") as file:
        return file.read(3 + len(beginning)).removeprefix(b"\xef\xbb\xbf").startswith(beginning)


def read_csv(path: Path) -> ScoredHypnogram:
    """Read a ``hypnogram.csv``.

    Parameters
    ----------
    path
        A table with the columns `COLUMNS`; a byte-order mark and CRLF, as spreadsheets leave, do no harm.

    Returns
    -------
    ScoredHypnogram
        N epochs; `start` is the first row's clock time.

    Raises
    ------
    InputError
        If columns, epochs, times, stages or figures are not as this program writes them; the line is named.
    """
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"is no CSV in UTF-8 ({error})", _REMEDY) from error
    while rows and not rows[-1]:  # blank lines at the end, as editors leave them
        rows.pop()
    if not rows or tuple(rows[0]) != COLUMNS:
        raise InputError(path, f"its columns are not {','.join(COLUMNS)}", _REMEDY)
    if len(rows) == 1:
        raise InputError(path, "it has no epochs", _REMEDY)
    start = _clock_time(path, 2, rows[1][2]) if len(rows[1]) == len(COLUMNS) else None
    if start is not None:
        _check_end(path, start, n_epochs=len(rows) - 1)
    stage = [_stage_of_row(path, epoch, row, start) for epoch, row in enumerate(rows[1:])]
    hypnogram = Hypnogram(stage=np.array(stage, dtype=np.int8), start=start, scorer=path.stem)
    lines = tuple(range(2, len(rows) + 1))
    table = Table(path=path, columns=COLUMNS, rows=tuple(tuple(row) for row in rows[1:]), lines=lines)
    return ScoredHypnogram(hypnogram=hypnogram, **details_of_rows(path, table, hypnogram))


def _clock_time(path: Path, line: int, text: str) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is not None:
        raise InputError(path, f"line {line}: clock_time {text!r} is no local ISO 8601 time", _REMEDY)
    return time


def _check_end(path: Path, start: datetime, *, n_epochs: int) -> None:
    try:
        start + timedelta(seconds=EPOCH_S * n_epochs)
    except OverflowError:
        fault = f"line 2: clock_time '{start.isoformat()}' puts the end of the night beyond the year 9999"
        raise InputError(path, fault, "Correct the clock times, or leave them empty") from None


def _stage_of_row(path: Path, epoch: int, row: Sequence[str], start: datetime | None) -> int:
    """Stage code of one row, which must stand where its epoch belongs."""
    line = epoch + 2
    if len(row) != len(COLUMNS):
        raise InputError(path, f"line {line}: {len(row)} columns instead of {len(COLUMNS)}", _REMEDY)
    if row[0] != str(epoch) or row[1] != str(epoch * EPOCH_S):
        fault = f"line {line}: epoch {row[0]!r} at {row[1]!r} s instead of {epoch} at {epoch * EPOCH_S} s"
        raise InputError(path, fault, "Keep every row, in order")
    expected = None if start is None else start + timedelta(seconds=epoch * EPOCH_S)
    if _clock_time(path, line, row[2]) != expected:
        fault = f"line {line}: clock_time {row[2]!r} does not follow the first row's by {epoch * EPOCH_S} s"
        raise InputError(path, fault, "Keep every row, in order")
    try:
        return stage_code(row[3])
    except ValueError:
        remedy = f"Stages are {', '.join((*STAGES, UNSCORED_NAME))}"
        raise InputError(path, f"line {line}: unknown stage {row[3]!r}", remedy) from None


def write_hypnogram_csv(
    path: Path,
    hypnogram: Hypnogram,
    *,
    hypnodensity: NDArray[np.floating],
    confidence: NDArray[np.floating],
    review: NDArray[np.bool_],
    source: Sequence[str],
) -> None:
    """Write ``hypnogram.csv``, all or nothing: columns `COLUMNS`, LF, probabilities to five decimals.

    Parameters
    ----------
    path
        The file to write.
    hypnogram
        N epochs.
    hypnodensity
        Shape ``[N, 5]``: stage probabilities; ignored (NaN will do) where the stage is unscored.
    confidence
        Shape ``[N]``; ignored (NaN will do) where the stage is unscored.
    review
        Shape ``[N]``: True where a person should look again.
    source
        N words saying where each stage comes from, such as ``model`` or ``gap``.
    """
    n_epochs = len(hypnogram)
    assert hypnodensity.shape == (n_epochs, N_STAGES)
    assert confidence.shape == review.shape == (n_epochs,)
    assert len(source) == n_epochs
    is_scored = hypnogram.is_scored
    assert bool(np.all(np.isfinite(hypnodensity[is_scored])) and np.all(np.isfinite(confidence[is_scored])))
    scored = ScoredHypnogram(
        hypnogram=hypnogram,
        hypnodensity=np.where(is_scored[:, None], hypnodensity, np.nan),
        confidence=np.where(is_scored, confidence, np.nan),
        review=review,
        source=source,
    )
    write_csv(scored, path)


def write_csv(scored: ScoredHypnogram, path: Path) -> None:
    """Write ``hypnogram.csv`` of a hypnogram from anywhere; what is not known stays empty, and `review` is 0."""
    n_epochs = len(scored.hypnogram)
    cells = detail_cells(scored, missing="")
    empty = [""] * n_epochs
    columns = [cells.get(name, ["0"] * n_epochs if name == "review" else empty) for name in COLUMNS[4:]]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for epoch, row in enumerate(zip(*columns, strict=True)):
        time = scored.hypnogram.clock_time(epoch)
        stage = stage_name(int(scored.hypnogram.stage[epoch]))
        writer.writerow((epoch, epoch * EPOCH_S, "" if time is None else time.isoformat(), stage, *row))
    write_text_atomically(path, table.getvalue())
