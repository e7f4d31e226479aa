"""Sequences of consecutive epochs, as the network reads them."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.store.reading import PADDING, Store


def sequences(
    store: Store, recordings: Iterable[int], *, length: int, stride: int, join_gaps: bool = False
) -> NDArray[np.int64]:
    """Cut recordings into sequences that cover every readable epoch and never cross a gap, unless told to.

    Parameters
    ----------
    store
        Where the recordings lie.
    recordings
        Their indices.
    length
        L, epochs in a sequence.
    stride
        Epochs from the start of one sequence to the next, at most `length`.
    join_gaps
        True takes the readable epochs of a recording for neighbours whatever lies between them, as programs do that
        drop what they cannot read; a recording's end is never crossed.

    Returns
    -------
    numpy.ndarray
        Shape ``[S, L]``, numbers of epochs. The last sequence of a stretch is moved back to end with it; a
        stretch shorter than L gives one sequence with -1 (padding) at its end.

    Raises
    ------
    InputError
        If `length` or `stride` is below 1, or `stride` would skip epochs.
    """
    if not 1 <= stride <= length:
        fault = f"{stride} does not lie between 1 and the sequence length, {length}"
        raise InputError("sequence_stride", fault, "Set a smaller sequence_stride or a larger sequence_length")
    found = [np.zeros((0, length), dtype=np.int64)]
    for recording in recordings:
        first = int(store.first_epoch[recording])
        readable = np.flatnonzero(store.is_readable[first : store.first_epoch[recording + 1]]) + first
        breaks = [] if join_gaps else (np.flatnonzero(np.diff(readable) != 1) + 1).tolist()
        edges = [0, *breaks, len(readable)]
        found += [_of_stretch(readable[a:b], length, stride) for a, b in pairwise(edges) if b > a]
    return np.concatenate(found)


def _of_stretch(epochs: NDArray[np.int64], length: int, stride: int) -> NDArray[np.int64]:
    """Sequences over epochs that follow one another, shape ``[n]`` → ``[S, L]``."""
    last = max(0, len(epochs) - length)
    starts = np.append(np.arange(0, last, stride), last)
    places = starts[:, None] + np.arange(length)
    return np.where(places < len(epochs), epochs[np.minimum(places, len(epochs) - 1)], PADDING)
