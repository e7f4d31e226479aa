"""Two hypnograms of one night, brought onto the same epochs."""

import math
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import EPOCH_S, UNSCORED

DAY_S = 86_400


@dataclass(frozen=True, kw_only=True, eq=False)
class AlignedPair:
    """A reference and a scorer on the reference's epochs.

    Attributes
    ----------
    reference
        Shape ``[N]``, int8: the reference as it is.
    scored
        Shape ``[N]``, int8: the other side on the same epochs, -1 where it has none.
    shift_epochs
        Epoch of the reference at which the other side begins; negative where it begins earlier.
    remainder_s
        Seconds by which the other side's epochs begin after the reference's, -15 to below 15: what whole epochs
        cannot mend.
    n_outside
        Scored epochs of the other side that lie before or after the reference.
    notes
        What had to be assumed, one sentence each; empty where the clocks said it all.
    """

    reference: NDArray[np.int8]
    scored: NDArray[np.int8]
    shift_epochs: int
    remainder_s: float
    n_outside: int
    notes: tuple[str, ...]


def align(reference: Hypnogram, scored: Hypnogram) -> AlignedPair:
    """Bring a scorer's hypnogram onto the reference's epochs, by the clock.

    Both starts known: shifted by whole epochs to the nearest, and the remainder told. Dates that do not
    meet (invented, or moved to hide who it is): aligned by the time of day. A start unknown: aligned at
    the first epoch. Each such assumption is a note.

    Raises
    ------
    InputError
        If the two share no time of the day, or either has no epoch.
    """
    notes: list[str] = []
    for hypnogram in (reference, scored):
        if not len(hypnogram):
            raise InputError(hypnogram.scorer, "has no epochs", "Give a hypnogram with at least one")
    if reference.start is None or scored.start is None:
        unknown = [side for side, h in (("reference", reference), ("scored", scored)) if h.start is None]
        notes.append(f"No start time in the {' and the '.join(unknown)} hypnogram: aligned at the first epoch.")
        offset_s = 0.0
    else:
        # Local clock times on both sides, whatever zone a file may name.
        offset_s = (scored.start.replace(tzinfo=None) - reference.start.replace(tzinfo=None)).total_seconds()
        days = _days_to_move(offset_s, len(reference), len(scored))
        if days is None:
            raise InputError(
                scored.scorer,
                f"shares no time with {reference.scorer}: {_span(scored)} against {_span(reference)}",
                "Check that both are of the same night",
            )
        if days:
            notes.append(
                f"The dates differ ({reference.start:%Y-%m-%d} and {scored.start:%Y-%m-%d}): "
                "aligned by the time of day."
            )
            offset_s += days * DAY_S
    shift_epochs = _nearest_epoch(offset_s)
    remainder_s = offset_s - shift_epochs * EPOCH_S
    if remainder_s:
        notes.append(f"Epochs begin {remainder_s:+g} s apart: aligned to the nearest.")
    on_reference, n_outside = _shifted(scored.stage, shift_epochs, len(reference))
    if n_outside:
        notes.append(f"{n_outside} scored epochs lie outside the reference and are not compared.")
    return AlignedPair(
        reference=reference.stage,
        scored=on_reference,
        shift_epochs=shift_epochs,
        remainder_s=remainder_s,
        n_outside=n_outside,
        notes=tuple(notes),
    )


def _days_to_move(offset_s: float, n_reference: int, n_scored: int) -> int | None:
    """Whole days to move the scored side so that both meet: 0 if they do already, None if they never do."""
    if _overlap_epochs(offset_s, n_reference, n_scored) > 0:
        return 0
    nearest = -round(offset_s / DAY_S)
    overlap, days = max(
        (_overlap_epochs(offset_s + days * DAY_S, n_reference, n_scored), days)
        for days in (nearest - 1, nearest, nearest + 1)
    )
    return days if overlap > 0 else None


def _overlap_epochs(offset_s: float, n_reference: int, n_scored: int) -> int:
    """Epochs shared when the scored side begins `offset_s` after the reference."""
    shift = _nearest_epoch(offset_s)
    return min(n_reference, shift + n_scored) - max(0, shift)


def _nearest_epoch(offset_s: float) -> int:
    """Of two equally near ones the later, for every offset alike."""
    return math.floor(offset_s / EPOCH_S + 0.5)


def _shifted(stage: NDArray[np.int8], shift: int, n_epochs: int) -> tuple[NDArray[np.int8], int]:
    """Place stages from epoch `shift` on among `n_epochs`; also how many scored ones fall outside."""
    placed = np.full(n_epochs, UNSCORED, dtype=np.int8)
    first, last = max(0, shift), min(n_epochs, shift + len(stage))
    placed[first:last] = stage[first - shift : last - shift]
    return placed, int(np.count_nonzero(stage != UNSCORED) - np.count_nonzero(placed != UNSCORED))


def _span(hypnogram: Hypnogram) -> str:
    """From when to when a hypnogram with a known start lasts."""
    assert hypnogram.start is not None
    end = hypnogram.start + timedelta(seconds=EPOCH_S * len(hypnogram))
    return f"{hypnogram.start:%Y-%m-%d %H:%M} to {end:%H:%M}"
