"""Stretches of an epoch in which the electrode said nothing, bridged by the rest of the epoch.

A scorer reads an epoch with ten dead seconds by the other twenty. A network reads the silence as well, and silence also
bends the statistics of the whole recording by which it reads every epoch; so it is given the epoch without it.
"""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import SAMPLING_HZ

# A living scalp never keeps still to half a microvolt for half a second: an amplifier's noise alone is as large, and
# radio links lose such pieces. Converters of coarse steps do keep still, now and then for a second: only two seconds
# count where it is decided that an epoch cannot be scored at all.
DEAD_UV = 0.5
DEAD_SAMPLES = SAMPLING_HZ // 2
LASTING_SAMPLES = 2 * SAMPLING_HZ
# Resampling rings where a dead stretch begins or ends, up to this far.
RINGING_S = 0.5
# More of an epoch dead for two seconds at a time than this share, and the rest does not speak for all of it.
MOST_DEAD = 0.5
# Nothing is bridged by less than this; with less left between what rings, what rings is read too.
LEAST_LIVE_SAMPLES = 5 * SAMPLING_HZ


def is_dead(signal_uv: NDArray[np.float32], still_samples: int = DEAD_SAMPLES) -> NDArray[np.bool_]:
    """Samples within half a second, or as long as is asked for, that spans less than 0.5 µV.

    Borders of epochs, one after another, are no borders.

    Shape: [M, T] → [M, T]
    """
    samples_uv = signal_uv.reshape(-1)
    dead = np.zeros(len(samples_uv), np.bool_)
    half = still_samples // 2
    # Every such stretch holds a whole one of these halves: most of a night has no still half, and needs no closer look.
    is_still = np.ptp(samples_uv.reshape(-1, half), axis=1) < DEAD_UV
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_still, [False]]).astype(np.int8)))
    for first, stop in edges.reshape(-1, 2):
        around = slice(max(0, first - 1) * half, (stop + 1) * half)
        begins = _span(samples_uv[around], still_samples) < DEAD_UV
        dead[around] |= _widened(begins, still_samples - 1)
    return dead.reshape(signal_uv.shape)


def mostly_dead(signal_uv: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Epochs of which more than half is dead for two seconds at a time. Shape: [M, T] µV → [M]"""
    is_mostly: NDArray[np.bool_] = is_dead(signal_uv, LASTING_SAMPLES).mean(axis=1) > MOST_DEAD
    return is_mostly


def speaks(signal_uv: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Epochs that are not mostly dead; all of them where that leaves none. Shape: [M, T] µV → [M]"""
    enough = ~mostly_dead(signal_uv)
    return enough if enough.any() else np.ones(len(signal_uv), np.bool_)


def bridged(signal_uv: NDArray[np.float32]) -> NDArray[np.float32]:
    """Epochs whose dead stretches are filled by the rest, mirrored at both edges.

    The two mirror images fade into each other with constant power. What rings at the edges is replaced too. Epochs
    without dead stretches, and those of which not enough is left (`can_be_bridged`), are as they were; without any to
    bridge it is the very array.

    Shape: [M, T] µV → [M, T] µV
    """
    dead = is_dead(signal_uv)
    to_bridge = np.flatnonzero(dead.any(axis=1) & can_be_bridged(signal_uv, dead))
    if not len(to_bridge):
        return signal_uv
    filled_uv = signal_uv.copy()
    for epoch in to_bridge:
        filled_uv[epoch] = _bridged_epoch(signal_uv[epoch], dead[epoch])
    return filled_uv


def can_be_bridged(signal_uv: NDArray[np.float32], dead: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Epochs that are not mostly dead, and of which five seconds at least are not dead at all.

    Shape: [M, T] µV, [M, T] → [M]
    """
    is_enough: NDArray[np.bool_] = np.count_nonzero(~dead, axis=1) >= LEAST_LIVE_SAMPLES
    return is_enough & ~mostly_dead(signal_uv)


def _bridged_epoch(signal_uv: NDArray[np.float32], dead: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Shape: [T] µV, [T] → [T] µV"""
    ringing = round(RINGING_S * SAMPLING_HZ)
    absent = _widened(dead, 2 * ringing)[ringing:-ringing]
    if np.count_nonzero(~absent) < LEAST_LIVE_SAMPLES:
        absent = dead
    live_uv = signal_uv[~absent]
    level_uv = np.median(live_uv)
    # To and fro without end: index −1 is the first sample again, as the last comes twice at the other end.
    round_trip_uv = np.concatenate([live_uv, live_uv[::-1]]) - level_uv
    filled_uv = signal_uv.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], absent, [False]]).astype(np.int8)))
    for start, stop in edges.reshape(-1, 2):
        n, n_before = stop - start, np.count_nonzero(~absent[:start])
        backwards = round_trip_uv[(n_before - 1 - np.arange(n)) % len(round_trip_uv)]
        forwards = round_trip_uv[(n_before + np.arange(n)) % len(round_trip_uv)][::-1]
        if start == 0:
            fill_uv = forwards
        elif stop == len(signal_uv):
            fill_uv = backwards
        else:
            angle = (np.arange(n) + 0.5) / n * (np.pi / 2)
            fill_uv = backwards * np.cos(angle) + forwards * np.sin(angle)
        filled_uv[start:stop] = fill_uv + level_uv
    return filled_uv


def _widened(marks: NDArray[np.bool_], n: int) -> NDArray[np.bool_]:
    """Every mark and the `n` places after it. Shape: [T] → [T + n]"""
    counts = np.cumsum(np.concatenate([np.zeros(n + 1, np.bool_), marks, np.zeros(n, np.bool_)]), dtype=np.int64)
    return counts[n + 1 :] > counts[: len(marks) + n]


def _span(samples_uv: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """From least to greatest of every `length` samples, by doubling windows. Shape: [n] → [n − length + 1]"""
    highest = lowest = samples_uv
    reached = 1
    while reached < length:
        step = min(reached, length - reached)
        highest = np.maximum(highest[:-step], highest[step:])
        lowest = np.minimum(lowest[:-step], lowest[step:])
        reached += step
    return highest - lowest
