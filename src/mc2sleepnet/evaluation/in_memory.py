"""What a Python caller may hand over as a hypnogram: files, hypnograms, scored nights, arrays."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import at_home
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.python_words import in_words_of_python
from mc2sleepnet.evaluation.evaluate import evaluate_paths, evaluate_scorings, refuse_nothing_in_common
from mc2sleepnet.evaluation.given_stages import are_stages, codes_of, scoring_of_others
from mc2sleepnet.evaluation.result import Evaluation
from mc2sleepnet.evaluation.scorer_files import hypnogram_file
from mc2sleepnet.evaluation.scorings import Scoring, read_scoring


def evaluate(
    reference: Any,
    predicted: Any,
    *,
    subjects: Iterable[str] | str | Path | None = None,
    by: str | Sequence[str] = (),
    seed: int = 0,
) -> Evaluation:
    """Agreement with a reference: accuracy, macro-F1, κ, figures of each stage, and intervals over subjects.

    Parameters
    ----------
    reference
        What is taken as right: a file, a hypnogram, a scored night, YASA's hypnogram, MNE's annotations, or stages,
        shape ``[N]``, as names (W, N1, N2, N3, R, UNS) or codes (0-4, -1); what is masked is unscored. A list of
        such is one a night. Or a folder of files.
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
    with in_words_of_python():
        return _evaluated(reference, predicted, subjects=subjects, by=(by,) if isinstance(by, str) else by, seed=seed)


def _evaluated(
    reference: Any, predicted: Any, *, subjects: Iterable[str] | str | Path | None, by: Sequence[str], seed: int
) -> Evaluation:
    if isinstance(reference, str | Path):
        others = list(predicted) if isinstance(predicted, list | tuple) else [predicted]
        if all(isinstance(other, str | Path) for other in others) and not are_stages(others):
            table = at_home(subjects) if isinstance(subjects, str | Path) else None
            if subjects is not None and table is None:
                raise InputError("subjects", "is no path of a table", "Of files, give a table with a header")
            paths = [str(at_home(path)) for path in (reference, *others)]
            evaluation, files = evaluate_paths(paths[0], paths[1:], subjects_table=table, by=by, seed=seed)
            refuse_nothing_in_common(evaluation, files)
            _ = evaluation.first  # raises where nothing could be compared
            return evaluation
    if by:
        raise InputError("by", "nights in memory have no table to group by", "Give files, and a table as subjects")
    evaluation = evaluate_scorings(_nights(reference), _nights(predicted), subjects=_subjects(subjects), seed=seed)
    if not evaluation.first.pooled.n_epochs:
        remedy = "Check that both are of the same night, and scored"
        raise InputError("evaluate", "there is no epoch to which both sides give a stage", remedy)
    return evaluation


def _subjects(given: Iterable[str] | str | Path | None) -> list[str]:
    """Whose each night is; empty where nobody says."""
    remedy = "Of nights in memory, give a list: whose each night is"
    if isinstance(given, Path):
        raise InputError("subjects", "is a path", remedy)
    if given is None or isinstance(given, str):
        return [] if given is None else [given]
    try:
        return [str(name) for name in given]
    except TypeError:
        raise InputError("subjects", f"a {type(given).__name__} is no list", remedy) from None


def _nights(given: Any) -> list[Scoring]:
    """One night, or a list of them."""
    if isinstance(given, list | tuple) and not are_stages(given):
        return [_scoring(one) for one in given]
    return [_scoring(given)]


def _scoring(given: Any) -> Scoring:
    if isinstance(given, Scoring):
        return given
    if isinstance(given, str | Path):
        return read_scoring(hypnogram_file(str(at_home(given))))
    if isinstance(given, Hypnogram):
        return Scoring(hypnogram=given)
    if isinstance(hypnogram := getattr(given, "hypnogram", None), Hypnogram):
        probabilities = getattr(given, "hypnodensity", None)
        return Scoring(
            hypnogram=hypnogram,
            hypnodensity=None if probabilities is None else np.asarray(probabilities, np.float32),
            is_synthetic=bool(getattr(given, "is_synthetic", False)),
        )
    return scoring_of_others(given) or Scoring(hypnogram=Hypnogram(stage=codes_of(given)))
