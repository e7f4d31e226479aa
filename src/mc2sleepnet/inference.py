"""A whole night from any stager: encode every epoch once, slide over the tokens, average.

The one path that validation during training and scoring of recordings share, so that what is validated is what
scores. Needs numpy only; the stager brings its own engine.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N_STAGES

EPOCHS_PER_CALL = 128
SEQUENCES_PER_CALL = 64


class Stager(Protocol):
    """What `score_night` needs of a network, whatever runs it. D is the width of a token."""

    @property
    def sequence_length(self) -> int:
        """L, epochs per sequence."""

    def encode(self, signal_uv: NDArray[np.float32]) -> NDArray[np.float32]:
        """Tokens of single epochs. Shape: [M, T] µV → [M, 2, D], signal then spectrogram."""

    def relate(self, tokens: NDArray[np.float32], is_valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Log-probabilities of the stages. Shape: [B, L, 2, D], [B, L] → [B, L, 5]"""


def window_starts(n_epochs: int, length: int, stride: int) -> NDArray[np.int64]:
    """First epochs of the sequences that cover a night: every `stride`, and one that ends with the last epoch."""
    last = max(0, n_epochs - length)
    return np.unique(np.append(np.arange(0, last, stride), last))


def encode_night(
    stager: Stager,
    signal_uv: NDArray[np.float32],
    is_scorable: NDArray[np.bool_],
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Encode every scorable epoch of a night once; the others' tokens are zero.

    Shape: [N, T] µV, [N] → [N, 2, D]

    `progress` is told how many epochs each call encoded.
    """
    scorable = np.flatnonzero(is_scorable)
    encoded = []
    for indices in _pieces(scorable, EPOCHS_PER_CALL):
        encoded.append(stager.encode(signal_uv[indices]))
        if progress:
            progress(len(indices))
    if not encoded:
        return np.zeros((len(is_scorable), 2, 0), np.float32)
    tokens = np.zeros((len(is_scorable), *encoded[0].shape[1:]), np.float32)
    tokens[scorable] = np.concatenate(encoded)
    return tokens


def relate_night(
    stager: Stager, tokens: NDArray[np.float32], is_scorable: NDArray[np.bool_], *, stride: int
) -> NDArray[np.float64]:
    """Slide over a night's tokens, average the log-probabilities of overlapping sequences and renormalise.

    Epochs that cannot be scored stay in their place as padding: neighbours keep their distance.

    Shape: [N, 2, D], [N] → [N, 5] log-probabilities; NaN where the epoch is not scorable.
    """
    n_epochs, length = len(is_scorable), stager.sequence_length
    assert 1 <= stride <= length, "a larger stride would leave epochs that no sequence covers"
    total = np.zeros((n_epochs, N_STAGES))
    if is_scorable.any():
        starts = window_starts(n_epochs, length, stride)
        places = starts[:, None] + np.arange(length)
        is_inside = places < n_epochs
        places = np.where(is_inside, places, 0)
        is_valid = is_inside & is_scorable[places]
        holds_signal = is_valid.any(axis=1)
        for rows in _pieces(np.flatnonzero(holds_signal), SEQUENCES_PER_CALL):
            log_probabilities = stager.relate(tokens[places[rows]], is_valid[rows])
            np.add.at(total, places[rows][is_valid[rows]], log_probabilities[is_valid[rows]])
        # Dividing by the number of sequences matters: the mean, not the sum, is renormalised.
        counts = np.bincount(places[is_valid], minlength=n_epochs)
        total /= np.maximum(counts, 1)[:, None]
        total -= np.logaddexp.reduce(total, axis=1, keepdims=True)
    total[~is_scorable] = np.nan
    return total


def score_night(
    stager: Stager,
    signal_uv: NDArray[np.float32],
    is_scorable: NDArray[np.bool_],
    *,
    stride: int,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float64]:
    """Log-probabilities of every epoch of a night: `encode_night`, then `relate_night`.

    Parameters
    ----------
    stager
        The network behind one of its engines.
    signal_uv
        Shape ``[N, T]``, µV.
    is_scorable
        Shape ``[N]``: False where there is nothing to score.
    stride
        Epochs between the starts of two sequences.
    progress
        Told how many epochs each call encoded.

    Returns
    -------
    Shape ``[N, 5]``, natural log-probabilities in the order W, N1, N2, N3, R; NaN where not scorable.
    """
    return relate_night(stager, encode_night(stager, signal_uv, is_scorable, progress), is_scorable, stride=stride)


def _pieces(indices: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(indices), size):
        yield indices[start : start + size]
