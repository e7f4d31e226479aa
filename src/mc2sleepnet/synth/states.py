"""The brain behind the labels: stages change within epochs, and a scorer's label is one opinion."""

import torch
from torch import Generator, Tensor

from mc2sleepnet.core.shapes import Float, Int
from mc2sleepnet.core.stages import EPOCH_S, N_STAGES
from mc2sleepnet.synth.frames import frame_times_s
from mc2sleepnet.synth.reference_tables import hypnogram_table

# A border lies anywhere about the grid, but an epoch keeps the stage that fills most of it (AASM manual).
BORDER_SD_S, BORDER_LIMIT_S = 8.0, 14.0
# A change of state takes about so many 2-s frames on each side.
SMOOTHING_FRAMES = 2

# Where two experts disagree, each is about as often the one who is off.
SHARE_OFF = 0.5


def frame_states(stage: Int[Tensor, " N"], *, generator: Generator) -> Float[Tensor, "F S"]:
    """Weights of the five states in every 2-s frame; rows sum to 1.

    Parameters
    ----------
    stage
        Scored stages, 0–4.
    generator
        Source of randomness: where borders lie, and which epochs are ambiguous.
    """
    count, device = len(stage), stage.device
    actual = _ambiguous(stage, generator)
    shift = torch.randn(count + 1, generator=generator, device=device) * BORDER_SD_S
    border = torch.arange(count + 1, device=device) * EPOCH_S + shift.clamp(-BORDER_LIMIT_S, BORDER_LIMIT_S)
    epoch = torch.searchsorted(border[1:-1].contiguous(), frame_times_s(count, device), right=True)
    weights = torch.nn.functional.one_hot(actual[epoch], N_STAGES).float()
    width = 2 * SMOOTHING_FRAMES + 1
    padded = torch.cat([weights[:1].expand(SMOOTHING_FRAMES, -1), weights, weights[-1:].expand(SMOOTHING_FRAMES, -1)])
    return padded.unfold(0, width, 1).mean(-1)


def _ambiguous(stage: Int[Tensor, " N"], generator: Generator) -> Int[Tensor, " N"]:
    """The state of each epoch: the scored one, or now and then what another scorer would have said."""
    changes = torch.zeros(len(stage), dtype=torch.bool, device=stage.device)
    differs = stage[1:] != stage[:-1]
    changes[1:] |= differs
    changes[:-1] |= differs
    table = torch.as_tensor(hypnogram_table().other_scorer, dtype=torch.float32, device=stage.device)
    opinions = table[changes.long(), stage]
    other = torch.multinomial(opinions, 1, generator=generator)[:, 0]
    is_off = torch.rand(len(stage), generator=generator, device=stage.device) < SHARE_OFF
    return torch.where(is_off, other, stage)
