"""Hypnograms that nobody slept, with the statistics of real ones.

A semi-Markov model of bouts. The next stage depends on the last two, on the sixth of the sleep period and on the
time since REM, so that deep sleep comes early, REM late and cycles take shape; a bout's length depends on its stage,
on the one before and on the sixth of the sleep period. Traits tilt both.
"""

import bisect
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from mc2sleepnet.core.stages import N1, N2, N3, R, W
from mc2sleepnet.synth.night_clock import clock_bin, pressure_bin
from mc2sleepnet.synth.reference_tables import hypnogram_table
from mc2sleepnet.synth.traits import NightTraits

# Sleepers begin in N1, as 95 of 100 real nights do, else in N2.
ONSET_IN_N1 = 0.95
# Shares of a short recording that lie awake before and after sleep; at least so many epochs of a long one.
LEAD_SHARE, TAIL_SHARE = 0.08, 0.04
LEAD_EPOCHS, TAIL_EPOCHS = 20, 6


def sample_hypnogram(
    n_epochs: int,
    *,
    generator: Generator,
    traits: NightTraits,
    sleep_period_epochs: int | None = None,
) -> NDArray[np.int8]:
    """Draw a hypnogram: wake, one night's sleep, wake.

    Parameters
    ----------
    n_epochs
        Length of the recording. Where it is longer than a night, the rest is wake before and after, as in the
        20-hour recordings of Sleep-EDF; where it is shorter, the whole course of a night runs on a faster clock,
        so that an hour already holds several stages.
    generator
        Source of randomness.
    traits
        The night's tendencies.
    sleep_period_epochs
        Epochs from sleep onset to the last epoch asleep, at most; None draws it as real nights have it.

    Returns
    -------
    NDArray
        Shape ``[n_epochs]``, int8, stages W N1 N2 N3 R; nothing is unscored.
    """
    assert n_epochs > 0
    table = hypnogram_table()
    uniform = iter(torch.rand(4 * n_epochs + 8, generator=generator, device=generator.device).tolist())
    if sleep_period_epochs is None:
        sleep_period_epochs = int(np.interp(next(uniform), table.duration_quantile_at, table.sleep_period_epochs))
    lead = min(LEAD_EPOCHS, math.ceil(LEAD_SHARE * n_epochs))
    tail = min(TAIL_EPOCHS, math.ceil(TAIL_SHARE * n_epochs))
    asleep = max(0, min(sleep_period_epochs, n_epochs - lead - tail))
    spare = n_epochs - asleep - lead - tail
    lead += round(spare * (0.45 + 0.2 * next(uniform)))
    stage = np.full(n_epochs, W, dtype=np.int8)
    bouts = _Bouts(traits)
    at, previous, current, last_rem_end = 0, W, N1 if next(uniform) < ONSET_IN_N1 else N2, 0
    while at < asleep:
        length = bouts.length(previous, current, at / asleep, next(uniform))
        end = min(at + length, asleep)
        stage[lead + at : lead + end] = current
        if current == R:
            last_rem_end = end
        following = bouts.following(previous, current, end / asleep, end - last_rem_end, next(uniform))
        at, previous, current = end, current, following
    return stage


class _Bouts:
    """The table's distributions, tilted by a night's traits."""

    def __init__(self, traits: NightTraits) -> None:
        self.table = hypnogram_table()
        tilt = np.zeros(5)
        tilt[[W, N1, N3, R]] = traits.wake_tilt, traits.n1_tilt, traits.n3_tilt, traits.rem_tilt
        # Half of a tendency shows in how often bouts begin, half in how long they last.
        self.duration_factor = np.exp(0.5 * tilt)
        tilted = self.table.next_stage * np.exp(0.5 * tilt)
        self.cumulative = (tilted / tilted.sum(-1, keepdims=True)).cumsum(-1)

    def length(self, previous: int, current: int, clock: float, u: float) -> int:
        """Length of a bout in epochs, at least one, drawn with the uniform number `u`."""
        quantiles = self.table.duration_epochs[previous, current]
        at = self.table.duration_quantile_at
        # Between neighbouring quantiles lengths spread evenly on a logarithmic scale.
        log_length = float(np.interp(u, at, np.log(quantiles)))
        shift = float(self.table.log_duration_by_clock[current, clock_bin(clock)])
        return max(1, round(math.exp(log_length + shift) * float(self.duration_factor[current])))

    def following(self, previous: int, current: int, clock: float, since_rem: int, u: float) -> int:
        """Stage of the bout that comes next, drawn with the uniform number `u`."""
        row = self.cumulative[previous, current, clock_bin(clock), pressure_bin(since_rem)]
        return min(bisect.bisect_right(row.tolist(), u), 4)
