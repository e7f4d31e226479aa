"""Breathing that stops, and the arousals that start it again: the sleep of people with apnea.

Between two pauses in breathing people sleep on, and a scorer calls most of these epochs N1, N2 or R. A stager that has
never met such nights calls light sleep full of arousals wake (docs/log.md, 2026-11-30).
"""

import math

import torch
from torch import Generator, Tensor

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.synth.frames import HOP_S
from mc2sleepnet.synth.modulation import fading_noise

# From one arousal to the next where breathing stops again and again, and the deviation of its logarithm; assumed.
CYCLE_S, CYCLE_SD = 45.0, 0.3
# An arousal lasts 3 s or more, and 15 s of it would be wake (AASM manual).
AROUSAL_S = (4.0, 15.0)
# What an arousal of size one adds to ln power of δ θ α σ β: as other arousals (`modulation`), with a K-complex's δ
# instead of less of it; sizes lie between 0.5 and 1.5. Assumed.
AROUSAL_LOG_POWER = (0.2, 0.3, 1.2, 0.5, 1.3)
# How readily it happens in W N1 N2 N3 R. Rates fall from stage 1 to stage 4, with REM in between (Ratnavadivel et al.
# 2009, J Clin Sleep Med 5:519); how far they fall, and that R is nearer to N1, is assumed.
RISK = (0.0, 1.3, 1.0, 0.3, 1.2)
# Posture and depth of sleep make spells of it: ln rate goes up and down with this time constant and deviation; assumed.
SPELL_S, SPELL_SD = 900.0, 0.8


def respiratory_arousals(
    states: Float[Tensor, "F S"], *, generator: Generator, per_hour: float
) -> Float[Tensor, "F W"]:
    """What such arousals add to each frame's ln band powers.

    Parameters
    ----------
    states
        Weights of the five states in each frame.
    generator
        Source of randomness; untouched where there are no pauses.
    per_hour
        Pauses that end in an arousal, per hour of N2: 5 to 15 is mild, from 30 on severe.
    """
    count, device = len(states), states.device
    level = torch.zeros(count, device=device)
    if per_hour > 0:
        spell = torch.exp(SPELL_SD * fading_noise(count, SPELL_S, generator)[:, 0])
        most = int(1.5 * count * HOP_S / CYCLE_S) + 10
        cycles_s = CYCLE_S * torch.exp(CYCLE_SD * torch.randn(most, generator=generator, device=device))
        onset = (cycles_s.cumsum(0) / HOP_S).long()
        onset = onset[onset < count]
        chance = (states[onset] @ torch.tensor(RISK, device=device)) * spell[onset] * per_hour * CYCLE_S / 3600
        onset = onset[torch.rand(len(onset), generator=generator, device=device) < chance]
        shortest, longest = AROUSAL_S
        draws = torch.rand(len(onset), generator=generator, device=device)
        duration_s = shortest + (longest - shortest) * draws**1.5
        size = 0.5 + torch.rand(len(onset), generator=generator, device=device)
        frames = torch.arange(math.ceil(longest / HOP_S), device=device)
        is_on = frames * HOP_S < duration_s[:, None]
        at = (onset[:, None] + frames).clamp(max=count - 1)
        level.index_put_((at[is_on],), size[:, None].expand_as(at)[is_on])
    return level[:, None] * torch.tensor(AROUSAL_LOG_POWER, device=device)
