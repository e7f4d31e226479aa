"""The sequence part: encoder layers over epoch tokens, alone or looking at another modality's."""

from torch import Tensor, nn

from mc2sleepnet.core.shapes import Bool, Float
from mc2sleepnet.model.config import HEADS, NetworkConfig
from mc2sleepnet.model.encoder_layer import EncoderLayer


class SequenceStack(nn.Module):
    """Encoder layers over a sequence of epoch tokens; the same weights serve both views [A].

    Positions are added by the caller, once, where tokens enter.

    Shape: [B, L, D], memory [B, L, D] or None → [B, L, D]

    Parameters
    ----------
    config
        Widths, depth, dropout.
    has_cross
        Whether the layers can look at a memory.
    """

    def __init__(self, config: NetworkConfig, *, has_cross: bool = True) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(
                width=config.token_width,
                heads=HEADS,
                feed_forward=config.feed_forward,
                dropout=config.dropout,
                has_cross=has_cross,
            )
            for _ in range(config.sequence_layers)
        )

    def forward(
        self,
        tokens: Float[Tensor, "B L D"],
        is_valid: Bool[Tensor, "B L"],
        memory: Float[Tensor, "B L D"] | None = None,
        *,
        restarts: bool = False,
    ) -> Float[Tensor, "B L D"]:
        x = tokens
        for layer in self.layers:
            x = layer(tokens if restarts else x, is_valid, memory, is_valid)
        return x


def layerwise(
    one: SequenceStack,
    other: SequenceStack,
    one_tokens: Float[Tensor, "B L D"],
    other_tokens: Float[Tensor, "B L D"],
    is_valid: Bool[Tensor, "B L"],
) -> tuple[Tensor, Tensor]:
    """Two stacks in step: at every layer each looks at what the other has made of its tokens by then.

    Shape: [B, L, D], [B, L, D], [B, L] → [B, L, D], [B, L, D]
    """
    for one_layer, other_layer in zip(one.layers, other.layers, strict=True):
        one_tokens, other_tokens = (
            one_layer(one_tokens, is_valid, other_tokens, is_valid),
            other_layer(other_tokens, is_valid, one_tokens, is_valid),
        )
    return one_tokens, other_tokens
