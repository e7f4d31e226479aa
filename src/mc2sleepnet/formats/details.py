"""What a table may tell of each epoch besides its stage: confidence, probabilities, review, source."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Final, TypedDict

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.formats.clock import parse_seconds
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.table import Table, is_nothing

PROBABILITY_COLUMNS: Final = tuple(f"p_{stage}" for stage in STAGES)
DETAIL_COLUMNS: Final = ("confidence", *PROBABILITY_COLUMNS, "review", "source", "synthetic")


_PLAIN_FIGURES: Final = re.compile(r"[0-9.\n]*")


class Details(TypedDict, total=False):
    """Fields of `ScoredHypnogram` that a table may fill."""

    hypnodensity: NDArray[np.float64]
    confidence: NDArray[np.float64]
    review: NDArray[np.bool_]
    source: tuple[str, ...]
    is_synthetic: bool


def details_of_rows(path: Path, table: Table, hypnogram: Hypnogram) -> Details:
    """Read the columns `DETAIL_COLUMNS` of a table that has one row for each epoch, in order.

    Raises
    ------
    InputError
        If a figure is no number from 0 to 1; the line is named.
    """
    details: Details = {}
    places = {name: table.columns.index(name) for name in DETAIL_COLUMNS if name in table.columns}
    if "confidence" in places:
        confidence = _figures(path, table, places["confidence"])
        if np.isfinite(confidence).any():
            details["confidence"] = confidence
    if all(name in places for name in PROBABILITY_COLUMNS):
        columns = [_figures(path, table, places[name]) for name in PROBABILITY_COLUMNS]
        hypnodensity = np.stack(columns, axis=1)
        if np.isfinite(hypnodensity).any():
            details["hypnodensity"] = hypnodensity
    if "review" in places:
        cells = table.column(places["review"])
        if any(cell not in {"0", "1"} and not is_nothing(cell) for cell in cells):
            raise InputError(path, "column 'review' holds something other than 0 and 1", "Correct the column")
        if not all(is_nothing(cell) for cell in cells):
            details["review"] = np.array([cell == "1" for cell in cells], dtype=np.bool_)
    if "source" in places:
        cells = table.column(places["source"])
        if not all(is_nothing(cell) for cell in cells):
            details["source"] = tuple("" if is_nothing(cell) else cell for cell in cells)
    if "synthetic" in places:
        details["is_synthetic"] = "1" in table.column(places["synthetic"])
    assert len(table.rows) == len(hypnogram)
    return details


def _figures(path: Path, table: Table, index: int) -> NDArray[np.float64]:
    cells = table.column(index)
    # A fast way for plain figures; whatever it does not take is looked at cell by cell.
    if _PLAIN_FIGURES.fullmatch("\n".join(cells)):
        with suppress(ValueError):
            read = np.array([float(cell) if cell else np.nan for cell in cells])
            if not np.any(read > 1):
                return read
    figures = np.full(len(table.rows), np.nan)
    for i, cell in enumerate(cells):
        if is_nothing(cell):
            continue
        figure = parse_seconds(cell)
        if figure is None or not 0 <= figure <= 1:
            fault = f"line {table.lines[i]}: {table.columns[index]} {cell[:40]!r} is no number from 0 to 1"
            raise InputError(path, fault, "Correct the cell")
        figures[i] = figure
    return figures


def detail_cells(scored: ScoredHypnogram, *, missing: str) -> dict[str, list[str]]:
    """Columns of what is known, as text; figures to five decimals."""
    cells: dict[str, list[str]] = {}
    if scored.confidence is not None and np.isfinite(scored.confidence).any():
        cells["confidence"] = figure_cells(scored.confidence, missing)
    if scored.hypnodensity is not None and np.isfinite(scored.hypnodensity).any():
        for i, name in enumerate(PROBABILITY_COLUMNS):
            cells[name] = figure_cells(scored.hypnodensity[:, i], missing)
    if scored.review is not None:
        cells["review"] = [str(int(is_doubtful)) for is_doubtful in scored.review]
    if scored.source is not None:
        cells["source"] = [one_line(word) or missing for word in scored.source]
    if scored.is_synthetic:
        cells["synthetic"] = ["1"] * len(scored.hypnogram)
    return cells


def one_line(text: str) -> str:
    """Text without line ends, tabs and quotes, which not every table's reader takes."""
    return " ".join(text.replace('"', "'").split())


def figure_cells(figures: NDArray[np.float64], missing: str) -> list[str]:
    """Figures to five decimals; `missing` for NaN."""
    return [f"{figure:.5f}" if np.isfinite(figure) else missing for figure in figures.tolist()]
