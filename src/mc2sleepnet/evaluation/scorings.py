"""One scorer's night, read from whatever file it is in."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import N_STAGES, UNSCORED
from mc2sleepnet.evaluation.scorer_files import ScoringFile
from mc2sleepnet.formats import FILE_NAMES, PROVENANCE_FILE, read_scored_hypnogram


@dataclass(frozen=True, kw_only=True, eq=False)
class Scoring:
    """A hypnogram and, where the file holds them, its probabilities.

    Attributes
    ----------
    hypnogram
        N epochs; `scorer` is the file as the user named it.
    hypnodensity
        Shape ``[N, 5]``, float32, NaN where unscored; None where there are none.
    is_synthetic
        Whether the file says that no person was recorded.
    is_ours
        Whether the file says that this program scored.
    """

    hypnogram: Hypnogram
    hypnodensity: NDArray[np.float32] | None = None
    is_synthetic: bool = False
    is_ours: bool = False


def read_scoring(file: ScoringFile) -> Scoring:
    """Read one scorer's hypnogram of one night.

    Raises
    ------
    InputError
        If the file is no hypnogram of a known format, or has no such column.
    """
    if file.path.suffix.lower() == ".npz":
        return Scoring(hypnogram=replace(_read_npz(file), scorer=str(file)))
    read = read_scored_hypnogram(file.path, column=file.column or None, codes=file.codes)
    hypnodensity = None if read.hypnodensity is None else read.hypnodensity.astype(np.float32)
    return Scoring(
        hypnogram=replace(read.hypnogram, scorer=str(file)),
        hypnodensity=hypnodensity,
        is_synthetic=read.is_synthetic,
        is_ours=read.scorer.startswith("mc2sleepnet"),
    )


def is_beside_provenance(path: Path) -> bool:
    """Whether `score` wrote this hypnogram, as the provenance beside it says; formats without a place for it do not."""
    try:
        facts = json.loads((path.parent / PROVENANCE_FILE).read_text(encoding="utf-8"))
        _, formats = facts["versions"]["mc2sleepnet"], facts["options"]["formats"]
        return path.name in {FILE_NAMES[dialect] for dialect in formats if dialect in FILE_NAMES}
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _read_npz(file: ScoringFile) -> Hypnogram:
    """Row of an array; see `scorers_of`."""
    night, _, row = file.column.removesuffix("]").rpartition("[")
    stage = _array(file.path, night)[int(row)]
    if not np.issubdtype(stage.dtype, np.integer) or np.any((stage < UNSCORED) | (stage >= N_STAGES)):
        fault = f"array {night} holds more than whole numbers from -1 to 4"
        raise InputError(file.path, fault, "Stages are 0 to 4 for W, N1, N2, N3, R, and -1 where unscored")
    return Hypnogram(stage=stage.astype(np.int8))


def _array(path: Path, name: str) -> NDArray[np.generic]:
    with np.load(path, allow_pickle=False) as arrays:
        array: NDArray[np.generic] = arrays[name]
        return array
