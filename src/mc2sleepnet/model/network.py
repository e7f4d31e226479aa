"""MC2SleepNet: two backbones, two sequence stacks, and heads. This file shows the paper.

One raw epoch goes through a CNN, its spectrogram through a Transformer; each becomes one *epoch token*. Sequences of
tokens go through one stack per modality, alone (*single view*) or looking at the other modality's tokens (*cross
view*). Pre-training aligns both tokens of an epoch by InfoNCE and lets each modality restore its masked epochs from
the other: `pretraining_network` adds what that needs.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mc2sleepnet.core.shapes import Bool, Float, Int
from mc2sleepnet.core.slow_drift import drift_cosines
from mc2sleepnet.core.stages import N_STAGES
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.encoder_layer import sinusoidal_positions
from mc2sleepnet.model.precision import full_precision
from mc2sleepnet.model.sequence_stack import SequenceStack, layerwise
from mc2sleepnet.model.signal_backbone import SignalBackbone
from mc2sleepnet.model.spectrogram import Spectrogram
from mc2sleepnet.model.spectrogram_backbone import spectrogram_backbone
from mc2sleepnet.model.staging_network import StagingNetwork, of_each_epoch
from mc2sleepnet.model.valid_epochs import places_of, put_back, taken

__all__ = ["MC2SleepNet", "NetworkConfig", "StageLogits", "Tokens"]


class Tokens(NamedTuple):
    """One epoch token per epoch and modality, both [B, L, D]."""

    signal: Float[Tensor, "B L D"]
    spectrogram: Float[Tensor, "B L D"]

    @staticmethod
    def of(both: Float[Tensor, "B L 2 D"]) -> "Tokens":
        """Signal and spectrogram apart."""
        return Tokens(both[:, :, 0], both[:, :, 1])


class StageLogits(NamedTuple):
    """Stage logits of the two modalities and of their fusion, each [B, L, 5]."""

    signal: Float[Tensor, "B L 5"]
    spectrogram: Float[Tensor, "B L 5"]
    fusion: Float[Tensor, "B L 5"]


class MC2SleepNet(StagingNetwork):
    """The network that scores: backbones, sequence stacks and heads. 6,051,407 parameters at width 1.0."""

    positions: Tensor
    cosines: Tensor | None
    spectrogram: Spectrogram

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.token_width
        self.spectrogram = Spectrogram(config.spectrogram_views, is_filtered=config.spectrogram_filter == "recording")
        self.signal_backbone = SignalBackbone(width=config.width, momentum=config.batch_norm_momentum)
        self.signal_token = nn.Linear(self.signal_backbone.width_out, width)
        self.spectrogram_backbone = spectrogram_backbone(config)
        self.signal_stack = SequenceStack(config)
        self.spectrogram_stack = SequenceStack(config)
        self.stage_head = nn.Linear(width, N_STAGES)
        self.fusion_head = nn.Linear(2 * width, N_STAGES)
        cosines = torch.from_numpy(drift_cosines()).float() if config.removes_drift else None
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("positions", sinusoidal_positions(config.sequence_length, width), persistent=False)

    def encode_epochs(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R C"] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Both modalities' tokens of single epochs; `statistics` of their recordings, a row each or one for all.

        Shape: [M, T] µV, [M or 1, N_STATISTICS] → [M, D], [M, D]
        """
        raw, spectrogram = self.front_end(signal_uv, statistics)
        signal = self.signal_token(self.signal_backbone(raw).mean(dim=2))
        return self.normalise(signal), self.normalise(self.spectrogram_backbone(spectrogram))

    def front_end(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R C"] | None = None
    ) -> tuple[Tensor, Tensor]:
        """What the backbones read: raw epochs, and their spectrograms.

        Shape: [M, T] µV, [M or 1, N_STATISTICS] → [M, T], [M, F, V·K]
        """
        signal_uv = self.without_drift(signal_uv)
        return self.raw_input(signal_uv, statistics), self.spectrogram(signal_uv, statistics)

    def without_drift(self, signal_uv: Float[Tensor, "M T"]) -> Float[Tensor, "M T"]:
        """What `core.slow_drift` leaves of epochs, where the config asks for it."""
        if self.cosines is None:
            return signal_uv
        with full_precision(signal_uv.device):
            return signal_uv - (signal_uv @ self.cosines) @ self.cosines.T

    @property
    def token_shape(self) -> tuple[int, int]:
        """Two tokens an epoch, of width D."""
        return 2, self.config.token_width

    def epoch_tokens(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R C"] | None = None
    ) -> Float[Tensor, "M 2 D"]:
        """Both modalities' tokens of single epochs, signal first."""
        return torch.stack(self.encode_epochs(signal_uv, statistics), dim=1)

    @property
    def prediction_layer(self) -> nn.Linear:
        """The last layer of `predict`."""
        return self.fusion_head if self.config.prediction_head == "fusion" else self.stage_head

    def backbones(self) -> tuple[nn.Module, ...]:
        """Frozen in fine-tuning: both backbones and the signal's token layer."""
        return self.signal_backbone, self.signal_token, self.spectrogram_backbone

    def encode(
        self,
        signal_uv: Float[Tensor, "B L T"],
        is_valid: Bool[Tensor, "B L"],
        statistics: Float[Tensor, "B C"] | None = None,
        places: Int[Tensor, "M"] | None = None,
    ) -> Tokens:
        """`sequence_tokens`, the modalities apart."""
        places = places_of(is_valid) if places is None else places
        encoded = self.encode_epochs(taken(signal_uv, places), of_each_epoch(statistics, is_valid, places))
        return Tokens(*(put_back(tokens.to(encoded[0].dtype), places, is_valid.shape) for tokens in encoded))

    def single_view(self, tokens: Tokens, is_valid: Bool[Tensor, "B L"]) -> StageLogits:
        """Each modality through its own stack, alone; the fusion head reads both outputs."""
        signal, spectrogram = (modality + self.positions for modality in tokens)
        return self.classify(self.signal_stack(signal, is_valid), self.spectrogram_stack(spectrogram, is_valid))

    def cross_view(self, tokens: Tokens, is_valid: Bool[Tensor, "B L"]) -> StageLogits:
        """Each modality through its own stack, looking at the other's tokens at every layer (`cross_memory`)."""
        signal, spectrogram = (modality + self.positions for modality in tokens)
        if self.config.cross_memory == "layerwise":
            return self.classify(*layerwise(self.signal_stack, self.spectrogram_stack, signal, spectrogram, is_valid))
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

    def supervised_logits(self, tokens: Float[Tensor, "B L 2 D"], is_valid: Bool[Tensor, "B L"]) -> dict[str, Tensor]:
        """The five answers of fine-tuning: the cross view's fusion, and both modalities in both views."""
        both = Tokens.of(tokens)
        single, cross = self.single_view(both, is_valid), self.cross_view(both, is_valid)
        answers = {
            "fusion": cross.fusion,
            "cross_signal": cross.signal,
            "cross_spectrogram": cross.spectrogram,
            "single_signal": single.signal,
            "single_spectrogram": single.spectrogram,
        }
        if (self.config.prediction_view, self.config.prediction_head) == ("single", "fusion"):
            # Only pre-training asks this head for single views; what is to predict has to learn.
            answers["fusion"] = single.fusion
        return answers

    def predict(self, tokens: Float[Tensor, "B L 2 D"], is_valid: Bool[Tensor, "B L"]) -> Float[Tensor, "B L 5"]:
        """Logits of the prediction: the cross view's fusion head, or what `prediction_view` and `_head` name."""
        view = self.cross_view if self.config.prediction_view == "cross" else self.single_view
        head: Tensor = getattr(view(Tokens.of(tokens), is_valid), self.config.prediction_head)
        return head
