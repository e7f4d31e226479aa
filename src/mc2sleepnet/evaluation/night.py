"""One night of all its scorers: read, brought onto the reference's epochs, and counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.evaluation.pairs import align
from mc2sleepnet.evaluation.scorer_files import ScoringFile
from mc2sleepnet.evaluation.scorings import Scoring, read_scoring
from mc2sleepnet.metrics.confusions import confusion_matrix
from mc2sleepnet.metrics.night_agreement import NightAgreement
from mc2sleepnet.metrics.night_scorers import NightScorers
from mc2sleepnet.metrics.probability_counts import ProbabilityCounts

MOST_SYSTEMS: Final = 12


@dataclass(frozen=True, kw_only=True)
class NightFiles:
    """One night's hypnograms.

    Attributes
    ----------
    name
        The recording.
    reference
        The hypnogram taken as right.
    others
        Of every other scorer; None where one has no such night.
    is_machine
        Of the reference and the others: whether no person scored.
    """

    name: str
    reference: ScoringFile
    others: tuple[ScoringFile | None, ...]
    is_machine: tuple[bool, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """One scorer on one night.

    Attributes
    ----------
    agreement, probabilities
        Counts against the reference; the latter None without probabilities.
    n_epochs
        Epochs of the scorer's file.
    shift_epochs, remainder_s, n_outside
        How it had to be moved, as `align` tells.
    notes
        What had to be assumed.
    """

    agreement: NightAgreement
    probabilities: ProbabilityCounts | None
    n_epochs: int
    shift_epochs: int
    remainder_s: float
    n_outside: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Night:
    """What one night comes to.

    Attributes
    ----------
    name
        The recording.
    n_epochs
        Epochs of the reference's file.
    scored
        One entry for each other scorer; None where it has no such night or could not be read.
    scorers
        Counts over all scorers together; None with fewer than two, the reference included.
    systems
        Shape ``[P, 2, 5, 5]``: for every pair of other scorers, each one's confusion with the reference over the
        epochs that all three scored.
    errors
        What could not be read.
    is_synthetic
        Whether any file says that no person was recorded.
    """

    name: str
    n_epochs: int
    scored: tuple[Scored | None, ...]
    scorers: NightScorers | None
    systems: NDArray[np.int64]
    errors: tuple[InputError, ...]
    is_synthetic: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class AlignedNight:
    """All scorers on the reference's epochs.

    Attributes
    ----------
    reference
        As read.
    others
        As read; None where a scorer has no such night or could not be read.
    stages
        Shape ``[K, N]``: the reference first; rows of -1 where a scorer is missing.
    moves
        How each other scorer was aligned.
    errors
        What could not be read or aligned.
    """

    reference: Scoring
    others: "tuple[Scoring | None, ...]"
    stages: NDArray[np.int8]
    shifts: tuple[tuple[int, float, int, tuple[str, ...]] | None, ...]
    errors: tuple[InputError, ...]


def system_pairs(n_others: int) -> list[tuple[int, int]]:
    """Which of the scorers beside the reference are set against each other: all, or each against the first."""
    if n_others <= MOST_SYSTEMS:
        return list(combinations(range(n_others), 2))
    return [(0, other) for other in range(1, n_others)]


def read_night(files: NightFiles) -> AlignedNight:
    """Read a night and align it.

    Raises
    ------
    InputError
        If the reference cannot be read, or has no epochs. Others' faults are kept as `errors`.
    """
    reference = read_scoring(files.reference)
    others: list[Scoring | None] = []
    errors: list[InputError] = []
    for file in files.others:
        try:
            others.append(None if file is None else read_scoring(file))
        except InputError as error:
            others.append(None)
            errors.append(error)
    return align_night(reference, others, errors)


def align_night(
    reference: Scoring, others: Sequence[Scoring | None], errors: Sequence[InputError] = ()
) -> AlignedNight:
    """Bring scorings onto the reference's epochs."""
    n_epochs = len(reference.hypnogram)
    if not n_epochs:
        raise InputError(reference.hypnogram.scorer, "has no epochs", "Give a hypnogram with at least one")
    stages = np.full((1 + len(others), n_epochs), UNSCORED, dtype=np.int8)
    stages[0] = reference.hypnogram.stage
    shifts: list[tuple[int, float, int, tuple[str, ...]] | None] = []
    kept: list[Scoring | None] = []
    failed = list(errors)
    for row, other in enumerate(others, start=1):
        kept.append(None)
        shifts.append(None)
        if other is None:
            continue
        try:
            pair = align(reference.hypnogram, other.hypnogram)
        except InputError as error:
            failed.append(error)
            continue
        stages[row] = pair.scored
        kept[-1] = other
        shifts[-1] = pair.shift_epochs, pair.remainder_s, pair.n_outside, pair.notes
    return AlignedNight(
        reference=reference, others=tuple(kept), stages=stages, shifts=tuple(shifts), errors=tuple(failed)
    )


def count_night(files: NightFiles) -> Night:
    """Read one night and count what its scorers have in common; the only thing kept of it.

    Raises
    ------
    InputError
        If the reference cannot be read.
    """
    return count_aligned(files.name, read_night(files), files.is_machine)


def count_aligned(name: str, night: AlignedNight, is_machine: Sequence[bool]) -> Night:
    """Count a night that is read."""
    reference, others = night.stages[0], night.stages[1:]
    scored = tuple(
        None
        if other is None or shift is None
        else _scored(reference, stage, other, shift, night.reference.hypnogram.notes)
        for stage, other, shift in zip(others, night.others, night.shifts, strict=True)
    )
    systems = np.zeros((len(pairs := system_pairs(len(others))), 2, 5, 5), dtype=np.int64)
    for index, pair in enumerate(pairs):
        is_common = np.all(others[list(pair)] != UNSCORED, axis=0)
        for side, other in enumerate(pair):
            systems[index, side] = confusion_matrix(reference[is_common], others[other][is_common])
    return Night(
        name=name,
        n_epochs=len(reference),
        scored=scored,
        scorers=NightScorers.of(night.stages, np.array(is_machine)),
        systems=systems,
        errors=night.errors,
        is_synthetic=any(one.is_synthetic for one in (night.reference, *night.others) if one is not None),
    )


def _scored(
    reference: NDArray[np.int8],
    stage: NDArray[np.int8],
    other: Scoring,
    shift: tuple[int, float, int, tuple[str, ...]],
    reference_notes: tuple[str, ...],
) -> Scored:
    shift_epochs, remainder_s, n_outside, notes = shift
    n_epochs = len(other.hypnogram)
    first, end = max(0, shift_epochs), min(len(reference), shift_epochs + n_epochs)
    probabilities = None
    if other.hypnodensity is not None:
        placed = np.full((len(reference), other.hypnodensity.shape[1]), np.nan, dtype=np.float32)
        placed[first:end] = other.hypnodensity[first - shift_epochs : end - shift_epochs]
        probabilities = ProbabilityCounts.of(reference, stage, placed)
    return Scored(
        agreement=NightAgreement.of(reference, stage, slice(first, end)),
        probabilities=probabilities,
        n_epochs=n_epochs,
        shift_epochs=shift_epochs,
        remainder_s=remainder_s,
        n_outside=n_outside,
        notes=tuple(dict.fromkeys((*reference_notes, *other.hypnogram.notes, *notes))),
    )
