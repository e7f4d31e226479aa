"""Only valid epochs reach the backbones: taken out of their sequences, and put back into their places."""

import torch
from torch import Tensor

from mc2sleepnet.core.shapes import Bool, Float, Int


def places_of(is_valid: Bool[Tensor, "B L"]) -> Int[Tensor, "M"]:
    """Numbers of the valid epochs of a batch counted through; of a mask on a GPU the host has to wait for them."""
    return is_valid.flatten().nonzero()[:, 0]


def taken(sequences: Float[Tensor, "B L *A"], places: Int[Tensor, "M"]) -> Float[Tensor, "M *A"]:
    """The epochs at some places."""
    return sequences.flatten(0, 1).index_select(0, places)


def put_back(epochs: Float[Tensor, "M *A"], places: Int[Tensor, "M"], shape: torch.Size) -> Float[Tensor, "B L *A"]:
    """Epochs at their places among zeros; `shape` is [B, L]."""
    empty = epochs.new_zeros(shape.numel(), *epochs.shape[1:])
    return empty.index_copy(0, places, epochs).view(*shape, *epochs.shape[1:])
