"""Sequences of consecutive epochs, as the network reads them."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.store.reading import PADDING, Store


def sequences(store: Store, recordings: Iterable[int], *, length: int, stride: int) -> NDArray[np.int64]:
    """Cut recordings into sequences that cover every readable epoch and never cross a gap.

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
    starts, ends = [], []
    for recording in recordings:
        first_of_recording = int(store.first_epoch[recording])
        readable = store.is_readable[store.first_epoch[recording] : store.first_epoch[recording + 1]]
        edges = np.flatnonzero(np.diff(readable, prepend=False, append=False)) + first_of_recording
        for first, end in edges.reshape(-1, 2).tolist():
            last_start = max(first, end - length)
            starts_of_stretch = [*range(first, last_start, stride), last_start]
            starts += starts_of_stretch
            ends += [end] * len(starts_of_stretch)
    epochs = np.array(starts, dtype=np.int64)[:, None] + np.arange(length)
    is_within = epochs < np.array(ends, dtype=np.int64)[:, None]
    return np.where(is_within, epochs, PADDING)
