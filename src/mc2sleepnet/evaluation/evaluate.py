"""Any number of scorers against a reference, over any number of nights: from files or arrays to the result."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from mc2sleepnet.core.cluster import run_jobs
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.evaluation.night import Night, NightFiles, align_night, count_aligned, count_night
from mc2sleepnet.evaluation.pairing import Paired, pair
from mc2sleepnet.evaluation.result import Evaluation
from mc2sleepnet.evaluation.scorings import Scoring
from mc2sleepnet.evaluation.subjects_table import SubjectsTable, read_subjects, without_table
from mc2sleepnet.evaluation.summary import summarise
from mc2sleepnet.formats.stage_words import CODES

_NIGHTS_PER_JOB: Final = 25


def evaluate_paths(
    reference: str,
    predicted: Sequence[str] = (),
    *,
    subjects_table: Path | None = None,
    by: Sequence[str] = (),
    person: str | None = None,
    machines: Sequence[str] = (),
    codes: str | None = None,
    workers: int = 1,
    seed: int = 0,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> tuple[Evaluation, Paired]:
    """Compare hypnogram files or folders.

    Parameters
    ----------
    reference, predicted
        Files or folders of any format, ``PATH`` or ``PATH:COLUMN``; see `scorers_of` and `pair`.
    subjects_table, by, person
        A table about them, its columns to group by, and its column that names the person; see `read_subjects`.
    machines
        Labels of scorers that are no people; those that write probabilities are known to be none.
    codes
        Numbering of files of bare numbers; None lets the numbers tell.
    workers
        Processes that read side by side.
    seed
        Of the resamples.
    progress
        Told nights done, nights in all, and the name of one.

    Returns
    -------
    evaluation, paired
        The result, and the files it is of.

    Raises
    ------
    InputError
        If `seed` is below 0, or the only reference or the only other hypnogram cannot be used. Of several, what could
        not be read is in `Evaluation.failures`, which holds them all where nothing could be compared.
    """
    _check_seed(seed)
    if by and subjects_table is None:
        raise InputError("--by", f"there is no table with a column '{by[0]}'", "Name the table with --subjects")
    if codes is not None and codes not in CODES:
        raise InputError("--codes", f"there is no numbering '{codes}'", f"Choose from {', '.join(CODES)}")
    paired = pair(reference, predicted, machines=machines, codes=codes)
    if subjects_table is not None:  # before the nights are read: a wrong column should not cost minutes
        read_subjects(subjects_table, [night.name for night in paired.nights], by=by, person=person)
    nights, failures = _count(paired.nights, workers, progress)
    if failures and not nights and len(paired.nights) == 1:  # without the only reference there is nothing to do
        raise failures[0]
    if paired.n_inputs == 2 and failures:
        raise failures[0]
    usable = [i for i in range(len(paired.scorers) - 1) if any(night.scored[i] is not None for night in nights)]
    if 0 < len(usable) < len(paired.scorers) - 1:
        # Counts of a night are over all its scorers, so it is counted again without those that have none.
        paired = paired.only(usable, failures)
        nights, _ = _count(paired.nights, workers, progress)
        failures = []
    names = [night.name for night in nights]
    table = (
        without_table(names) if subjects_table is None else read_subjects(subjects_table, names, by=by, person=person)
    )
    evaluation = summarise(
        nights,
        labels=[scorer.label for scorer in paired.scorers],
        is_machine=paired.is_machine,
        table=table,
        unpaired=paired.unpaired,
        failures=(*paired.failures, *failures),
        seed=seed,
    )
    return evaluation, paired


def _check_seed(seed: int) -> None:
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError("--seed", f"{seed} is no whole number from 0 on", "Give one, to draw the same again")


def refuse_nothing_in_common(evaluation: Evaluation, paired: Paired) -> None:
    """Refuse what would be a table of dashes; where files have failed too, they are the ones to name.

    Raises
    ------
    InputError
        If no epoch has a stage of both the reference and any other scorer.
    """
    pooled = [scorer.pooled for scorer in evaluation.scorers]
    if evaluation.failures or not pooled or any(one.n_epochs for one in pooled):
        return
    reference, n_reference = paired.scorers[0].where, max(one.n_reference_scored for one in pooled)
    if not n_reference:
        raise InputError(reference, "has no epoch with a stage", "Give a reference that is scored")
    remedy = "Check that both are of the same night, and scored"
    if len(pooled) == 1:
        fault = f"has a stage in none of the {n_reference} epochs that {reference} scored"
        raise InputError(paired.scorers[1].where, fault, remedy)
    raise InputError(reference, f"nobody else has a stage in any of the {n_reference} epochs that it scored", remedy)


def _count(
    files: Sequence[NightFiles], workers: int, progress: Callable[[int, int, str], None]
) -> tuple[list[Night], list[InputError]]:
    edges = [*range(0, len(files), _NIGHTS_PER_JOB), len(files)]
    jobs = [tuple(files[first:end]) for first, end in pairwise(edges)]
    found: list[list[Night | InputError] | InputError] = [[] for _ in jobs]
    done = 0
    for ended in run_jobs(_count_nights, jobs, workers=workers, name_of=lambda job: str(job[0].reference)):
        value = ended.value if ended.error is None else ended.error
        assert value is not None
        found[ended.index] = value
        done += len(jobs[ended.index])
        progress(done, len(files), jobs[ended.index][-1].name)
    outcomes = [one for group in found for one in ([group] if isinstance(group, InputError) else group)]
    nights = [one for one in outcomes if isinstance(one, Night)]
    failures = [one for one in outcomes if isinstance(one, InputError)]
    return nights, [*failures, *(error for night in nights for error in night.errors)]


def _count_nights(files: Sequence[NightFiles]) -> list[Night | InputError]:
    outcomes: list[Night | InputError] = []
    for one in files:
        try:
            outcomes.append(count_night(one))
        except InputError as error:
            outcomes.append(error)
    return outcomes


def evaluate_scorings(
    reference: Sequence[Scoring], predicted: Sequence[Scoring], *, subjects: Sequence[str] = (), seed: int = 0
) -> Evaluation:
    """Compare hypnograms that are in memory, one scorer with the reference.

    Parameters
    ----------
    reference, predicted
        One entry a night, in the same order.
    subjects
        Whose night each is; by default every night is another subject's.
    seed
        Of the resamples.

    Raises
    ------
    InputError
        If the two sides differ in number, or a night's two hypnograms do not meet in time.
    """
    _check_seed(seed)
    counts = {"reference": len(reference), "predicted": len(predicted), "subjects": len(subjects) or len(reference)}
    if len(set(counts.values())) > 1:
        fault = f"{len(reference)} nights in the reference, {len(predicted)} predicted, {counts['subjects']} subjects"
        raise InputError("evaluate", fault, "Give both sides, and subjects, one entry a night in the same order")
    if not reference:
        raise InputError("evaluate", "there is no night", "Give at least one")
    nights = []
    for index, (truth, scored) in enumerate(zip(reference, predicted, strict=True), start=1):
        aligned = align_night(truth, [scored])
        if aligned.errors:
            raise aligned.errors[0]
        nights.append(count_aligned(f"night {index}", aligned, (False, scored.hypnodensity is not None)))
    names = tuple(map(str, subjects)) or tuple(night.name for night in nights)
    table = SubjectsTable(subjects=names, groups={}, n_found=0)
    labels = (reference[0].hypnogram.scorer or "reference", predicted[0].hypnogram.scorer or "predicted")
    if labels[0] == labels[1]:
        labels = ("reference", "predicted")
    is_machine = (False, any(one.hypnodensity is not None for one in predicted))
    return summarise(nights, labels=labels, is_machine=is_machine, table=table, seed=seed)
