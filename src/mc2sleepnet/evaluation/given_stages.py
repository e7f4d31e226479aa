"""Stages as Python callers hold them: lists, arrays, and what YASA and MNE make of a hypnogram."""

from datetime import UTC
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import EPOCH_S, N_STAGES, STAGES, UNSCORED, UNSCORED_NAME, R, W
from mc2sleepnet.evaluation.scorings import Scoring
from mc2sleepnet.formats.grid import StageEvent, hypnogram_from_events
from mc2sleepnet.formats.stage_words import stage_of_word

_OURS: Final = {UNSCORED_NAME: UNSCORED, **{name: code for code, name in enumerate(STAGES)}}
# YASA's names; what is an artefact has no stage.
_CODES: Final = _OURS | {"WAKE": W, "REM": R, "ART": UNSCORED}
# YASA's number of what is unscored; -1 is an artefact there.
_YASA_UNSCORED: Final = -2
_YASA_NAMES: Final = ("WAKE", "N1", "N2", "N3", "REM")
_REMEDY: Final = f"Give stages as {', '.join(_OURS)}, or as whole numbers from 0 to 4, and -1 where unscored"


def are_stages(given: list[Any] | tuple[Any, ...]) -> bool:
    """Whether a list is one night's stages; else it is a list of nights or paths.

    One stage among its entries tells, so that of a list with a misspelled one the misspelling is told. Where every
    entry is there as a file, it is a list of those, however they are called.
    """
    if any(isinstance(one, int | float | np.number) for one in given):
        return True
    is_stage = any(isinstance(one, str) and one in _CODES for one in given)
    return is_stage and not all(isinstance(one, str | Path) and Path(one).exists() for one in given)


def codes_of(given: Any) -> NDArray[np.int8]:
    """Codes of stages by name or number; what a masked array masks is unscored. Shape: [N]

    Raises
    ------
    InputError
        If anything is no stage.
    """
    stages, is_masked = np.ma.getdata(np.ma.asarray(given)), np.ma.getmaskarray(np.ma.asarray(given))
    if stages.ndim != 1:
        raise InputError("stages", f"an array of {stages.ndim} dimensions", _REMEDY)
    codes = np.full(len(stages), UNSCORED, dtype=np.int8)
    codes[~is_masked] = _codes(stages[~is_masked])
    return codes


def _codes(stages: NDArray[Any]) -> NDArray[np.int8]:
    if stages.dtype.kind in "UO":
        unknown = [name for name in dict.fromkeys(map(str, stages.tolist())) if name not in _CODES]
        if unknown:
            raise InputError("stages", f"unknown stage {unknown[0]!r}", _REMEDY)
        return np.array([_CODES[str(name)] for name in stages.tolist()], dtype=np.int8)
    is_whole = stages.dtype.kind in "iu" or (stages.dtype.kind == "f" and bool(np.all(stages == np.round(stages))))
    if not is_whole or np.any((stages < _YASA_UNSCORED) | (stages >= N_STAGES)):
        raise InputError("stages", f"holds more than whole numbers from {UNSCORED} to {N_STAGES - 1}", _REMEDY)
    return np.where(stages == _YASA_UNSCORED, UNSCORED, stages).astype(np.int8)


def scoring_of_others(given: Any) -> Scoring | None:
    """A ``yasa.Hypnogram`` or ``mne.Annotations``; None for anything else.

    Of YASA's hypnogram start and probabilities are taken along; of annotations those that name no stage are ignored.

    Raises
    ------
    InputError
        If YASA's epochs are not of 30 s or tell fewer than the five stages apart, or there is no annotation of a stage.
    """
    if all(hasattr(given, name) for name in ("hypno", "sampling_frequency", "start", "proba", "scorer")):
        return _of_yasa(given)
    if all(hasattr(given, name) for name in ("onset", "duration", "description", "orig_time")):
        return _of_annotations(given)
    return None


def _of_yasa(given: Any) -> Scoring:
    epoch_s = 1 / float(given.sampling_frequency)
    if abs(epoch_s - EPOCH_S) > 1e-6 * EPOCH_S:
        raise InputError("YASA hypnogram", f"has epochs of {epoch_s:g} s", f"Give one with epochs of {EPOCH_S} s")
    start = None if given.start is None else given.start.to_pydatetime().replace(tzinfo=None)
    hypnogram = Hypnogram(stage=codes_of(np.asarray(given.hypno, dtype=object)), start=start, scorer=given.scorer or "")
    if given.proba is None or not set(_YASA_NAMES) <= set(given.proba.columns):
        return Scoring(hypnogram=hypnogram)
    hypnodensity = np.array(given.proba[list(_YASA_NAMES)], dtype=np.float32)
    hypnodensity[~hypnogram.is_scored] = np.nan  # YASA wants numbers there, too
    return Scoring(hypnogram=hypnogram, hypnodensity=hypnodensity)


def _of_annotations(given: Any) -> Scoring:
    rows = zip(given.onset.tolist(), given.duration.tolist(), map(str, given.description), strict=True)
    events = [
        StageEvent(onset_s=onset_s, duration_s=duration_s, stage=stage, text=text)
        for onset_s, duration_s, text in rows
        if (stage := stage_of_word(text)) is not None
    ]
    # MNE calls a file's local clock UTC, because a file has no time zone.
    start = None if given.orig_time is None else given.orig_time.astimezone(UTC).replace(tzinfo=None)
    return Scoring(hypnogram=hypnogram_from_events(Path("annotations"), events, start=start))
