"""Transformer encoder layers, post-norm, with an optional look at a memory; and the positions tokens carry."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mc2sleepnet.core.shapes import Bool, Float
from mc2sleepnet.model.dropout import Dropout, Rows
from mc2sleepnet.model.precision import LayerNorm

NORM_EPS = 1e-12


def sinusoidal_positions(length: int, width: int) -> Float[Tensor, "L D"]:
    """Sines and cosines of geometrically spaced wavelengths, 2π to 10000·2π (Vaswani et al. 2017, section 3.5)."""
    position = torch.arange(length, dtype=torch.float64)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10_000.0) / width))
    positions = torch.empty(length, width, dtype=torch.float64)
    positions[:, 0::2] = torch.sin(position * rate)
    positions[:, 1::2] = torch.cos(position * rate)
    return positions.float()


class Attention(nn.Module):
    """Multi-head scaled dot-product attention, no biases.

    Shape: queries [B, L, D], memory [B, S, D], is_valid [B, S] → [B, L, D]
    """

    def __init__(self, *, width: int, heads: int) -> None:
        super().__init__()
        assert width % heads == 0
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.output = nn.Linear(width, width, bias=False)

    def forward(
        self,
        queries: Float[Tensor, "B L D"],
        memory: Float[Tensor, "B S D"],
        is_valid: Bool[Tensor, "B S"] | None = None,
    ) -> Float[Tensor, "B L D"]:
        query, key, value = (
            layer(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, tokens in ((self.query, queries), (self.key, memory), (self.value, memory))
        )
        is_seen = None if is_valid is None else is_valid[:, None, None, :]
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=is_seen)
        output: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return output


class EncoderLayer(nn.Module):
    """Post-norm encoder layer: self-attention, cross-attention where it has a memory, feed-forward [A].

    ``x = LN1(x + SelfAttn(x)); if memory: x = LN3(x + CrossAttn(q=x, kv=memory)); x = LN2(x + FFN(x))``

    Dropout stands on the attentions' output and inside the feed-forward; only LayerNorms have biases.
    At width 128 and feed-forward 1024: 328,192 parameters, with cross-attention 393,984.

    Shape: [B, L, D] (memory [B, S, D]) → [B, L, D]
    """

    def __init__(
        self, *, width: int, heads: int, feed_forward: int, dropout: float, has_cross: bool, rows: Rows = "sequences"
    ) -> None:
        super().__init__()
        self.self_attention = Attention(width=width, heads=heads)
        self.self_norm = LayerNorm(width, eps=NORM_EPS)
        if has_cross:
            self.cross_attention = Attention(width=width, heads=heads)
            self.cross_norm = LayerNorm(width, eps=NORM_EPS)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, feed_forward, bias=False),
            nn.GELU(),
            Dropout(dropout, rows=rows),
            nn.Linear(feed_forward, width, bias=False),
        )
        self.feed_forward_norm = LayerNorm(width, eps=NORM_EPS)
        self.dropout = Dropout(dropout, rows=rows)

    def forward(
        self,
        x: Float[Tensor, "B L D"],
        is_valid: Bool[Tensor, "B L"] | None = None,
        memory: Float[Tensor, "B S D"] | None = None,
        memory_is_valid: Bool[Tensor, "B S"] | None = None,
    ) -> Float[Tensor, "B L D"]:
        x = self.self_norm(x + self.dropout(self.self_attention(x, x, is_valid)))
        if memory is not None:
            x = self.cross_norm(x + self.dropout(self.cross_attention(x, memory, memory_is_valid)))
        output: Tensor = self.feed_forward_norm(x + self.feed_forward(x))
        return output
