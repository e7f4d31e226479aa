"""The product's own JSON, which carries everything a hypnogram has; and bare lists, as DOD's scorers have them."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import EPOCH_S, N_STAGES, STAGES, UNSCORED, stage_name
from mc2sleepnet.formats.details import one_line
from mc2sleepnet.formats.grid import LONGEST_S, checked_start
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.table import read_stages

FORMAT: Final = "mc2sleepnet-hypnogram"
KEYS: Final = (
    *("format", "version", "epoch_s", "start", "scorer", "is_synthetic", "stage_names", "stages"),
    *("hypnodensity", "confidence", "review", "source"),
)
# Of YASA's own JSON.
_YASA_KEYS: Final = frozenset({"values", "n_stages", "freq"})
_YASA_STAGES: Final = ("WAKE", "N1", "N2", "N3", "REM")
_REMEDY: Final = "Give a JSON hypnogram as mc2sleepnet writes it, or a list of stages"


def read_json(path: Path, text: str, *, codes: str | None) -> ScoredHypnogram:
    """Read our own JSON, YASA's, or a list of stages by name or number.

    Raises
    ------
    InputError
        If it is no JSON, of another make, or its lists do not fit together.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"is no JSON ({' '.join(str(error).split())[:80]})", _REMEDY) from error
    if isinstance(content, list):
        hypnogram, _ = _hypnogram(path, content, None, codes)
        return ScoredHypnogram(hypnogram=hypnogram)
    if isinstance(content, dict) and content.keys() >= _YASA_KEYS:
        return _read_yasa(path, content, codes)
    if not isinstance(content, dict) or not isinstance(content.get("stages"), list):
        raise InputError(path, "it has no list 'stages'", _REMEDY)
    if content.get("epoch_s", EPOCH_S) != EPOCH_S:
        raise InputError(path, f"epoch_s is not {EPOCH_S}", _REMEDY)
    hypnogram, n_epochs = _hypnogram(path, content["stages"], _start(path, content.get("start")), codes)
    review, source = content.get("review"), content.get("source")
    if review is not None and not _is_list_of(review, n_epochs, (bool, int)):
        raise InputError(path, f"'review' is no list of {n_epochs} times true or false", _REMEDY)
    if source is not None and not _is_list_of(source, n_epochs, (str,)):
        raise InputError(path, f"'source' is no list of {n_epochs} words", _REMEDY)
    scorer = content.get("scorer")
    return ScoredHypnogram(
        hypnogram=hypnogram,
        hypnodensity=_figures(path, content, "hypnodensity", (n_epochs, N_STAGES)),
        confidence=_figures(path, content, "confidence", (n_epochs,)),
        review=None if review is None else np.array([bool(value) for value in review], dtype=np.bool_),
        source=None if source is None else tuple(source),
        scorer=one_line(scorer) if isinstance(scorer, str) else "",
        is_synthetic=content.get("is_synthetic") is True,
    )


def _read_yasa(path: Path, content: dict[str, Any], codes: str | None) -> ScoredHypnogram:
    """What YASA's ``Hypnogram.to_json`` writes."""
    if content["freq"] != f"{EPOCH_S}s" or not isinstance(content["values"], list):
        raise InputError(path, f"YASA's hypnogram is not one of {EPOCH_S}-s epochs", f"Write one with freq {EPOCH_S}s")
    hypnogram, n_epochs = _hypnogram(path, content["values"], _start(path, content.get("start")), codes)
    proba, scorer = content.get("proba"), content.get("scorer")
    hypnodensity = None
    if isinstance(proba, dict) and all(isinstance(proba.get(name), list) for name in _YASA_STAGES):
        rows = [list(row) for row in zip(*(proba[name] for name in _YASA_STAGES), strict=False)]
        hypnodensity = _figures(path, {"proba": rows}, "proba", (n_epochs, N_STAGES))
    if hypnodensity is not None:
        hypnodensity[~hypnogram.is_scored] = np.nan  # YASA wants numbers there, too
    scorer = one_line(scorer) if isinstance(scorer, str) else ""
    return ScoredHypnogram(hypnogram=hypnogram, hypnodensity=hypnodensity, scorer=scorer)


def _hypnogram(path: Path, values: list[Any], start: datetime | None, codes: str | None) -> tuple[Hypnogram, int]:
    if not values:
        raise InputError(path, "it has no epochs", _REMEDY)
    if len(values) > LONGEST_S // EPOCH_S:
        raise InputError(path, f"it lists {len(values)} epochs", "A hypnogram is at most 31 days long")
    cells = ["" if value is None else str(value) for value in values]
    if any(isinstance(value, bool | list | dict) for value in values):
        raise InputError(path, "its stages are neither names nor numbers", _REMEDY)
    read = read_stages(path, cells, codes=codes, is_strict=True)
    stage = np.array([UNSCORED if stage is None else stage for stage in read.stages], dtype=np.int8)
    start = checked_start(path, start, len(stage))
    return Hypnogram(stage=stage, start=start, scorer=path.stem, notes=read.notes), len(stage)


def _start(path: Path, value: object) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=None)
    except ValueError:
        raise InputError(path, f"start {str(value)[:40]!r} is no ISO 8601 time", _REMEDY) from None


def _is_list_of(value: object, n: int, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, list) and len(value) == n and all(isinstance(item, kinds) for item in value)


def _figures(path: Path, content: dict[str, Any], key: str, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    value = content.get(key)
    if value is None:
        return None
    rows = value if isinstance(value, list) else []
    empty = None if len(shape) == 1 else [None] * N_STAGES
    try:
        figures = np.array([empty if row is None else row for row in rows], dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        figures = np.empty(0)
    is_known = np.isfinite(figures)
    if figures.shape != shape or np.any(np.isinf(figures)) or np.any((figures[is_known] < 0) | (figures[is_known] > 1)):
        fault = f"'{key}' is no list of {shape[0]} epochs with figures from 0 to 1"
        raise InputError(path, fault, _REMEDY)
    return figures


def write_json(scored: ScoredHypnogram, path: Path) -> None:
    """Write everything that is known, with the keys `KEYS`; figures to five decimals, null where there are none."""
    hypnogram = scored.hypnogram
    content = {
        "format": FORMAT,
        "version": 1,
        "epoch_s": EPOCH_S,
        "start": None if hypnogram.start is None else hypnogram.start.isoformat(),
        "scorer": scored.scorer,
        "is_synthetic": scored.is_synthetic,
        "stage_names": [*STAGES, stage_name(UNSCORED)],
        "stages": [stage_name(stage) for stage in hypnogram.stage.tolist()],
        "hypnodensity": None if scored.hypnodensity is None else _listed(scored.hypnodensity),
        "confidence": None if scored.confidence is None else _listed(scored.confidence),
        "review": None if scored.review is None else scored.review.tolist(),
        "source": None if scored.source is None else list(scored.source),
    }
    write_text_atomically(path, json.dumps(content, ensure_ascii=False) + "\n")


def _listed(figures: NDArray[np.float64]) -> list[Any]:
    return [
        _listed(figure)
        if isinstance(figure, np.ndarray) and np.isfinite(figure).any()
        else round(float(figure), 5)
        if not isinstance(figure, np.ndarray) and np.isfinite(figure)
        else None
        for figure in figures
    ]
