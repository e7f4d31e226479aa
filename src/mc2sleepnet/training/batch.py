"""What one step of training works on."""

from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """Sequences of epochs, by number; every rank holds all of it, and the inputs of its own rows.

    It is made on the host, where numbers can be looked up, and then sent: a step on a GPU asks the host nothing.

    Attributes
    ----------
    indices
        Shape ``[B, L]``: epochs of the store, -1 where padded or hidden.
    statistics
        Shape ``[⌈B / world⌉, S]``: of each own sequence's recording, for networks that read them.
    inputs
        Of this rank's rows, signals ``[⌈B / world⌉, L, W]`` in µV or tokens ``[⌈B / world⌉, L, S, D]``; on the device
        of training, or on the host.
    keys
        Shape ``[B, L]``: what each epoch's augmentation is drawn by; None where nothing is augmented.
    stage
        Shape ``[B, L]``: -1 where unscored; None where no stage is asked for.
    places, own_places
        Of the M valid epochs in the batch counted through, and of those in this rank's rows.
    recording
        Shape ``[M]``: of each valid epoch.
    hiding_order
        Shape ``[2, B, L]``: in which order either modality's epochs are hidden; None where none are.
    """

    indices: Tensor
    statistics: Tensor | None = None
    inputs: Tensor | None = None
    keys: Tensor | None = None
    stage: Tensor | None = None
    places: Tensor | None = None
    own_places: Tensor | None = None
    recording: Tensor | None = None
    hiding_order: Tensor | None = None

    def on(self, device: torch.device) -> "Batch":
        """All of it there."""
        there = {name: sent(part, device) for name, part in self._asdict().items() if part is not None}
        return Batch(**there)


def sent(x: Tensor, device: torch.device) -> Tensor:
    """On a device; the host does not wait for the copy."""
    if device.type == "cuda" and not (x.is_cuda or x.is_pinned()):
        x = x.pin_memory()
    return x.to(device, non_blocking=True)
