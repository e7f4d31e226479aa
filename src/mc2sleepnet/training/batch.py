"""What one step of training works on."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Sequences of epochs, by number; every rank holds all of it.

    Attributes
    ----------
    indices
        Shape ``[B, L]``: epochs of the store, -1 where padded or hidden.
    statistics
        Shape ``[B, S]``: of each sequence's recording, for networks that read them.
    keys
        Shape ``[B, L]``: what each epoch's augmentation is drawn by; None where nothing is augmented.
    """

    indices: Tensor
    statistics: Tensor | None = None
    keys: Tensor | None = None
