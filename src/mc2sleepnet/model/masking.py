"""Cross-masking: hide half of one modality's epochs, to be restored with the help of the other."""

import torch
from torch import Tensor, nn

from mc2sleepnet.core.shapes import Bool, Float, Int
from mc2sleepnet.model.encoder_layer import EncoderLayer

MASK_HEADS = 4
MASK_TOKEN_STD = 0.02


def hidden_count(n_valid: Int[Tensor, "B"], ratio: float) -> Int[Tensor, "B"]:
    """How many of n valid epochs are hidden: ``min(n − 1, max(1, ⌊M·n + 0.5⌋))``; none where n < 2."""
    wanted = torch.floor(ratio * n_valid.double() + 0.5).long().clamp(min=1)
    return torch.minimum(wanted, n_valid - 1).clamp(min=0)


def sample_is_masked(is_valid: Bool[Tensor, "B L"], ratio: float, generator: torch.Generator) -> Bool[Tensor, "B L"]:
    """Choose the epochs to hide, exactly `hidden_count` in every sequence, valid ones only.

    The draw is made on the generator's device (the CPU), so that masks do not depend on where a model trains.
    """
    return first_are_masked(torch.rand(is_valid.shape, generator=generator).to(is_valid.device), is_valid, ratio)


def first_are_masked(order: Float[Tensor, "B L"], is_valid: Bool[Tensor, "B L"], ratio: float) -> Bool[Tensor, "B L"]:
    """Hide the valid epochs that come first in an order, given by numbers in [0, 1)."""
    order = order.masked_fill(~is_valid, 2.0)
    rank = order.argsort(dim=1).argsort(dim=1)
    return rank < hidden_count(is_valid.sum(dim=1), ratio)[:, None]


def hide(
    tokens: Float[Tensor, "B L D"], is_masked: Bool[Tensor, "B L"], mask_token: Float[Tensor, "D"]
) -> Float[Tensor, "B L D"]:
    """Put the mask token where epochs are hidden; the others keep their order and places."""
    return torch.where(is_masked[:, :, None], mask_token.to(tokens.dtype), tokens)


class MaskingModule(nn.Module):
    """Hides epochs of one modality and lets one encoder block prepare the holes [A].

    Shape: [B, L, D], is_masked [B, L], is_valid [B, L] → [B, L, D]
    """

    def __init__(self, *, width: int, length: int, feed_forward: int, dropout: float) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(torch.empty(width))
        self.positions = nn.Parameter(torch.empty(length, width))
        nn.init.normal_(self.mask_token, std=MASK_TOKEN_STD)
        nn.init.normal_(self.positions, std=MASK_TOKEN_STD)
        self.block = EncoderLayer(
            width=width, heads=MASK_HEADS, feed_forward=feed_forward, dropout=dropout, has_cross=False
        )

    def forward(
        self, tokens: Float[Tensor, "B L D"], is_masked: Bool[Tensor, "B L"], is_valid: Bool[Tensor, "B L"]
    ) -> Float[Tensor, "B L D"]:
        holed = hide(tokens, is_masked, self.mask_token) + self.positions
        prepared: Tensor = self.block(holed, is_valid)
        return prepared
