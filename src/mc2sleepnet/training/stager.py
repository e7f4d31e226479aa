"""The network under training behind the interface that scores whole nights."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from mc2sleepnet.model.network import MC2SleepNet, StageLogits, Tokens

View = Callable[[Tokens, torch.Tensor], StageLogits]


class TorchStager:
    """`inference.Stager` on a torch network in eval mode.

    Parameters
    ----------
    network
        Put in eval mode by each call.
    view
        How tokens [B, L, D] and is_valid [B, L] become logits: the view whose fusion head is asked.
    """

    def __init__(self, network: MC2SleepNet, *, view: View) -> None:
        self.network = network
        self.view = view

    @property
    def sequence_length(self) -> int:
        """L, epochs per sequence."""
        return self.network.config.sequence_length

    @property
    def device(self) -> torch.device:
        """Where the network's parameters live."""
        return next(self.network.parameters()).device

    @torch.no_grad()
    def encode(self, signal_uv: NDArray[np.float32]) -> NDArray[np.float32]:
        """Tokens of single epochs. Shape: [M, T] µV → [M, 2, D]"""
        self.network.eval()
        tokens = self.network.encode_epochs(torch.from_numpy(signal_uv).to(self.device))
        encoded: NDArray[np.float32] = torch.stack(tokens, dim=1).float().cpu().numpy()
        return encoded

    @torch.no_grad()
    def relate(self, tokens: NDArray[np.float32], is_valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Log-probabilities of the stages. Shape: [B, L, 2, D], [B, L] → [B, L, 5]"""
        self.network.eval()
        both = torch.from_numpy(tokens).to(self.device)
        valid = torch.from_numpy(is_valid).to(self.device)
        fusion = self.view(Tokens(both[:, :, 0], both[:, :, 1]), valid).fusion
        log_probabilities: NDArray[np.float32] = F.log_softmax(fusion.float(), dim=2).cpu().numpy()
        return log_probabilities
