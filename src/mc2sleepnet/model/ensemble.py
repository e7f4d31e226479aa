"""Several networks as one: trained apart, from other seeds, they err apart; their probabilities are averaged."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mc2sleepnet.core.shapes import Bool, Float
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.network import MC2SleepNet
from mc2sleepnet.model.staging_network import StagingNetwork


class Ensemble(StagingNetwork):
    """`config.members` MC2SleepNets behind one front end; an epoch becomes the tokens of all of them."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        single = replace(config, members=1)
        self.members = nn.ModuleList(MC2SleepNet(single) for _ in range(config.members))
        self.spectrogram = self._networks[0].spectrogram
        for network in self._networks:
            network.spectrogram = self.spectrogram

    @property
    def _networks(self) -> list[MC2SleepNet]:
        return [member for member in self.members if isinstance(member, MC2SleepNet)]

    @property
    def token_shape(self) -> tuple[int, int]:
        """Two tokens an epoch of every member."""
        return 2 * self.config.members, self.config.token_width

    def epoch_tokens(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R C"] | None = None
    ) -> Float[Tensor, "M S D"]:
        """Tokens of single epochs, member by member, signal first."""
        return torch.cat([network.epoch_tokens(signal_uv, statistics) for network in self._networks], dim=1)

    def backbones(self) -> tuple[nn.Module, ...]:
        """Those of all members."""
        return tuple(part for network in self._networks for part in network.backbones())

    def supervised_logits(self, tokens: Float[Tensor, "B L S D"], is_valid: Bool[Tensor, "B L"]) -> dict[str, Tensor]:
        """Every member's answers: each learns for itself."""
        return {
            f"{name}_{index}": logits
            for index, (network, own) in enumerate(self._each(tokens))
            for name, logits in network.supervised_logits(own, is_valid).items()
        }

    def predict(self, tokens: Float[Tensor, "B L S D"], is_valid: Bool[Tensor, "B L"]) -> Float[Tensor, "B L 5"]:
        """Log of the mean of the members' probabilities."""
        answers = [F.log_softmax(network.predict(own, is_valid), dim=2) for network, own in self._each(tokens)]
        return torch.logsumexp(torch.stack(answers), dim=0) - math.log(len(answers))

    def _each(self, tokens: Float[Tensor, "B L S D"]) -> list[tuple[MC2SleepNet, Tensor]]:
        return [(network, tokens[:, :, 2 * i : 2 * i + 2]) for i, network in enumerate(self._networks)]


def joined(networks: Sequence[MC2SleepNet]) -> StagingNetwork:
    """Trained networks of one config and one front end as an ensemble, in eval mode; one alone is itself.

    What completes their statistics is the ensemble's to get, not theirs.
    """
    first = networks[0]
    assert all(network.completion is None for network in networks)
    if len(networks) == 1:
        return first
    assert all(network.config == first.config for network in networks)
    assert all(torch.equal(network.spectrogram.mean_db, first.spectrogram.mean_db) for network in networks)
    ensemble = Ensemble(replace(first.config, members=len(networks)))
    for member, network in zip(ensemble.members, networks, strict=True):
        member.load_state_dict(network.state_dict())
    ensemble.spectrogram = first.spectrogram
    for member in ensemble.members:
        member.spectrogram = first.spectrogram
    return ensemble.eval()
