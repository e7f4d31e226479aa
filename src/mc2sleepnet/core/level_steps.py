"""Where a recording becomes louder or quieter from one epoch on, at all frequencies alike: a gain that was changed.

Sleep never does that: it moves power between frequencies. A network that reads a recording by its own statistics
misreads both parts of such a night, so they are brought to one level first, that of most epochs.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.spectral_bands import bins_between
from mc2sleepnet.core.stages import EPOCH_S

# Bands that most recorders let through, and that sleep moves against each other.
EDGES_HZ = (0.5, 1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 25, 30)
# Medians of this many epochs on either side are compared: 10 minutes.
BESIDE_EPOCHS = 10 * 60 // EPOCH_S
# They may lie in a quarter of an hour: what is further apart may be of other stages.
WITHIN_EPOCHS = 15 * 60 // EPOCH_S
# Of 24 real subjects (UCDDB) medians differ by 2.5 dB at most where bands differ alike; a gain doubled is 6 dB.
LEAST_DB = 5.0
# Bands differ alike when their deviation is below 1 dB or this share of the step, and at most 3 dB: where an electrode
# comes off and leaves hum and noise, they do not.
ALIKE_DB, ALIKE_SHARE, MOST_UNLIKE_DB = 1.0, 0.3, 3.0
# And taking the step out must narrow the range of the bands' levels, over all epochs, by this share of it.
NARROWER = 0.05


@dataclass(frozen=True)
class LevelStep:
    """Epochs from number `epoch` on are louder by `decibels` than those before, negative if quieter."""

    epoch: int
    decibels: float


def level_steps(decibels: NDArray[np.float32], tells: NDArray[np.bool_]) -> tuple[LevelStep, ...]:
    """Steps of a recording's level, in order.

    Parameters
    ----------
    decibels
        Shape ``[N, K]``: spectra of the epochs (`recording_statistics.epoch_decibels`).
    tells
        Shape ``[N]``: the epochs that hold signal; the others are passed over.
    """
    place = np.flatnonzero(tells)
    if len(place) < 2 * BESIDE_EPOCHS:
        return ()
    levels = decibels[place] @ bins_between(EDGES_HZ)
    windows = np.lib.stride_tricks.sliding_window_view(levels, BESIDE_EPOCHS, axis=0)
    medians: NDArray[np.float32] = np.median(windows, axis=2)
    step = medians[BESIDE_EPOCHS:] - medians[:-BESIDE_EPOCHS]
    mean, deviation = step.mean(axis=1), step.std(axis=1)
    is_alike = deviation < np.clip(ALIKE_SHARE * np.abs(mean), ALIKE_DB, MOST_UNLIKE_DB)
    is_close = place[BESIDE_EPOCHS - 1 :] - place[: 1 - BESIDE_EPOCHS] < WITHIN_EPOCHS
    is_alike &= is_close[BESIDE_EPOCHS:] & is_close[:-BESIDE_EPOCHS]
    # The largest for its deviation is the change itself, not a window that holds some of it.
    clarity = np.where(is_alike & (np.abs(mean) >= LEAST_DB), np.abs(mean) / np.maximum(deviation, ALIKE_DB / 2), 0)
    found = []
    while clarity.max() > 0:
        first = int(clarity.argmax())
        around = slice(first, first + 2 * BESIDE_EPOCHS)
        index = first + _border(levels[around], medians[first], medians[first + BESIDE_EPOCHS])
        found.append((index, float(mean[first])))
        clarity[max(0, first - BESIDE_EPOCHS) : first + BESIDE_EPOCHS + 1] = 0
    kept = _that_narrow(levels, sorted(found))
    return tuple(LevelStep(epoch=int(place[index]), decibels=size_db) for index, size_db in kept)


def _that_narrow(levels: NDArray[np.float32], found: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Those steps, one by one or two neighbours at a time, without which the epochs' levels are more alike.

    Shape: [M, bands]; a step is its place among the M and its dB
    """
    kept: list[tuple[int, float]] = []
    narrowest = _range_db(levels, kept)
    while found:
        ways = [[*kept, *more] for more in (*zip(found), *itertools.pairwise(found))]
        best = min(ways, key=lambda way: _range_db(levels, way))
        if _range_db(levels, best) >= (1 - NARROWER) * narrowest:
            break
        kept, narrowest = best, _range_db(levels, best)
        found = [one for one in found if one not in kept]
    return sorted(kept)


def levelled(
    signal_uv: NDArray[np.float32], steps: tuple[LevelStep, ...], tells: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The signal with all parts at the level that most telling epochs have; itself where there is no step.

    Shape: [N, T] µV, [N] → [N, T] µV
    """
    if not steps:
        return signal_uv
    number = np.searchsorted([step.epoch for step in steps], np.arange(len(signal_uv)), side="right")
    part_db = np.cumsum([0.0, *(step.decibels for step in steps)])
    usual = np.bincount(number[tells], minlength=len(part_db)).argmax()
    factor = (10 ** ((part_db[usual] - part_db[number]) / 20)).astype(np.float32)
    level: NDArray[np.float32] = signal_uv * factor[:, None]
    return level


def _border(levels: NDArray[np.float32], before: NDArray[np.float32], after: NDArray[np.float32]) -> int:
    """How many of the first epochs belong to what was before, the rest being nearer to what comes after.

    Shape: [M, bands], [bands], [bands] → []
    """
    nearer = np.abs(levels - after).sum(axis=1) - np.abs(levels - before).sum(axis=1)
    return int(np.concatenate([[0.0], nearer.cumsum()]).argmax())


def _range_db(levels: NDArray[np.float32], steps: list[tuple[int, float]]) -> float:
    """From the 10th to the 90th percentile of epochs without some steps, mean over bands. Shape: [M, bands] → []"""
    excess_db = np.zeros(len(levels))
    for index, size_db in steps:
        excess_db[index:] += size_db
    low, high = np.quantile(levels - excess_db[:, None], (0.1, 0.9), axis=0)
    return float((high - low).mean())
