"""Where beats are in a channel that was made for something else: a matched filter, and the best sequence of its peaks.

Epochs are whitened, so that a spike stands out as it does to the eye; a filter that is matched to the recording's own
spike is learned from it; and of each epoch the one sequence of beats is found that has the largest filter output at a
rhythm near the epoch's own, by dynamic programming, as beats of music are tracked (Ellis 2007, J. New Music Res. 36).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import SAMPLING_HZ

# What tells beats apart from EEG; whitening divides by the epoch's own spectrum, smoothed over 2 Hz.
LOW_HZ, HIGH_HZ, SMOOTH_HZ = 4.0, 40.0, 2.0
# From one beat to the next: 37 to 133 a minute.
SHORTEST_S, LONGEST_S = 0.45, 1.6
# The spike of a beat, seconds before and after its peak.
SPIKE_S = (0.10, 0.12)
# The search works on groups of this many samples; of 2 to 5 it finds the same, and 4 in half the time of 2.
STEP = 4
# An interval off the epoch's rhythm by a tenth costs as much as a filter output of 0.3 deviations. A third of it leaves
# .04 more of beats of 35 µV, three times as much .11 more, ten times .3 (docs/log.md, 2026-12-01).
RHYTHM_COST = 30.0
# A rhythm of half the interval is the true one where its correlation is this share of the largest and more.
HALF_SHARE = 0.75
# Epochs on either side that tell an epoch's rhythm.
RHYTHM_BESIDE = 9
# Outputs of the filter, deviations of the noise, are believed up to here; movement reaches more.
MOST_OUTPUT = 6.0
ITERATIONS = 3


def whitened(signal_uv: NDArray[np.float32]) -> NDArray[np.float32]:
    """Epochs with a flat spectrum from 4 to 40 Hz and nothing else, in deviations of the second on either side.

    Shape: [M, T] µV → [M, T]
    """
    n_samples = signal_uv.shape[1]
    hertz = np.fft.rfftfreq(n_samples, 1 / SAMPLING_HZ)
    band = 1 / (1 + np.exp((LOW_HZ - hertz) / 0.5)) / (1 + np.exp(hertz - HIGH_HZ))
    spectrum = np.fft.rfft(signal_uv)
    power = mean_around(np.abs(spectrum) ** 2, round(SMOOTH_HZ / 2 * n_samples / SAMPLING_HZ))
    white = np.fft.irfft(spectrum * (band / np.sqrt(power + np.finfo(np.float32).tiny)), n=n_samples)
    around = np.sqrt(mean_around(white**2, SAMPLING_HZ))
    result: NDArray[np.float32] = (white / np.maximum(around, np.finfo(np.float32).tiny)).astype(np.float32)
    return result


def spike_of(white: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """What beats look like in some whitened epochs, and by how much it is more than noise. Shape: [M, T] → [K], []

    That is the mean output of its filter at the beats found, less that of the same search with the filter upside down:
    noise and rhythms of the brain answer both alike.
    """
    size = np.abs(white)
    deviation = np.maximum(size.std(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    (peaks,), _ = search(((size - size.mean(axis=1, keepdims=True)) / deviation)[None])
    spikes = [_mean_spike(white, _moved_to_peaks(sign * white, peaks)) for sign in (1, -1)]
    for _ in range(ITERATIONS):
        beats, _ = search(np.stack([filtered(white, spike) for spike in spikes]))
        spikes = [_mean_spike(white, of_spike) for of_spike in beats]
    outputs = [filtered(white, spike) for spike in spikes]
    _, found = search(np.stack([*outputs, *(-output for output in outputs)]))
    gains = (found[:2] - found[2:]).mean(axis=1)
    return spikes[gains.argmax()], float(gains.max())


def filtered(white: NDArray[np.float32], spike: NDArray[np.float32]) -> NDArray[np.float32]:
    """Output of the filter for a spike, by the place of its peak. Shape: [M, T], [K] → [M, T]"""
    before, after = (round(s * SAMPLING_HZ) for s in SPIKE_S)
    shape = spike / np.maximum(np.linalg.norm(spike), np.finfo(np.float32).tiny)
    padded = np.pad(white, ((0, 0), (before, after)))
    output = np.zeros_like(white)
    for index, height in enumerate(shape):
        output += height * padded[:, index : index + white.shape[1]]
    return output


def search(output: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """The sequence of beats of each epoch, and the mean output at them, of several filters.

    Shape: [F, M, T] → [F, M, T], [F, M]
    """
    n_filters, n_epochs, n_samples = output.shape
    clipped = np.clip(output, -1, MOST_OUTPUT).reshape(-1, n_samples)
    groups = clipped.reshape(len(clipped), -1, STEP)
    score = groups.max(axis=2)
    at = _tracked(score, np.concatenate([_rhythm(own) for own in score.reshape(n_filters, n_epochs, -1)]))
    peaks = np.zeros(clipped.shape, np.bool_)
    rows, steps = np.nonzero(at)
    peaks[rows, steps * STEP + groups[rows, steps].argmax(axis=1)] = True
    mean = np.where(peaks, clipped, 0).sum(axis=1) / np.maximum(peaks.sum(axis=1), 1)
    return peaks.reshape(output.shape), mean.reshape(n_filters, n_epochs)


def mean_around(values: NDArray[Any], n: int) -> NDArray[np.float64]:
    """Mean of each value and `n` on either side, the ends going on as they are. Shape: [M, T] → [M, T]"""
    padded = np.pad(values, ((0, 0), (n + 1, n)), mode="edge").astype(np.float64)
    sums = padded.cumsum(axis=1)
    mean: NDArray[np.float64] = (sums[:, 2 * n + 1 :] - sums[:, : -2 * n - 1]) / (2 * n + 1)
    return mean


def windows_around(
    signal: NDArray[np.float32], rows: NDArray[np.int64], at: NDArray[np.int64], around_s: tuple[float, float]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What lies around some samples, and their rows, without those at an edge.

    Shape: [M, T], [B], [B] → [B', K], [B']
    """
    before, after = (round(s * SAMPLING_HZ) for s in around_s)
    is_whole = (at >= before) & (at < signal.shape[1] - after)
    rows, at = rows[is_whole], at[is_whole]
    return signal[rows[:, None], at[:, None] + np.arange(-before, after)], rows


def _lags() -> NDArray[np.int64]:
    """From beat to beat, groups of samples: all that is allowed. Shape: [] → [lags]"""
    return np.arange(round(SHORTEST_S * SAMPLING_HZ / STEP), round(LONGEST_S * SAMPLING_HZ / STEP) + 1)


def _rhythm(score: NDArray[np.float32]) -> NDArray[np.float64]:
    """Steps from beat to beat, by the autocorrelation of epochs and their neighbours. Shape: [M, steps] → [M]"""
    lags, n = _lags(), score.shape[1]
    energy = mean_around(np.maximum(score, 0) ** 2, 1)
    energy = energy - energy.mean(axis=1, keepdims=True)
    length = 1 << int(n + lags[-1]).bit_length()
    spectrum = np.abs(np.fft.rfft(energy, length)) ** 2
    correlation = np.fft.irfft(spectrum, length)[:, lags] / np.maximum(spectrum.mean(axis=1, keepdims=True), 1e-12)
    lag, strength = _shortest(correlation), np.maximum(correlation.max(axis=1), 1e-3) ** 2
    rhythm = np.empty(len(lag))
    for row in range(len(lag)):
        beside = slice(max(0, row - RHYTHM_BESIDE), row + RHYTHM_BESIDE + 1)
        order = lag[beside].argsort()
        weight = strength[beside][order].cumsum()
        rhythm[row] = lag[beside][order][np.searchsorted(weight, weight[-1] / 2)]
    return rhythm


def _shortest(correlation: NDArray[np.float64]) -> NDArray[np.int64]:
    """The lag of the largest correlation, or half of it: an even rhythm is as like itself two beats on as one.

    Shape: [M, lags] → [M]
    """
    lags, everyone = _lags(), np.arange(len(correlation))
    best = correlation.argmax(axis=1)
    half = np.stack([lags[best] // 2, -(-lags[best] // 2)]) - lags[0]
    found = np.where(half >= 0, correlation[everyone, np.maximum(half, 0)], -np.inf)
    nearer, of_half = half[found.argmax(axis=0), everyone], found.max(axis=0)
    result: NDArray[np.int64] = lags[np.where(of_half > HALF_SHARE * correlation.max(axis=1), nearer, best)]
    return result


def _tracked(score: NDArray[np.float32], rhythm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The best sequence of each row by dynamic programming. Shape: [M, steps], [M] → [M, steps]"""
    lags, (n_rows, n_steps) = _lags(), score.shape
    cost = (RHYTHM_COST * np.log(lags / rhythm[:, None]) ** 2).T.astype(np.float32)
    longest = int(lags[-1])
    # Time first: a step reads and writes whole rows. The first beat has none before it, at no cost.
    total = np.zeros((longest + n_steps, n_rows), np.float32)
    back = np.zeros((n_steps, n_rows), np.int64)
    score = np.ascontiguousarray(score.T)
    everyone = np.arange(n_rows)
    for step in range(n_steps):
        reached = total[step + longest - lags] - cost
        reached[lags > step] = 0
        best = reached.argmax(axis=0)
        back[step] = lags[best]
        total[step + longest] = score[step] + reached[best, everyone]
    at = np.zeros((n_rows, n_steps), np.bool_)
    step = n_steps - longest + total[-longest:].argmax(axis=0)
    while (step >= 0).any():
        is_inside = step >= 0
        at[everyone[is_inside], step[is_inside]] = True
        step = np.where(is_inside, step - back[np.maximum(step, 0), everyone], step)
    return at


def _moved_to_peaks(score: NDArray[np.float32], peaks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Each peak where the score is largest within 60 ms. Shape: [M, T], [M, T] → [M, T]"""
    near = round(0.06 * SAMPLING_HZ)
    rows, at = np.nonzero(peaks)
    at, rows = (each[(at >= near) & (at < score.shape[1] - near)] for each in (at, rows))
    window = score[rows[:, None], at[:, None] + np.arange(-near, near + 1)]
    moved = np.zeros_like(peaks)
    moved[rows, at - near + window.argmax(axis=1)] = True
    return moved


def _mean_spike(white: NDArray[np.float32], peaks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The average of what lies around the peaks. Shape: [M, T], [M, T] → [K]"""
    rows, at = np.nonzero(peaks)
    spike: NDArray[np.float32] = windows_around(white, rows, at, SPIKE_S)[0].mean(axis=0)
    return spike
