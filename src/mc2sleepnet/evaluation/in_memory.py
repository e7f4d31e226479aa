"""What a Python caller may hand over as a hypnogram: files, hypnograms, scored nights, arrays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import N_STAGES, STAGES, UNSCORED, UNSCORED_NAME
from mc2sleepnet.evaluation.evaluate import evaluate_paths, evaluate_scorings, refuse_nothing_in_common
from mc2sleepnet.evaluation.result import Evaluation
from mc2sleepnet.evaluation.scorer_files import ScoringFile
from mc2sleepnet.evaluation.scorings import Scoring, read_scoring

_CODES = {UNSCORED_NAME: UNSCORED, **{name: code for code, name in enumerate(STAGES)}}


def evaluate(
    reference: Any,
    predicted: Any,
    *,
    subjects: Sequence[str] | str | Path | None = None,
    by: Sequence[str] = (),
    seed: int = 0,
) -> Evaluation:
    """Agreement with a reference: accuracy, macro-F1, κ, figures of each stage, and intervals over subjects.

    Parameters
    ----------
    reference
        What is taken as right: a file, a folder, a hypnogram, a scored night, or stages, shape ``[N]``, as names
        (W, N1, N2, N3, R, UNS) or codes (0-4, -1). Or a list of such, one a night.
    predicted
        The same of what is judged, in the same order. Of files and folders, a list is several scorers; beside a
        list of reference files it is one scorer's nights.
    subjects
        Of nights in memory: whose each is; by default each is another's. Of files: a table, as `read_subjects` takes.
    by
        Of files: columns of that table to group by.
    seed
        Of the resamples.

    Returns
    -------
    Evaluation
        `accuracy`, `macro_f1`, `kappa`, `f1`, `precision`, `recall`, `confusion` and `intervals` of the first scorer;
        all else, and all scorers, in its fields.

    Raises
    ------
    InputError
        If something is no hypnogram, or nothing could be compared; it is a ValueError and says what to do.
    """
    if isinstance(reference, str | Path):
        others = list(predicted) if isinstance(predicted, list | tuple) else [predicted]
        if all(isinstance(other, str | Path) for other in others):
            table = Path(subjects) if isinstance(subjects, str | Path) else None
            if subjects is not None and table is None:
                raise InputError("subjects", "is no path of a table", "Of files, give a table with a header")
            evaluation, files = evaluate_paths(
                str(reference), list(map(str, others)), subjects_table=table, by=by, seed=seed
            )
            refuse_nothing_in_common(evaluation, files)
            _ = evaluation.first  # raises where nothing could be compared
            return evaluation
    if isinstance(subjects, Path):
        raise InputError("subjects", "is a path", "Of nights in memory, give a list: whose each night is")
    names = [subjects] if isinstance(subjects, str) else [str(name) for name in subjects or ()]
    evaluation = evaluate_scorings(_nights(reference), _nights(predicted), subjects=names, seed=seed)
    if not evaluation.first.pooled.n_epochs:
        remedy = "Check that both are of the same night, and scored"
        raise InputError("evaluate", "there is no epoch to which both sides give a stage", remedy)
    return evaluation


def _nights(given: Any) -> list[Scoring]:
    """One night, or a list of them."""
    if isinstance(given, list | tuple) and not all(_is_stage(one) for one in given):
        return [_scoring(one) for one in given]
    return [_scoring(given)]


def _is_stage(one: Any) -> bool:
    return (isinstance(one, str) and one in _CODES) or isinstance(one, int | np.integer)


def _scoring(given: Any) -> Scoring:
    if isinstance(given, Scoring):
        return given
    if isinstance(given, str | Path):
        return read_scoring(ScoringFile(path=Path(given)))
    if isinstance(given, Hypnogram):
        return Scoring(hypnogram=given)
    if isinstance(hypnogram := getattr(given, "hypnogram", None), Hypnogram):
        probabilities = getattr(given, "hypnodensity", None)
        return Scoring(
            hypnogram=hypnogram,
            hypnodensity=None if probabilities is None else np.asarray(probabilities, np.float32),
            is_synthetic=bool(getattr(given, "is_synthetic", False)),
        )
    return Scoring(hypnogram=Hypnogram(stage=_codes(given)))


def _codes(given: Any) -> Any:
    """Shape ``[N]``, int8, of stage names or codes."""
    stages = np.asarray(given)
    remedy = f"Give stages as {', '.join(_CODES)}, or as whole numbers from -1 to 4"
    if stages.ndim != 1:
        raise InputError("stages", f"an array of {stages.ndim} dimensions", remedy)
    if stages.dtype.kind in "UO":
        unknown = [name for name in dict.fromkeys(map(str, stages.tolist())) if name not in _CODES]
        if unknown:
            raise InputError("stages", f"unknown stage {unknown[0]!r}", remedy)
        return np.array([_CODES[str(name)] for name in stages.tolist()], dtype=np.int8)
    is_whole = stages.dtype.kind in "iu" or (stages.dtype.kind == "f" and bool(np.all(stages == np.round(stages))))
    if not is_whole or np.any((stages < UNSCORED) | (stages >= N_STAGES)):
        raise InputError("stages", "holds more than whole numbers from -1 to 4", remedy)
    return stages.astype(np.int8)
