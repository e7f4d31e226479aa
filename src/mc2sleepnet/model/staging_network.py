"""What every network here can do, MC2SleepNet and its rivals: encode epochs, then relate the tokens of a sequence."""

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor, nn

from mc2sleepnet.core.completion import Completion
from mc2sleepnet.core.shapes import Bool, Float, Int
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.precision import at_least_float32
from mc2sleepnet.model.spectrogram import Spectrogram
from mc2sleepnet.model.valid_epochs import places_of, put_back, taken

DEVIATION_FLOOR_UV = 0.1
# In deviations of the recording; what is beyond is no brain.
SIGNAL_Z_LIMIT = 30.0


class StagingNetwork(nn.Module, ABC):
    """A network that scores sequences of epochs in two steps, so that a night encodes every epoch once.

    S is the number of tokens an epoch becomes: one per modality.

    Attributes
    ----------
    config
        Its options.
    spectrogram
        The front end whose statistics the training epochs set; None where the network reads no spectrogram.
    completion
        What makes a recording's own statistics those that the network is given; None where they are given as they are.
    """

    config: NetworkConfig
    spectrogram: Spectrogram | None
    completion: Completion | None = None

    @property
    @abstractmethod
    def token_shape(self) -> tuple[int, int]:
        """S and D: tokens of an epoch, and their width."""

    @abstractmethod
    def epoch_tokens(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R C"] | None = None
    ) -> Float[Tensor, "M S D"]:
        """Tokens of single epochs.

        With `margin_samples` of their neighbours on each side, and `statistics` of their recordings,
        [M or 1, N_STATISTICS], where the config asks for them.
        """

    @abstractmethod
    def supervised_logits(self, tokens: Float[Tensor, "B L S D"], is_valid: Bool[Tensor, "B L"]) -> dict[str, Tensor]:
        """Every answer that learns from the stages, by name, each [B, L, 5]."""

    @abstractmethod
    def predict(self, tokens: Float[Tensor, "B L S D"], is_valid: Bool[Tensor, "B L"]) -> Float[Tensor, "B L 5"]:
        """Logits of the answer that scores."""

    @abstractmethod
    def backbones(self) -> tuple[nn.Module, ...]:
        """What turns an epoch into its tokens, and can be frozen."""

    def sequence_tokens(
        self,
        signal_uv: Float[Tensor, "B L T"],
        is_valid: Bool[Tensor, "B L"],
        statistics: Float[Tensor, "B C"] | None = None,
        places: Int[Tensor, "M"] | None = None,
    ) -> Float[Tensor, "B L S D"]:
        """Tokens of sequences of epochs; padding never reaches the backbones, and its tokens are zero.

        Whoever knows the `places` of the valid epochs (`valid_epochs`) gives them, so that nobody waits for a GPU.
        """
        places = places_of(is_valid) if places is None else places
        encoded = self.epoch_tokens(taken(signal_uv, places), of_each_epoch(statistics, is_valid, places))
        return put_back(encoded, places, is_valid.shape)

    def forward(
        self,
        signal_uv: Float[Tensor, "B L T"],
        is_valid: Bool[Tensor, "B L"],
        statistics: Float[Tensor, "B C"] | None = None,
    ) -> Tensor:
        """Logits of the prediction.

        Shape: [B, L, T] µV, [B, L] → [B, L, 5]
        """
        return self.predict(self.sequence_tokens(signal_uv, is_valid, statistics), is_valid)

    def raw_input(
        self, signal_uv: Float[Tensor, "M W"], statistics: Float[Tensor, "R C"] | None
    ) -> Float[Tensor, "M T"]:
        """What a raw backbone reads: µV, or with `signal_norm` "recording" deviations from the recording's median."""
        if self.config.margin_samples:
            signal_uv = signal_uv[:, self.config.margin_samples : -self.config.margin_samples]
        if self.config.signal_norm == "none":
            return signal_uv
        assert statistics is not None, "signal_norm='recording' needs the recording's statistics"
        median_uv, deviation_uv = statistics[:, -2:-1], statistics[:, -1:]
        z = (signal_uv - median_uv) / deviation_uv.clamp(min=DEVIATION_FLOOR_UV)
        return z.clamp(-SIGNAL_Z_LIMIT, SIGNAL_Z_LIMIT)

    def normalise(self, token: Float[Tensor, "*A D"]) -> Float[Tensor, "*A D"]:
        """Parameter-free LayerNorm, in float32, where the config asks for it."""
        if self.config.token_norm == "none":
            return token
        return F.layer_norm(at_least_float32(token), token.shape[-1:])


def of_each_epoch(
    statistics: Float[Tensor, "B C"] | None, is_valid: Bool[Tensor, "B L"], places: Int[Tensor, "M"]
) -> Float[Tensor, "M C"] | None:
    """A row for every valid epoch of sequences that have a row each."""
    return None if statistics is None else taken(statistics[:, None].expand(-1, is_valid.shape[1], -1), places)
