"""What one step of training works on."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Sequences of epochs, by number; every rank holds all of it, and the inputs of its own rows.

    Attributes
    ----------
    indices
        Shape ``[B, L]``: epochs of the store, -1 where padded or hidden.
    statistics
        Shape ``[B, S]``: of each sequence's recording, for networks that read them.
    inputs
        Of this rank's rows, signals ``[⌈B / world⌉, L, W]`` in µV or tokens ``[⌈B / world⌉, L, S, D]``; on the device
        of training, or on the host.
    keys
        Shape ``[B, L]``: what each epoch's augmentation is drawn by; None where nothing is augmented.
    """

    indices: Tensor
    statistics: Tensor | None = None
    inputs: Tensor | None = None
    keys: Tensor | None = None
