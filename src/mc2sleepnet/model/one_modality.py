"""Two rivals: one backbone, its sequence stack, one head. What does the other modality add?"""

from abc import abstractmethod

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


class OneModality(StagingNetwork):
    """Epoch tokens of one modality through MC2SleepNet's sequence stack, alone, to one stage head."""

    positions: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.stack = SequenceStack(config, has_cross=False)
        self.stage_head = nn.Linear(config.token_width, N_STAGES)
        self.register_buffer(
            "positions", sinusoidal_positions(config.sequence_length, config.token_width), persistent=False
        )

    @property
    def token_shape(self) -> tuple[int, int]:
        """One token an epoch, of width D."""
        return 1, self.config.token_width

    @abstractmethod
    def encode_epochs(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R C"] | None = None
    ) -> Float[Tensor, "M D"]:
        """The backbone's token of single epochs."""

    def epoch_tokens(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R C"] | None = None
    ) -> Float[Tensor, "M 1 D"]:
        """The modality's token of single epochs, normalised as MC2SleepNet's."""
        return self.normalise(self.encode_epochs(signal_uv, statistics))[:, None]

    def predict(self, tokens: Float[Tensor, "B L 1 D"], is_valid: Bool[Tensor, "B L"]) -> Float[Tensor, "B L 5"]:
        """Logits of the stage head."""
        logits: Tensor = self.stage_head(self.stack(tokens[:, :, 0] + self.positions, is_valid))
        return logits

    def supervised_logits(self, tokens: Float[Tensor, "B L 1 D"], is_valid: Bool[Tensor, "B L"]) -> dict[str, Tensor]:
        """The one answer there is."""
        return {"stage": self.predict(tokens, is_valid)}


class SignalOnly(OneModality):
    """The raw backbone and a sequence stack."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.spectrogram = None
        self.signal_backbone = SignalBackbone(width=config.width, momentum=config.batch_norm_momentum)
        self.signal_token = nn.Linear(self.signal_backbone.width_out, config.token_width)

    def encode_epochs(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R C"] | None = None
    ) -> Float[Tensor, "M D"]:
        token: Tensor = self.signal_token(self.signal_backbone(self.raw_input(signal_uv, statistics)).mean(dim=2))
        return token

    def backbones(self) -> tuple[nn.Module, ...]:
        """The raw backbone and its token layer."""
        return self.signal_backbone, self.signal_token


class SpectrogramOnly(OneModality):
    """The spectrogram backbone and a sequence stack: SleepTransformer's shape."""

    spectrogram: Spectrogram

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.spectrogram = Spectrogram(config.spectrogram_views, is_filtered=config.spectrogram_filter == "recording")
        self.spectrogram_backbone = spectrogram_backbone(config)

    def encode_epochs(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R C"] | None = None
    ) -> Float[Tensor, "M D"]:
        token: Tensor = self.spectrogram_backbone(self.spectrogram(signal_uv, statistics))
        return token

    def backbones(self) -> tuple[nn.Module, ...]:
        """The spectrogram backbone."""
        return (self.spectrogram_backbone,)
