"""Arousals that end pauses in breathing: as many as asked for, in sleep alone, in spells, of 4 to 15 s."""

import numpy as np
import pytest
import torch

from mc2sleepnet.synth.breathing import AROUSAL_LOG_POWER, respiratory_arousals
from mc2sleepnet.synth.frames import HOP_S

HOURS = 40
FRAMES = HOURS * 3600 // HOP_S
ALPHA = 2


def level_in(stage: int, per_hour: float, seed: int = 0) -> np.ndarray:
    states = torch.nn.functional.one_hot(torch.full((FRAMES,), stage), 5).float()
    added = respiratory_arousals(states, generator=torch.Generator().manual_seed(seed), per_hour=per_hour)
    ratio = added / torch.tensor(AROUSAL_LOG_POWER)
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio))
    return ratio[:, 0].numpy()


def onsets(level: np.ndarray) -> np.ndarray:
    return np.flatnonzero((level[1:] > 0) & (level[:-1] == 0)) + 1


@pytest.mark.parametrize("per_hour", [10.0, 30.0])
def test_there_are_as_many_as_asked_for_in_n2_and_fewer_in_n3(per_hour: float) -> None:
    # Spells raise the mean of a log-normal rate, and no more happen than cycles are there: within half again.
    in_n2, in_n3 = (len(onsets(level_in(stage, per_hour))) / HOURS for stage in (2, 3))
    assert per_hour * 0.8 < in_n2 < per_hour * 1.6
    assert in_n3 < 0.5 * in_n2


def test_nobody_who_is_awake_or_breathes_has_any_and_no_randomness_is_spent() -> None:
    assert not level_in(0, 60.0).any()
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    assert not respiratory_arousals(torch.full((50, 5), 0.2), generator=generator, per_hour=0.0).any()
    assert torch.equal(generator.get_state(), before)


def test_each_lasts_4_to_15_s_and_they_come_in_spells() -> None:
    level = level_in(2, 20.0)
    starts = onsets(level)
    lasts_s = np.array([HOP_S * np.argmin(level[at:] > 0) for at in starts[:-1]])
    assert lasts_s.min() >= 4
    # Two may follow each other without a break.
    assert np.mean(lasts_s <= 16) > 0.95
    per_quarter = np.bincount(starts * HOP_S // 900, minlength=HOURS * 4)
    assert per_quarter.var() > 2 * per_quarter.mean()
