"""A night's answers, smoothed by the course of sleep and by the night's own spectra."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.own_spectra import SPECTRA_WEIGHT, said_by_own_spectra
from mc2sleepnet.core.sleep_course import along_the_course

# "none": as the network answers. "course": joined by the chain of `core.sleep_course`. "course+spectra": and again with
# what the night's own spectra say beside it (`core.own_spectra`).
Smoothing = Literal["none", "course", "course+spectra"]


def smoothed(
    log_probabilities: NDArray[np.float64],
    decibels: NDArray[np.float32] | None,
    tells: NDArray[np.bool_],
    *,
    smoothing: Smoothing,
) -> NDArray[np.float64]:
    """Log-probabilities of a night after smoothing.

    Parameters
    ----------
    log_probabilities
        Shape ``[N, 5]``; NaN where not scored, which stays so.
    decibels
        Shape ``[N, N_BINS]``: spectra of the epochs, of the signal that the network was given; read by
        ``"course+spectra"`` alone.
    tells
        Shape ``[N]``: the epochs that the recording's own statistics are of.
    smoothing
        Which.
    """
    assert smoothing in get_args(Smoothing)
    if smoothing == "none":
        return log_probabilities
    joined = along_the_course(log_probabilities)
    if smoothing == "course":
        return joined
    assert decibels is not None
    said = said_by_own_spectra(decibels, joined, tells)
    return along_the_course(log_probabilities + SPECTRA_WEIGHT * said)
