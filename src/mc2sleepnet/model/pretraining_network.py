"""The network with what only pre-training needs: projector, masking, restoration."""

from typing import Literal

from torch import Tensor, nn

from mc2sleepnet.core.shapes import Bool
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.masking import MaskingModule
from mc2sleepnet.model.network import MC2SleepNet, StageLogits, Tokens
from mc2sleepnet.model.sequence_stack import layerwise


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
        assert config.architecture == "mc2sleepnet"
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
        *,
        memory: Literal["other", "none"] = "other",
    ) -> Tokens:
        """Cross-masking: each modality, its masked epochs hidden, restored beside the other's unmasked tokens.

        With `memory` ``"none"`` it has to do without the other modality: what cross-masking is compared with. With
        `cross_memory` ``"layerwise"`` the other stack, reading its unmasked tokens, looks at the holed modality.
        """
        network, extra = self.network, self.extra
        signal, spectrogram = (modality + network.positions for modality in tokens)
        holed_signal = extra.signal_masking(tokens.signal, signal_is_masked, is_valid) + network.positions
        holed_spectrogram = (
            extra.spectrogram_masking(tokens.spectrogram, spectrogram_is_masked, is_valid) + network.positions
        )
        signal_stack, spectrogram_stack = network.signal_stack, network.spectrogram_stack
        if memory == "none":
            restored = signal_stack(holed_signal, is_valid), spectrogram_stack(holed_spectrogram, is_valid)
        elif network.config.cross_memory == "layerwise":
            restored = (
                layerwise(signal_stack, spectrogram_stack, holed_signal, spectrogram, is_valid)[0],
                layerwise(spectrogram_stack, signal_stack, holed_spectrogram, signal, is_valid)[0],
            )
        else:
            restored = (
                signal_stack(holed_signal, is_valid, spectrogram),
                spectrogram_stack(holed_spectrogram, is_valid, signal),
            )
        return Tokens(extra.signal_restoration(restored[0]), extra.spectrogram_restoration(restored[1]))
