"""A rival: both modalities, each in its own stack, joined by one head. What do cross-attention and contrast add?"""

import torch
from torch import Tensor, nn

from mc2sleepnet.core.shapes import Bool, Float
from mc2sleepnet.core.stages import N_STAGES
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.encoder_layer import sinusoidal_positions
from mc2sleepnet.model.sequence_stack import SequenceStack
from mc2sleepnet.model.signal_backbone import SignalBackbone
from mc2sleepnet.model.spectrogram import Spectrogram
from mc2sleepnet.model.spectrogram_backbone import spectrogram_backbone
from mc2sleepnet.model.staging_network import StagingNetwork


class Concatenated(StagingNetwork):
    """MC2SleepNet's backbones and stacks without a look at each other; a fusion head on both outputs."""

    positions: Tensor
    spectrogram: Spectrogram

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.token_width
        self.spectrogram = Spectrogram(config.spectrogram_views, is_filtered=config.spectrogram_filter == "recording")
        self.signal_backbone = SignalBackbone(width=config.width, momentum=config.batch_norm_momentum)
        self.signal_token = nn.Linear(self.signal_backbone.width_out, width)
        self.spectrogram_backbone = spectrogram_backbone(config)
        self.signal_stack = SequenceStack(config, has_cross=False)
        self.spectrogram_stack = SequenceStack(config, has_cross=False)
        self.fusion_head = nn.Linear(2 * width, N_STAGES)
        self.register_buffer("positions", sinusoidal_positions(config.sequence_length, width), persistent=False)

    @property
    def token_shape(self) -> tuple[int, int]:
        """Two tokens an epoch, of width D."""
        return 2, self.config.token_width

    def epoch_tokens(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R C"] | None = None
    ) -> Float[Tensor, "M 2 D"]:
        """Both modalities' tokens of single epochs, signal first."""
        signal = self.signal_token(self.signal_backbone(self.raw_input(signal_uv, statistics)).mean(dim=2))
        spectrogram = self.spectrogram_backbone(self.spectrogram(signal_uv, statistics))
        return torch.stack([self.normalise(signal), self.normalise(spectrogram)], dim=1)

    def predict(self, tokens: Float[Tensor, "B L 2 D"], is_valid: Bool[Tensor, "B L"]) -> Float[Tensor, "B L 5"]:
        """Logits of the fusion head."""
        signal = self.signal_stack(tokens[:, :, 0] + self.positions, is_valid)
        spectrogram = self.spectrogram_stack(tokens[:, :, 1] + self.positions, is_valid)
        logits: Tensor = self.fusion_head(torch.cat([signal, spectrogram], dim=2))
        return logits

    def supervised_logits(self, tokens: Float[Tensor, "B L 2 D"], is_valid: Bool[Tensor, "B L"]) -> dict[str, Tensor]:
        """The one answer there is."""
        return {"fusion": self.predict(tokens, is_valid)}

    def backbones(self) -> tuple[nn.Module, ...]:
        """Both backbones and the signal's token layer."""
        return self.signal_backbone, self.signal_token, self.spectrogram_backbone
