"""The heart's beats in an EEG channel, found and taken out: most channels against a mastoid or an ear hold them.

A beat is 10 to 90 µV from peak to peak on C3-A2 of most UCDDB patients, and its spike lies in the bands that tell N3
from wake and REM. Beats are found without an ECG (`core.beat_search`). What the average beat around an epoch looks like
is then subtracted at each of them (average artefact subtraction; Allen et al. 1998, NeuroImage 8).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.beat_search import SPIKE_S, filtered, mean_around, search, spike_of, whitened, windows_around
from mc2sleepnet.core.dead_stretches import bridged, is_dead
from mc2sleepnet.core.slow_drift import drift_free
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH, SAMPLING_HZ

# All of a beat, seconds before and after its peak, from P to T wave; it fades at its ends.
BEAT_S, FADE_S = (0.20, 0.45), 0.08
# Runs of epochs that are searched for a heart first.
RUNS, RUN_EPOCHS = 6, 20
# Epochs on either side that tell an epoch's average beat.
BESIDE = 20
# By how much the mean output at beats must exceed that of the filter upside down; half of it in the runs. Of beats put
# into synthetic nights subtraction leaves 1.3 of the power where it is 0.2 to 0.3, 0.8 where it is 0.3 to 0.4, 0.5 to
# 0.7, and 0.2 from 1 on; synthetic nights without a heart reach 0.02 (docs/log.md, 2026-12-01).
LEAST_GAIN = 0.35
# A quiet epoch counts this many times as much as the middle one, at most.
MOST_WEIGHT = 3.0
# A filter that is learned from fewer epochs of noise finds itself in them: up to 0.9 in one, 0.2 in ten.
LEAST_EPOCHS = 10
# A signal that spans less than this share of a beat where one should be does not hold it: a radio link lost it.
LEAST_SHARE = 0.5
EPOCHS_PER_PIECE = 480


@dataclass(frozen=True, eq=False)
class HeartBeats:
    """Where a recording's beats are, and what they look like.

    Attributes
    ----------
    place
        Shape ``[B]``: samples of the peaks, epochs one after another.
    epoch
        Shape ``[B]``: epochs they are in.
    shape_uv
        Shape ``[N, K]``: the average beat around each epoch, µV; zero where no beat can be told.
    """

    place: NDArray[np.int64]
    epoch: NDArray[np.int64]
    shape_uv: NDArray[np.float32]

    @property
    def is_beating(self) -> NDArray[np.bool_]:
        """Epochs of which beats are taken out. Shape: [] → [N]"""
        is_beating: NDArray[np.bool_] = (self.shape_uv != 0).any(axis=1)
        return is_beating

    @property
    def size_uv(self) -> float:
        """Median over those epochs of the average beat, from peak to peak."""
        return float(np.median(np.ptp(self.shape_uv[self.is_beating], axis=1)))

    @property
    def per_minute(self) -> float:
        """Beats a minute in those epochs."""
        n_beats = self.is_beating[self.epoch].sum()
        return float(n_beats / self.is_beating.sum() / SAMPLES_PER_EPOCH * SAMPLING_HZ * 60)


def heart_beats(signal_uv: NDArray[np.float32], is_scorable: NDArray[np.bool_]) -> HeartBeats | None:
    """The beats in a recording; None if there are none to be told.

    Parameters
    ----------
    signal_uv
        Shape ``[N, T]``, µV.
    is_scorable
        Shape ``[N]``: False where there is nothing to score; no beats are looked for there.
    """
    epochs = np.flatnonzero(is_scorable)
    if len(epochs) < LEAST_EPOCHS:
        return None
    spike, gain = spike_of(whitened(_readable(signal_uv[epochs[_runs(len(epochs))]])))
    if gain < LEAST_GAIN / 2:
        return None
    gains, beats = np.zeros(len(epochs)), _BeatSums(len(epochs))
    rows, at = [], []
    for start in range(0, len(epochs), EPOCHS_PER_PIECE):
        piece = slice(start, start + EPOCHS_PER_PIECE)
        own_uv = _readable(signal_uv[epochs[piece]])
        output = filtered(whitened(own_uv), spike)
        (peaks, _), (upright, upside_down) = search(np.stack([output, -output]))
        gains[piece] = upright - upside_down
        own_rows, own_at = np.nonzero(peaks)
        beats.add(own_uv, own_rows, own_at, start)
        rows.append(start + own_rows)
        at.append(own_at)
    is_beating = mean_around(gains[None], BESIDE)[0] > LEAST_GAIN
    shape_uv = beats.average_around(is_beating)
    if not shape_uv.any():
        return None
    shapes = np.zeros((len(signal_uv), shape_uv.shape[1]), np.float32)
    shapes[epochs] = shape_uv
    epoch, place = epochs[np.concatenate(rows)], np.concatenate(at)
    is_there = _range_around(signal_uv, epoch, place) > LEAST_SHARE * np.ptp(shapes, axis=1)[epoch]
    epoch, place = epoch[is_there], place[is_there]
    return HeartBeats(place=epoch * SAMPLES_PER_EPOCH + place, epoch=epoch, shape_uv=shapes)


def without_beats(signal_uv: NDArray[np.float32], beats: HeartBeats) -> NDArray[np.float32]:
    """The signal less the average beat at every beat; dead samples stay dead. Shape: [N, T] µV → [N, T] µV"""
    first = -round(BEAT_S[0] * SAMPLING_HZ)
    rest_uv = signal_uv.copy()
    samples_uv = rest_uv.reshape(-1)
    for index in range(beats.shape_uv.shape[1]):
        where = beats.place + first + index
        is_inside = (where >= 0) & (where < len(samples_uv))
        np.subtract.at(samples_uv, where[is_inside], beats.shape_uv[beats.epoch[is_inside], index])
    return np.where(is_dead(signal_uv), signal_uv, rest_uv)


def _readable(signal_uv: NDArray[np.float32]) -> NDArray[np.float32]:
    """Epochs without dead stretches and slow drift. Shape: [M, T] µV → [M, T] µV"""
    return drift_free(bridged(signal_uv))


def _runs(n_epochs: int) -> NDArray[np.int64]:
    """Epochs of a few runs all over a recording. Shape: [] → [M]"""
    if n_epochs <= RUNS * RUN_EPOCHS:
        return np.arange(n_epochs)
    starts = np.linspace(0, n_epochs - RUN_EPOCHS, RUNS).round().astype(np.int64)
    return np.unique(starts[:, None] + np.arange(RUN_EPOCHS))


def _range_around(
    signal_uv: NDArray[np.float32], rows: NDArray[np.int64], at: NDArray[np.int64]
) -> NDArray[np.float32]:
    """From least to greatest of the signal where the spike of a beat is. Shape: [M, T] µV, [B], [B] → [B] µV"""
    before, after = (round(s * SAMPLING_HZ) for s in SPIKE_S)
    near = np.clip(at[:, None] + np.arange(-before, after), 0, signal_uv.shape[1] - 1)
    span_uv: NDArray[np.float32] = np.ptp(signal_uv[rows[:, None], near], axis=1)
    return span_uv


class _BeatSums:
    """Gathers the beats of a recording piece by piece, and averages them."""

    def __init__(self, n_epochs: int) -> None:
        self.sums = np.zeros((n_epochs, sum(round(s * SAMPLING_HZ) for s in BEAT_S)))
        self.n_beats = np.zeros(n_epochs)
        self.variance = np.zeros(n_epochs)

    def add(
        self, signal_uv: NDArray[np.float32], rows: NDArray[np.int64], at: NDArray[np.int64], first_epoch: int
    ) -> None:
        """Beats of some epochs, the first of which is number `first_epoch`. Shape: [M, T] µV, [B], [B]"""
        windows_uv, rows = windows_around(signal_uv, rows, at, BEAT_S)
        np.add.at(self.sums, first_epoch + rows, windows_uv)
        np.add.at(self.n_beats, first_epoch + rows, 1)
        self.variance[first_epoch : first_epoch + len(signal_uv)] = signal_uv.var(axis=1)

    def average_around(self, is_beating: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The average beat around each epoch, of those that are beating; zero for the others. Shape: [N] → [N, K] µV

        Quiet epochs count more, but for those in which an electrode may be off.
        """
        n_epochs = len(is_beating)
        usual = float(np.median(self.variance[is_beating])) if is_beating.any() else 1.0
        least = max(usual / MOST_WEIGHT, float(np.finfo(np.float32).tiny))
        weight = is_beating / np.maximum(self.variance, least)
        sums = np.vstack([np.zeros_like(self.sums[:1]), (self.sums * weight[:, None]).cumsum(axis=0)])
        weights = np.append(0.0, (self.n_beats * weight).cumsum())
        first = np.maximum(np.arange(n_epochs) - BESIDE, 0)
        last = np.minimum(np.arange(n_epochs) + BESIDE + 1, n_epochs)
        of_all = np.maximum(weights[last] - weights[first], np.finfo(np.float64).tiny)
        mean_uv = (sums[last] - sums[first]) / of_all[:, None]
        fade = round(FADE_S * SAMPLING_HZ)
        ends = np.concatenate([mean_uv[:, :fade], mean_uv[:, -fade:]], axis=1)
        mean_uv -= np.median(ends, axis=1, keepdims=True)
        ramp = np.hanning(2 * fade + 1)[:fade]
        mean_uv[:, :fade] *= ramp
        mean_uv[:, -fade:] *= ramp[::-1]
        mean_uv[~is_beating | (self.n_beats == 0)] = 0
        shape_uv: NDArray[np.float32] = mean_uv.astype(np.float32)
        return shape_uv
