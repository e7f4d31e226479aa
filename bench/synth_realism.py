"""How synthetic nights compare with real ones, and how hard they are to score from band powers.

Run as ``python bench/synth_realism.py [--nights 16] [--data DIR] [--memory half-hour]``: makes the nights in memory,
one of each subject, and prints Cohen's κ of classifiers between subjects, then per stage and band means, deviations and
memory beside those of real nights. With --data these are measured anew on the 153 Sleep-EDF nights, and the per-epoch
classifier is run on them too.
"""

import argparse
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score, f1_score

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.synth.frames import welch_median
from mc2sleepnet.synth.label_sequences import sample_hypnogram
from mc2sleepnet.synth.memory import Memory
from mc2sleepnet.synth.night import synthesize_night
from mc2sleepnet.synth.reference_tables import band_power_table
from mc2sleepnet.synth.seeding import night_generator
from mc2sleepnet.synth.spectra import band_log_power
from mc2sleepnet.synth.traits import sample_night, sample_subject

Array = NDArray[np.float64]
FINE_HZ = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 24, 30, 40)
DETECTORS_HZ = ((11, 15.5), (8, 12), (0.5, 2), (2, 6), (0.3, 1), (20, 40))
# Epochs apart: what is remembered for two minutes, and for eight.
LAGS = (1, 4, 16)
SEED = 7


@dataclass(frozen=True, kw_only=True)
class Nights:
    stage: NDArray[np.int64]
    night: NDArray[np.int64]
    bands: Array
    rich: Array


def make_nights(count: int, memory: Memory) -> Nights:
    columns: dict[str, list[Array]] = {"stage": [], "night": [], "bands": [], "rich": []}
    seconds = 0.0
    for index in range(count):
        generator = night_generator(SEED, "realism", index)
        traits = sample_night(sample_subject(generator), generator)
        stage = sample_hypnogram(1150, generator=generator, traits=traits, sleep_period_epochs=980)
        began = time.perf_counter()
        night = synthesize_night(stage, traits=traits, generator=generator, memory=memory)
        signal = night.clamp(-200, 200).numpy()
        seconds += time.perf_counter() - began
        filtered = filter_band(signal, 0.5, 30).astype(np.float32)
        unit = torch.from_numpy(filtered / filtered.std())
        columns["stage"].append(stage)
        columns["night"].append(np.full(len(stage), index))
        columns["bands"].append(band_log_power(welch_median(unit)).numpy())
        columns["rich"].append(rich_features(signal))
    print(f"{count} nights of 1150 epochs: {seconds / count:.2f} s each, {torch.get_num_threads()} threads")
    return Nights(**{name: np.concatenate(values) for name, values in columns.items()})


def filter_band(signal: Array, low: float, high: float) -> Array:
    return sosfiltfilt(butter(3, [low, high], btype="band", fs=100, output="sos"), signal)


def rich_features(signal: Array) -> Array:
    """Finer spectra, and how peaky five rhythms are within the epoch."""
    psd = welch_median(torch.from_numpy(signal)).numpy()
    f = np.arange(psd.shape[1]) / 4
    columns = [np.log(psd[:, (f >= low) & (f < high)].mean(1) + 1e-6) for low, high in pairwise(FINE_HZ)]
    for low, high in DETECTORS_HZ:
        level = np.sqrt((filter_band(signal, low, high).reshape(-1, 60, 50) ** 2).mean(2))
        columns += [np.log(level.max(1) + 0.1), np.log(np.sort(level, 1)[:, -6] + 0.1)]
        columns += [np.log(np.median(level, 1) + 0.1), np.log(level.std(1) / level.mean(1) + 0.01)]
    epochs = signal.reshape(-1, 3000)
    columns.append(np.log(np.ptp(epochs, axis=1) + 1))
    columns.append(((epochs - epochs.mean(1, keepdims=True)) ** 3).mean(1) / (epochs.std(1) ** 3 + 0.1))
    return np.stack(columns, 1).astype(np.float64)


def relative(features: Array, night: NDArray[np.int64]) -> Array:
    out = features.copy()
    for index in np.unique(night):
        out[night == index] -= np.median(out[night == index], 0)
    return out


def with_context(features: Array, night: NDArray[np.int64]) -> Array:
    """Own epoch, both neighbours, and means of two further rings up to ±5 epochs."""
    out = []
    for index in np.unique(night):
        own = features[night == index]
        padded = np.pad(own, ((5, 5), (0, 0)), mode="edge")
        at = {lag: padded[5 + lag : 5 + lag + len(own)] for lag in range(-5, 6)}
        rings = [at[-1], at[1], at[-3] + at[-2], at[2] + at[3], at[-5] + at[-4], at[4] + at[5]]
        out.append(np.concatenate([own, *rings], 1))
    return np.concatenate(out)


def report(name: str, truth: NDArray[np.int64], scored: NDArray[np.int64]) -> None:
    f1 = " ".join(f"{x:.2f}" for x in f1_score(truth, scored, average=None))
    print(f"{name:28} κ {cohen_kappa_score(truth, scored):.3f}  F1 {f1}")


def baselines(nights: Nights) -> None:
    count = int(nights.night.max()) + 1
    held_out = np.random.default_rng(0).permutation(count)[: count // 3]
    is_test = np.isin(nights.night, held_out)
    bands, rich = relative(nights.bands, nights.night), relative(nights.rich, nights.night)
    train, truth = nights.stage[~is_test], nights.stage[is_test]
    report("bands, logistic", truth, per_epoch(bands[~is_test], train, bands[is_test]))
    for name, features in (
        ("bands, context, boosting", with_context(bands, nights.night)),
        ("rich, one epoch, boosting", rich),
        ("rich, context, boosting", with_context(np.concatenate([bands, rich], 1), nights.night)),
    ):
        model = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.15, random_state=0)
        report(name, truth, model.fit(features[~is_test], train).predict(features[is_test]))


def per_epoch(train: Array, stage: NDArray[np.int64], test: Array) -> NDArray[np.int64]:
    mean, sd = train.mean(0), train.std(0)
    return LogisticRegression(max_iter=400).fit((train - mean) / sd, stage).predict((test - mean) / sd)


def statistics(bands: Array, stage: NDArray[np.int64], night: NDArray[np.int64]) -> dict[str, Array]:
    """Mean over nights of each stage's mean, deviation and memory, where a night has 20 epochs of it."""
    means, sds = [], []
    memory: dict[int, list[Array]] = {lag: [] for lag in LAGS}
    for s in range(len(STAGES)):
        own: tuple[list[Array], list[Array]] = ([], [])
        of_lag: dict[int, list[Array]] = {lag: [] for lag in LAGS}
        for index in np.unique(night):
            is_own = (night == index) & (stage == s)
            if is_own.sum() < 20:
                continue
            x = bands[is_own]
            own[0].append(x.mean(0))
            own[1].append(x.var(0))
            z = (bands - x.mean(0)) / x.std(0)
            for lag in LAGS:
                first = np.flatnonzero(is_own[:-lag] & is_own[lag:])
                if len(first):
                    of_lag[lag].append((z[first] * z[first + lag]).mean(0))
        means.append(np.mean(own[0], 0))
        sds.append(np.sqrt(np.mean(own[1], 0)))
        for lag in LAGS:
            memory[lag].append(np.mean(of_lag[lag], 0))
    by_lag = {f"lag {lag}": np.array(values) for lag, values in memory.items()}
    return {"mean": np.array(means), "sd": np.array(sds), **by_lag}


def main() -> None:
    torch.set_num_threads(2)
    parser = argparse.ArgumentParser()
    parser.add_argument("--nights", type=int, default=16)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--memory", choices=get_args(Memory), default="minutes")
    arguments = parser.parse_args()
    nights = make_nights(arguments.nights, arguments.memory)
    baselines(nights)
    found = statistics(nights.bands, nights.stage, nights.night)
    reference: dict[str, Array] = {"mean": band_power_table().channels["Fpz-Cz"].mean}
    if arguments.data:
        archive = np.load(arguments.data / "sleep-edf" / "bandpower_fpzcz.npz", allow_pickle=False)
        stage, night = archive["y"].astype(np.int64), archive["rec"].astype(np.int64)
        bands = archive["x"][:, :5].astype(np.float64)
        reference = statistics(bands, stage, night)
        kept = np.flatnonzero((stage >= 0) & (night < 32))
        bands, stage, night = relative(bands[kept], night[kept]), stage[kept], night[kept]
        is_test = night < 10
        report("REAL bands, logistic", stage[is_test], per_epoch(bands[~is_test], stage[~is_test], bands[is_test]))
    np.set_printoptions(precision=2, suppress=True, floatmode="fixed")
    for name, values in reference.items():
        print(f"{name}: ln power δ θ α σ β of a unit-variance recording, synthetic | real")
        for s, stage_label in enumerate(STAGES):
            print(f"  {stage_label:2} {found[name][s]} | {values[s]}")


if __name__ == "__main__":
    main()
