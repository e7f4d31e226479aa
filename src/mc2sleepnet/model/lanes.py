"""Layers of several trained networks of one shape as one layer: a lane each, and one product of matrices for all.

What scores is prepared anew by every process that scores, node by node, and products of small matrices are slow one
by one. So networks are exported side by side: the same weights, stacked, in a graph as small as a single network's.
Only for scoring: nothing here learns, and dropout is gone.

N is the number of lanes, R the number of rows that go through each: tokens of all sequences, one behind the other.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.model.encoder_layer import Attention, EncoderLayer
from mc2sleepnet.model.spectrogram_backbone import AttentionPooling


class LaneLinear(nn.Module):
    """Linear layers. Shape: [N, R, D_in] → [N, R, D_out]"""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, lanes: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.register_buffer("weight", torch.stack([lane.weight.detach().T for lane in lanes]))
        biases = [lane.bias.detach() for lane in lanes if lane.bias is not None]
        self.register_buffer("bias", torch.stack(biases)[:, None] if biases else None)

    def forward(self, x: Float[Tensor, "N R D"]) -> Float[Tensor, "N R E"]:
        y = x @ self.weight
        return y if self.bias is None else y + self.bias


class LaneNorm(nn.Module):
    """LayerNorms. Shape: [N, R, D] → [N, R, D]"""

    weight: Tensor
    bias: Tensor

    def __init__(self, lanes: Sequence[nn.LayerNorm]) -> None:
        super().__init__()
        self.shape, self.eps = lanes[0].normalized_shape, lanes[0].eps
        self.register_buffer("weight", torch.stack([lane.weight.detach() for lane in lanes])[:, None])
        self.register_buffer("bias", torch.stack([lane.bias.detach() for lane in lanes])[:, None])

    def forward(self, x: Float[Tensor, "N R D"]) -> Float[Tensor, "N R D"]:
        return F.layer_norm(x, self.shape, eps=self.eps) * self.weight + self.bias


class LaneAttention(nn.Module):
    """Attentions over sequences of one length; the heads of all lanes are one product.

    Shape: queries and memory [N, B·L, D], bias [N·B, 1, 1, L] → [N, B·L, D]

    Parameters
    ----------
    lanes
        The attentions.
    length
        L, tokens of a sequence.
    """

    def __init__(self, lanes: Sequence[Attention], *, length: int) -> None:
        super().__init__()
        self.n_lanes, self.heads, self.length = len(lanes), lanes[0].heads, length
        self.query, self.key, self.value, self.output = (
            LaneLinear([getattr(lane, name) for lane in lanes]) for name in ("query", "key", "value", "output")
        )
        self.query.weight.mul_((self.query.weight.shape[2] // self.heads) ** -0.5)

    def forward(
        self, queries: Float[Tensor, "N R D"], memory: Float[Tensor, "N R D"], bias: Tensor | None
    ) -> Float[Tensor, "N R D"]:
        query, key, value = (
            layer(tokens).reshape(-1, self.length, self.heads, queries.shape[2] // self.heads).transpose(1, 2)
            for layer, tokens in ((self.query, queries), (self.key, memory), (self.value, memory))
        )
        score = query @ key.transpose(2, 3)
        weight = (score if bias is None else score + bias).softmax(dim=3)
        attended: Tensor = self.output((weight @ value).transpose(1, 2).reshape(self.n_lanes, -1, queries.shape[2]))
        return attended


class LaneEncoderLayer(nn.Module):
    """Encoder layers: `encoder_layer.EncoderLayer`, whose formula this is.

    Shape: [N, B·L, D] (memory [N, B·L, D], bias [N·B, 1, 1, L]) → [N, B·L, D]

    Parameters
    ----------
    lanes
        The layers.
    length
        L, tokens of a sequence.
    has_memory
        Whether they look at one.
    """

    def __init__(self, lanes: Sequence[EncoderLayer], *, length: int, has_memory: bool) -> None:
        super().__init__()
        self.self_attention = LaneAttention([lane.self_attention for lane in lanes], length=length)
        self.self_norm = LaneNorm([lane.self_norm for lane in lanes])
        if has_memory:
            self.cross_attention = LaneAttention([lane.cross_attention for lane in lanes], length=length)
            self.cross_norm = LaneNorm([lane.cross_norm for lane in lanes])
        first, last = zip(*(_linear_in(lane.feed_forward) for lane in lanes), strict=True)
        self.feed_forward = nn.Sequential(LaneLinear(first), nn.GELU(), LaneLinear(last))
        self.feed_forward_norm = LaneNorm([lane.feed_forward_norm for lane in lanes])

    def forward(
        self, x: Float[Tensor, "N R D"], memory: Float[Tensor, "N R D"] | None = None, bias: Tensor | None = None
    ) -> Float[Tensor, "N R D"]:
        x = self.self_norm(x + self.self_attention(x, x, bias))
        if memory is not None:
            x = self.cross_norm(x + self.cross_attention(x, memory, bias))
        output: Tensor = self.feed_forward_norm(x + self.feed_forward(x))
        return output


class LanePooling(nn.Module):
    """Attention poolings. Shape: [N, M·F, D] → [N, M, D]

    Parameters
    ----------
    lanes
        The poolings.
    length
        F, tokens that become one.
    """

    def __init__(self, lanes: Sequence[AttentionPooling], *, length: int) -> None:
        super().__init__()
        self.n_lanes, self.length = len(lanes), length
        self.hidden = LaneLinear([lane.hidden for lane in lanes])
        self.score = LaneLinear([lane.score for lane in lanes])

    def forward(self, tokens: Float[Tensor, "N R D"]) -> Float[Tensor, "N M D"]:
        weight = self.score(torch.tanh(self.hidden(tokens))).reshape(-1, self.length, 1).softmax(dim=1)
        pooled: Tensor = (weight * tokens.reshape(-1, self.length, tokens.shape[2])).sum(dim=1)
        return pooled.reshape(self.n_lanes, -1, tokens.shape[2])


def _linear_in(part: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in part if isinstance(layer, nn.Linear)]
