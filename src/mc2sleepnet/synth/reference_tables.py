"""The two tables of real statistics that synthetic nights are made from, as arrays."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class HypnogramTable:
    """Statistics of real label sequences: 153 Sleep-EDF cassette nights and 23 of UCDDB.

    Attributes
    ----------
    next_stage
        Shape ``[5, 5, 6, 5, 5]``: probability of the next bout's stage, given the previous and the current bout's,
        the sixth of the sleep period and the class of the time since REM.
    duration_quantile_at, duration_epochs
        Shapes ``[Q]`` and ``[5, 5, Q]``: quantiles of a bout's length, given the previous and its own stage.
    log_duration_by_clock
        Shape ``[5, 6]``: shift of ln length in each sixth of the sleep period.
    sleep_period_epochs
        Shape ``[Q]``: quantiles of the time from sleep onset to the last epoch asleep.
    epoch_transitions
        Shape ``[5, 5]``: transition probabilities from epoch to epoch, rows sum to 1.
    stage_share_mean, stage_share_sd
        Shape ``[5]``: share of the sleep period in each stage, mean and deviation over nights.
    mean_bout_epochs
        Shape ``[5]``: mean length of a bout.
    other_scorer
        Shape ``[2, 5, 5]``: what another expert says of an epoch scored W N1 N2 N3 R, [0] where both neighbours
        have its stage and [1] next to a change; from five scorers of the 80 nights of DOD-H and DOD-O.
    """

    next_stage: Array
    duration_quantile_at: Array
    duration_epochs: Array
    log_duration_by_clock: Array
    sleep_period_epochs: Array
    epoch_transitions: Array
    stage_share_mean: Array
    stage_share_sd: Array
    mean_bout_epochs: Array
    other_scorer: Array


@dataclass(frozen=True, kw_only=True)
class ChannelPowers:
    """Band powers of one channel: ln power in the unit of a recording of variance 1.

    Attributes
    ----------
    mean
        Shape ``[5 stages, 5 bands]``.
    night_effect_cov
        Shape ``[5, 5]``: covariance over bands of what a night adds to every stage.
    night_by_stage_cov, within_cov
        Shape ``[5 stages, 5, 5]``: covariance of what a night adds to one stage, and of epochs about that.
    """

    mean: Array
    night_effect_cov: Array
    night_by_stage_cov: Array
    within_cov: Array


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """How Fpz-Cz epochs lie about their night's stage.

    Attributes
    ----------
    context_windows, context_weight
        C pairs of the first and last neighbour, in epochs from the own one, and shape ``[5 stages, C, 5 bands]``: how
        far an epoch of a stage leans towards the mean of its neighbours' stages.
    quantiles
        Shape ``[5 stages, 5 bands, Q]``: distribution of what is left over.
    normal_correlation
        Shape ``[5 stages, 5, 5]``, of its normal scores.
    """

    context_windows: tuple[tuple[int, int], ...]
    context_weight: Array
    quantiles: Array
    normal_correlation: Array


@dataclass(frozen=True, kw_only=True)
class BandPowerTable:
    """Statistics of real band powers (δ θ α σ β) from 153 Sleep-EDF cassette nights.

    Attributes
    ----------
    channels
        ``"Fpz-Cz"`` and ``"Pz-Oz"``.
    quantile_at
        Shape ``[Q]``: where the quantiles of both dynamics are.
    minutes, lag1
        With the context of three epochs on either side; and shape ``[5 stages, 5 bands]``: correlation of neighbours.
    half_hour, memory_epochs, memory_share, shared_by_stages
        With the context of 16 minutes on either side; shapes ``[M]`` and ``[5 stages, 5 bands, M]``: in how many epochs
        what a deviation consists of is forgotten, and how much of its variance each is; and the share of all that is
        the same in every stage.
    subject_share
        Share of the night effect's variance that a subject keeps from night to night.
    """

    channels: dict[str, ChannelPowers]
    quantile_at: Array
    minutes: Dynamics
    lag1: Array
    half_hour: Dynamics
    memory_epochs: Array
    memory_share: Array
    shared_by_stages: float
    subject_share: float


def _read(name: str) -> dict[str, Any]:
    text = files("mc2sleepnet.synth").joinpath("tables", name).read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


@cache
def hypnogram_table() -> HypnogramTable:
    """Table of label sequences, read once."""
    raw = _read("hypnogram.json")
    durations = raw.pop("duration_epochs")
    quantiles = raw["duration_quantile_at"]
    by_pair = np.ones((5, 5, len(quantiles)))
    for pair, lengths in durations.items():
        previous, current = pair.split(">")
        by_pair[int(previous), int(current)] = lengths
    arrays = {key: np.asarray(raw[key]) for key in HypnogramTable.__dataclass_fields__ if key in raw}
    return HypnogramTable(duration_epochs=by_pair, **arrays)


@cache
def band_power_table() -> BandPowerTable:
    """Table of band powers, read once."""
    raw = _read("band_powers.json")
    channels = {
        name: ChannelPowers(**{key: np.asarray(value) for key, value in channel.items()})
        for name, channel in raw["channels"].items()
    }
    long = raw["half-hour"]
    return BandPowerTable(
        channels=channels,
        quantile_at=np.asarray(raw["quantile_at"]),
        minutes=_dynamics(raw["minutes"]),
        lag1=np.asarray(raw["minutes"]["lag1"]),
        half_hour=_dynamics(long),
        memory_epochs=np.asarray(long["memory_epochs"]),
        memory_share=np.asarray(long["memory_share"]),
        shared_by_stages=float(long["shared_by_stages"]),
        subject_share=float(raw["subject_share_of_night_effect"]),
    )


def _dynamics(raw: dict[str, Any]) -> Dynamics:
    return Dynamics(
        context_windows=tuple((first, last) for first, last in raw["context_windows"]),
        context_weight=np.asarray(raw["context_weight"]),
        quantiles=np.asarray(raw["quantiles"]),
        normal_correlation=np.asarray(raw["normal_correlation"]),
    )
