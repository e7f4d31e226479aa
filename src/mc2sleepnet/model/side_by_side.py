"""Trained MC2SleepNets of one shape, computed side by side: what is exported of one, or of an ensemble.

The same answers as theirs to within rounding, from graphs that are prepared several times faster. Of an epoch the
spectrogram backbones go side by side and the CNNs one after the other, whose convolutions gain nothing; of a sequence
all stacks do, both modalities' of every member.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mc2sleepnet.core.recording_statistics import N_FRAMES
from mc2sleepnet.core.shapes import Bool, Float
from mc2sleepnet.model.ensemble import Ensemble
from mc2sleepnet.model.lanes import LaneEncoderLayer, LaneLinear, LanePooling
from mc2sleepnet.model.network import MC2SleepNet
from mc2sleepnet.model.staging_network import StagingNetwork

# Added to a score that nobody may see: its weight becomes 0.
UNSEEN = -1e9
# Where each prediction head finds its stacks' answers.
STACKS_OF_HEAD = {"fusion": (0, 1), "signal": (0,), "spectrogram": (1,)}


def members_side_by_side(network: StagingNetwork) -> list[MC2SleepNet]:
    """The networks of one front end that a network consists of; none where it is something else."""
    if isinstance(network, MC2SleepNet):
        return [network]
    if not isinstance(network, Ensemble):
        return []
    return [member for member in network.members if isinstance(member, MC2SleepNet)]


class SideBySideEncoder(nn.Module):
    """`epoch_tokens` of all of them, member by member, signal first.

    Shape: [M, T] µV, where they read them [1, N_STATISTICS] of the recording → [M, 2N, D]
    """

    positions: Tensor

    def __init__(self, members: Sequence[MC2SleepNet]) -> None:
        super().__init__()
        self.front = members[0]
        self.signal_backbones = nn.ModuleList(member.signal_backbone for member in members)
        self.signal_token = LaneLinear([member.signal_token for member in members])
        backbones = [member.spectrogram_backbone for member in members]
        self.entrances = nn.ModuleList(backbone.entrance for backbone in backbones)
        self.register_buffer("positions", backbones[0].positions, persistent=False)
        self.layers = nn.ModuleList(
            LaneEncoderLayer(lanes, length=N_FRAMES, has_memory=False)
            for lanes in zip(*(backbone.layers for backbone in backbones), strict=True)
        )
        self.pooling = LanePooling([backbone.pooling for backbone in backbones], length=N_FRAMES)

    def forward(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "1 C"] | None = None
    ) -> Float[Tensor, "M S D"]:
        raw, spectrogram = self.front.front_end(signal_uv, statistics)
        signal = self.signal_token(torch.stack([backbone(raw).mean(dim=2) for backbone in self.signal_backbones]))
        frames = torch.stack([entrance(spectrogram) for entrance in self.entrances]) + self.positions
        frames = frames.flatten(1, 2)
        for layer in self.layers:
            frames = layer(frames)
        both = torch.stack([self.front.normalise(token) for token in (signal, self.pooling(frames))], dim=1)
        return both.flatten(0, 1).transpose(0, 1)


class SideBySideRelator(nn.Module):
    """Log of the mean of their probabilities: what `predict` answers, normalised.

    Shape: [B, L, 2N, D], [B, L] → [B, L, 5]
    """

    positions: Tensor
    swapped: Tensor

    def __init__(self, members: Sequence[MC2SleepNet]) -> None:
        super().__init__()
        self.config = config = members[0].config
        self.n_members = len(members)
        stacks = [stack for member in members for stack in (member.signal_stack, member.spectrogram_stack)]
        self.register_buffer("positions", members[0].positions, persistent=False)
        lanes = torch.arange(2 * self.n_members)
        self.register_buffer("swapped", lanes + 1 - 2 * (lanes % 2), persistent=False)
        self.has_memory = config.prediction_view == "cross"
        self.layers = nn.ModuleList(
            LaneEncoderLayer(lanes, length=config.sequence_length, has_memory=self.has_memory)
            for lanes in zip(*(stack.layers for stack in stacks), strict=True)
        )
        self.head = LaneLinear([member.prediction_layer for member in members])

    def forward(self, tokens: Float[Tensor, "B L S D"], is_valid: Bool[Tensor, "B L"]) -> Float[Tensor, "B L 5"]:
        n_lanes, length = 2 * self.n_members, self.config.sequence_length
        x = (tokens.permute(2, 0, 1, 3) + self.positions).flatten(1, 2)
        unseen = torch.where(is_valid, 0.0, UNSEEN)
        bias = unseen[None].expand(n_lanes, -1, -1).reshape(-1, 1, 1, length)
        memory = x[self.swapped] if self.has_memory else None
        for layer in self.layers:
            x = layer(x, memory, bias)
            if self.has_memory and self.config.cross_memory == "layerwise":
                memory = x[self.swapped]
        stacks = x.reshape(self.n_members, 2, -1, x.shape[2])
        read = torch.cat([stacks[:, stack] for stack in STACKS_OF_HEAD[self.config.prediction_head]], dim=2)
        answer = F.log_softmax(self.head(read), dim=2)
        mean = torch.logsumexp(answer, dim=0) - math.log(self.n_members)
        return mean.reshape(-1, length, answer.shape[2])
