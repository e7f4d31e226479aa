"""Tokens of all training epochs as frozen backbones give them: encoded once, not once a pass."""

import torch
from torch import Tensor

from mc2sleepnet.core.progress import Advance
from mc2sleepnet.core.shapes import Float, Int
from mc2sleepnet.inference import Stager
from mc2sleepnet.training.batch import sent
from mc2sleepnet.training.fold_data import FoldData, PartEncoder, TokenKeeper
from mc2sleepnet.training.training_signals import Place, fits


class CachedTokens:
    """Encoded tokens, on the device of training where they fit, else on the host.

    Parameters
    ----------
    tokens
        Shape ``[epochs of the store, S, D]``, on the host.
    device
        Of training.
    place, reserve_gb
        As for `training_signals`.
    """

    def __init__(
        self, tokens: Float[Tensor, "N S D"], *, device: torch.device, place: Place = "auto", reserve_gb: float = 0.0
    ) -> None:
        self.is_on_device = device.type == "cpu" or (
            place != "host" and fits(tokens.numel() * tokens.element_size(), device, reserve_gb)
        )
        self.tokens = tokens.to(device) if self.is_on_device else tokens

    def of(self, epochs: Int[Tensor, "*A"]) -> Float[Tensor, "*A S D"]:
        """Tokens of epochs by number; those of padding, -1, are anybody's."""
        tokens = self.tokens[sent(epochs.clamp(min=0), self.tokens.device)]
        return tokens if self.is_on_device else tokens.pin_memory()


def encode_training(
    data: FoldData,
    stager: Stager,
    token_shape: tuple[int, int],
    advance: Advance = lambda *_: None,
    *,
    parts: PartEncoder | None = None,
    kept: TokenKeeper | None = None,
) -> Float[Tensor, "N S D"]:
    """Every readable training epoch encoded once, at its number in the store; zeros for all others."""
    encoded = data.encode(stager, data.training, advance, parts=parts, kept=kept)
    tokens = torch.zeros(data.store.n_epochs, *token_shape)
    for recording, of_recording in encoded.items():
        epochs = data.epochs([recording])
        if data.store.is_readable[epochs].any():
            tokens[torch.from_numpy(epochs)] = torch.from_numpy(of_recording)
    return tokens
