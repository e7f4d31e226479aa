"""MC2SleepNet: two backbones, two sequence stacks, and what pre-training adds. This file shows the paper.

One raw epoch goes through a CNN, its spectrogram through a Transformer; each becomes one *epoch token*. Sequences of
tokens go through one stack per modality, alone (*single view*) or looking at the other modality's tokens (*cross
view*). Pre-training aligns both tokens of an epoch by InfoNCE and lets each modality restore its masked epochs from
the other.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mc2sleepnet.core.shapes import Bool, Float
from mc2sleepnet.core.stages import N_STAGES
from mc2sleepnet.model.encoder_layer import EncoderLayer, sinusoidal_positions
from mc2sleepnet.model.masking import MaskingModule
from mc2sleepnet.model.signal_backbone import SignalBackbone
from mc2sleepnet.model.spectrogram import Spectrogram
from mc2sleepnet.model.spectrogram_backbone import SpectrogramBackbone

PAPER_WIDTH = 128
PAPER_FEED_FORWARD = 1024
PAPER_POOLING = 64
HEADS = 8


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """What decides the network's shape and its forward pass. The defaults are the preset ``paper``.

    Attributes
    ----------
    width
        Scale of every width of the network; 1.0 is the paper's.
    sequence_length
        L, epochs per sequence.
    spectrogram_layers, sequence_layers
        Encoder layers of the spectrogram backbone, and of each sequence stack.
    dropout
        On attention outputs and inside feed-forwards.
    batch_norm_momentum
        Of the raw backbone's running statistics.
    token_norm
        ``"layer"``: parameter-free LayerNorm on both backbones' tokens. ``"none"``: tokens as they come.
    restoration_layer
        Whether a Linear(D→D), dropped after pre-training, ends the restoration of masked tokens.
    single_view_restarts
        The author's published loop: in pre-training's single-view pass every layer restarts from the input, so
        that only the last one counts.
    """

    width: float = 1.0
    sequence_length: int = 16
    spectrogram_layers: int = 4
    sequence_layers: int = 4
    dropout: float = 0.1
    batch_norm_momentum: float = 0.1
    token_norm: Literal["layer", "none"] = "layer"
    restoration_layer: bool = True
    single_view_restarts: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.width <= 4:
            raise ValueError(f"width must lie in (0, 4], not {self.width}")
        if self.sequence_length < 1 or self.spectrogram_layers < 1 or self.sequence_layers < 1:
            raise ValueError("sequence_length, spectrogram_layers and sequence_layers must be at least 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), not {self.dropout}")
        if not 0 < self.batch_norm_momentum <= 1:
            raise ValueError(f"batch_norm_momentum must lie in (0, 1], not {self.batch_norm_momentum}")
        if self.token_norm not in ("layer", "none"):
            raise ValueError(f"token_norm must be 'layer' or 'none', not {self.token_norm!r}")

    @property
    def token_width(self) -> int:
        """D: the paper's 128 scaled, rounded so that the heads divide it."""
        return max(HEADS, HEADS * round(PAPER_WIDTH * self.width / HEADS))

    @property
    def feed_forward(self) -> int:
        """Hidden width of every feed-forward."""
        return max(HEADS, round(PAPER_FEED_FORWARD * self.width))

    def to_json(self) -> dict[str, Any]:
        """Every option by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, options: dict[str, Any]) -> "NetworkConfig":
        """Rebuild from `to_json`; an unknown or missing option is a ValueError."""
        known = {field.name for field in fields(cls)}
        if set(options) != known:
            raise ValueError(f"options differ from this version's: {sorted(set(options) ^ known)}")
        return cls(**options)


class Tokens(NamedTuple):
    """One epoch token per epoch and modality, both [B, L, D]."""

    signal: Float[Tensor, "B L D"]
    spectrogram: Float[Tensor, "B L D"]


class StageLogits(NamedTuple):
    """Stage logits of the two modalities and of their fusion, each [B, L, 5]."""

    signal: Float[Tensor, "B L 5"]
    spectrogram: Float[Tensor, "B L 5"]
    fusion: Float[Tensor, "B L 5"]


class SequenceStack(nn.Module):
    """Encoder layers over a sequence of epoch tokens; the same weights serve both views [A].

    Positions are added by the caller, once, where tokens enter.

    Shape: [B, L, D], memory [B, L, D] or None → [B, L, D]
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(
                width=config.token_width,
                heads=HEADS,
                feed_forward=config.feed_forward,
                dropout=config.dropout,
                has_cross=True,
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


class MC2SleepNet(nn.Module):
    """The network that scores: backbones, sequence stacks and heads. 6,051,407 parameters at width 1.0."""

    positions: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.token_width
        self.spectrogram = Spectrogram()
        self.signal_backbone = SignalBackbone(width=config.width, momentum=config.batch_norm_momentum)
        self.signal_token = nn.Linear(self.signal_backbone.width_out, width)
        self.spectrogram_backbone = SpectrogramBackbone(
            width=width,
            heads=HEADS,
            feed_forward=config.feed_forward,
            layers=config.spectrogram_layers,
            dropout=config.dropout,
            pooling=max(1, round(PAPER_POOLING * config.width)),
        )
        self.signal_stack = SequenceStack(config)
        self.spectrogram_stack = SequenceStack(config)
        self.stage_head = nn.Linear(width, N_STAGES)
        self.fusion_head = nn.Linear(2 * width, N_STAGES)
        self.register_buffer("positions", sinusoidal_positions(config.sequence_length, width), persistent=False)

    def encode_epochs(self, signal_uv: Float[Tensor, "M T"]) -> tuple[Tensor, Tensor]:
        """Both modalities' tokens of single epochs.

        Shape: [M, T] µV → [M, D], [M, D]
        """
        signal = self.signal_token(self.signal_backbone(signal_uv).mean(dim=2))
        spectrogram = self.spectrogram_backbone(self.spectrogram(signal_uv))
        return self.normalise(signal), self.normalise(spectrogram)

    def normalise(self, token: Float[Tensor, "*A D"]) -> Float[Tensor, "*A D"]:
        """Parameter-free LayerNorm, in float32, where the config asks for it."""
        if self.config.token_norm == "none":
            return token
        return F.layer_norm(token.float(), token.shape[-1:])

    def encode(self, signal_uv: Float[Tensor, "B L T"], is_valid: Bool[Tensor, "B L"]) -> Tokens:
        """Tokens of sequences of epochs; padding never reaches the backbones, and its tokens are zero."""
        encoded = self.encode_epochs(signal_uv[is_valid])
        empty = encoded[0].new_zeros(*is_valid.shape, self.config.token_width)
        return Tokens(*(empty.masked_scatter(is_valid[:, :, None], tokens.to(empty.dtype)) for tokens in encoded))

    def single_view(self, tokens: Tokens, is_valid: Bool[Tensor, "B L"]) -> StageLogits:
        """Each modality through its own stack, alone; the fusion head reads both outputs."""
        signal, spectrogram = (modality + self.positions for modality in tokens)
        return self.classify(self.signal_stack(signal, is_valid), self.spectrogram_stack(spectrogram, is_valid))

    def cross_view(self, tokens: Tokens, is_valid: Bool[Tensor, "B L"]) -> StageLogits:
        """Each modality through its own stack, looking at the other's input tokens at every layer."""
        signal, spectrogram = (modality + self.positions for modality in tokens)
        return self.classify(
            self.signal_stack(signal, is_valid, spectrogram),
            self.spectrogram_stack(spectrogram, is_valid, signal),
        )

    def classify(self, signal: Float[Tensor, "B L D"], spectrogram: Float[Tensor, "B L D"]) -> StageLogits:
        """One stage head shared by modalities and views, one fusion head over both [A]."""
        return StageLogits(
            signal=self.stage_head(signal),
            spectrogram=self.stage_head(spectrogram),
            fusion=self.fusion_head(torch.cat([signal, spectrogram], dim=2)),
        )

    def forward(self, signal_uv: Float[Tensor, "B L T"], is_valid: Bool[Tensor, "B L"]) -> Tensor:
        """Logits of the prediction: the cross-view fusion head.

        Shape: [B, L, T] µV, [B, L] → [B, L, 5]
        """
        return self.cross_view(self.encode(signal_uv, is_valid), is_valid).fusion


class PretrainingModules(nn.Module):
    """What only pre-training needs, dropped afterwards: the projector and, per modality, masking and restoration."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.token_width
        self.projector = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.signal_masking, self.spectrogram_masking = (
            MaskingModule(
                width=width,
                length=config.sequence_length,
                feed_forward=config.feed_forward,
                dropout=config.dropout,
            )
            for _ in range(2)
        )
        self.signal_restoration, self.spectrogram_restoration = (
            nn.Linear(width, width) if config.restoration_layer else nn.Identity() for _ in range(2)
        )


class PretrainingNetwork(nn.Module):
    """The network with pre-training's modules: everything that phase trains.

    At width 1.0 6,745,167 parameters, and 33,024 more with the two restoration layers.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.network = MC2SleepNet(config)
        self.extra = PretrainingModules(config)

    def single_view(self, tokens: Tokens, is_valid: Bool[Tensor, "B L"]) -> StageLogits:
        """The network's single view, or, with `single_view_restarts`, the author's loop."""
        if not self.network.config.single_view_restarts:
            return self.network.single_view(tokens, is_valid)
        network = self.network
        signal, spectrogram = (modality + network.positions for modality in tokens)
        return network.classify(
            network.signal_stack(signal, is_valid, restarts=True),
            network.spectrogram_stack(spectrogram, is_valid, restarts=True),
        )

    def restore(
        self,
        tokens: Tokens,
        signal_is_masked: Bool[Tensor, "B L"],
        spectrogram_is_masked: Bool[Tensor, "B L"],
        is_valid: Bool[Tensor, "B L"],
    ) -> Tokens:
        """Cross-masking: each modality, its masked epochs hidden, restored beside the other's unmasked tokens."""
        network, extra = self.network, self.extra
        signal, spectrogram = (modality + network.positions for modality in tokens)
        holed_signal = extra.signal_masking(tokens.signal, signal_is_masked, is_valid) + network.positions
        holed_spectrogram = (
            extra.spectrogram_masking(tokens.spectrogram, spectrogram_is_masked, is_valid) + network.positions
        )
        return Tokens(
            signal=extra.signal_restoration(network.signal_stack(holed_signal, is_valid, spectrogram)),
            spectrogram=extra.spectrogram_restoration(network.spectrogram_stack(holed_spectrogram, is_valid, signal)),
        )
