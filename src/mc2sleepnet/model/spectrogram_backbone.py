"""The spectrogram backbone: SleepTransformer's epoch encoder, 29 frame tokens to one epoch token."""

import torch
from torch import Tensor, nn

from mc2sleepnet.core.recording_statistics import N_BINS, N_FRAMES
from mc2sleepnet.core.shapes import Float
from mc2sleepnet.model.config import HEADS, NetworkConfig
from mc2sleepnet.model.encoder_layer import EncoderLayer, sinusoidal_positions


class AttentionPooling(nn.Module):
    """Weighted mean of frame tokens, ``softmax(uᵀ tanh(Wx + b))``.

    Shape: [M, F, D] → [M, D]
    """

    def __init__(self, *, width: int, size: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, size)
        self.score = nn.Linear(size, 1, bias=False)

    def forward(self, tokens: Float[Tensor, "M F D"]) -> Float[Tensor, "M D"]:
        weight: Tensor = self.score(torch.tanh(self.hidden(tokens))).softmax(dim=1)
        return (weight * tokens).sum(dim=1)


class SpectrogramBackbone(nn.Module):
    """Transformer over the frames of one epoch [S][A].

    Shape: [M, F, V·K] → [M, D], of V views
    """

    positions: Tensor

    def __init__(
        self, *, width: int, heads: int, feed_forward: int, layers: int, dropout: float, pooling: int, views: int = 1
    ) -> None:
        super().__init__()
        self.entrance = nn.Identity() if width == views * N_BINS else nn.Linear(views * N_BINS, width)
        self.register_buffer("positions", sinusoidal_positions(N_FRAMES, width), persistent=False)
        self.layers = nn.ModuleList(
            EncoderLayer(
                width=width, heads=heads, feed_forward=feed_forward, dropout=dropout, has_cross=False, rows="epochs"
            )
            for _ in range(layers)
        )
        self.pooling = AttentionPooling(width=width, size=pooling)

    def forward(self, spectrogram: Float[Tensor, "M F C"]) -> Float[Tensor, "M D"]:
        tokens = self.entrance(spectrogram) + self.positions
        for layer in self.layers:
            tokens = layer(tokens)
        pooled: Tensor = self.pooling(tokens)
        return pooled


def spectrogram_backbone(config: NetworkConfig) -> SpectrogramBackbone:
    """The backbone of a network's options."""
    return SpectrogramBackbone(
        width=config.token_width,
        heads=HEADS,
        feed_forward=config.feed_forward,
        layers=config.spectrogram_layers,
        dropout=config.dropout,
        pooling=config.pooling,
        views=len(config.spectrogram_views),
    )
