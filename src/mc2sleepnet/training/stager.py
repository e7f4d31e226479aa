"""The network under training behind the interface that scores whole nights."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from mc2sleepnet.core.completion import Completion
from mc2sleepnet.core.smoothing import Smoothing
from mc2sleepnet.model.staging_network import StagingNetwork

Answer = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class TorchStager:
    """`inference.Stager` on a torch network in eval mode.

    Parameters
    ----------
    network
        Put in eval mode by each call.
    answer
        How tokens [B, L, S, D] and is_valid [B, L] become logits [B, L, 5]; None for the network's prediction.
    """

    def __init__(self, network: StagingNetwork, *, answer: Answer | None = None) -> None:
        self.network = network
        self.answer = answer or network.predict

    @property
    def sequence_length(self) -> int:
        """L, epochs per sequence."""
        return self.network.config.sequence_length

    def _beside(self, x: NDArray[np.float32]) -> torch.Tensor:
        """A tensor where the network's parameters live, of their type."""
        return torch.from_numpy(x).to(next(self.network.parameters()))

    @property
    def margin_samples(self) -> int:
        """Samples of its neighbours that `encode` reads on each side of an epoch."""
        return self.network.config.margin_samples

    @property
    def needs_statistics(self) -> bool:
        """Whether the network reads the recording's own statistics."""
        return self.network.config.needs_statistics

    @property
    def removes_drift(self) -> bool:
        """Whether the recording's statistics are those of its signal without slow drift."""
        return self.network.config.removes_drift

    @property
    def completion(self) -> Completion | None:
        """What makes a recording's statistics those that the network is given."""
        return self.network.completion

    @property
    def smoothing(self) -> Smoothing:
        """What becomes of a night's answers."""
        return self.network.config.smoothing

    @torch.no_grad()
    def encode(
        self, signal_uv: NDArray[np.float32], statistics: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Tokens of single epochs of a recording. Shape: [M, T] µV, [N_STATISTICS] → [M, S, D]"""
        self.network.eval()
        of_recording = None if statistics is None else self._beside(statistics)[None]
        tokens = self.network.epoch_tokens(self._beside(signal_uv), of_recording)
        encoded: NDArray[np.float32] = tokens.float().cpu().numpy()
        return encoded

    @torch.no_grad()
    def relate(self, tokens: NDArray[np.float32], is_valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Log-probabilities of the stages. Shape: [B, L, S, D], [B, L] → [B, L, 5]"""
        self.network.eval()
        beside = self._beside(tokens)
        logits = self.answer(beside, torch.from_numpy(is_valid).to(beside.device))
        log_probabilities: NDArray[np.float32] = F.log_softmax(logits.float(), dim=2).cpu().numpy()
        return log_probabilities
