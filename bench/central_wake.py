"""Wake and deep sleep on C3-A2: the 23 UCDDB subjects beside nights that a stager learns from.

Run as ``python bench/central_wake.py [--nights 60] [--memory half-hour]`` with MC2_REAL_DATA (a minute, one thread).
Prints, of epochs of W and of N3: how long what bands do about their stage's mean lasts, how far it goes, and how much
louder W is than N3 by where in the night it is. Only these two stages of those subjects are at hand; of the other
nights the same epochs are compared.
"""

import argparse
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N3, W
from mc2sleepnet.synth.frames import welch_median
from mc2sleepnet.synth.memory import Memory
from mc2sleepnet.synth.seeding import night_generator
from mc2sleepnet.synth.spectra import band_log_power
from mc2sleepnet.synth.training_nights import GeneratorSetting, synthesize_training_night
from ucddb import FLAT_UV, partial_nights

Array = NDArray[np.float64]
LAGS = (1, 4, 16)
FEWEST = 20
SEED = 11
# Deviations are cut at so many robust deviations: an electrode that is off is not what is compared here.
GREATEST = 4.0


@dataclass(frozen=True, kw_only=True)
class Night:
    """ln band powers ``[N, 5]``, NaN where nothing is known, and stages ``[N]`` of all its epochs."""

    power: Array
    stage: NDArray[np.int64]

    def of(self, stage: int) -> NDArray[np.bool_]:
        return (self.stage == stage) & np.isfinite(self.power).all(1)


def powers(epochs_uv: NDArray[np.float32]) -> Array:
    found = band_log_power(welch_median(torch.from_numpy(epochs_uv.reshape(-1)))).double().numpy()
    found[np.ptp(epochs_uv, axis=1) < FLAT_UV] = np.nan
    return found


def real_nights() -> list[Night]:
    nights = []
    for night in partial_nights():
        power = np.full((len(night.hypnogram), 5), np.nan)
        power[night.place] = powers(night.signal_uv)
        nights.append(Night(power=power, stage=night.hypnogram.astype(np.int64)))
    return nights


def made_up_nights(count: int, memory: Memory) -> list[Night]:
    nights = []
    for index in range(count):
        night = synthesize_training_night(night_generator(SEED, "train", index), GeneratorSetting(memory=memory))
        nights.append(Night(power=powers(night.signal_uv.numpy()), stage=night.stage.astype(np.int64)))
    return nights


def tell_memory(nights: list[Night], stage: int) -> None:
    total, count = np.zeros((len(LAGS), 5)), np.zeros(len(LAGS))
    deviations = []
    for night in nights:
        own = night.of(stage)
        if own.sum() < FEWEST:
            continue
        deviations.append(night.power[own].std(0))
        z = night.power - np.median(night.power[own], 0)
        z = np.clip(z / (1.4826 * np.median(np.abs(z[own]), 0)), -GREATEST, GREATEST)
        z = (z - z[own].mean(0)) / z[own].std(0)
        for row, lag in enumerate(LAGS):
            first = np.flatnonzero(own[:-lag] & own[lag:])
            total[row] += (z[first] * z[first + lag]).sum(0)
            count[row] += len(first)
    for lag, correlation in zip(LAGS, total / count[:, None], strict=True):
        print(f"  {lag:2} epochs apart", correlation)
    print("  deviation      ", np.mean(deviations, 0))


def tell_contrast(nights: list[Night]) -> None:
    found: dict[str, list[Array]] = {}
    for night in nights:
        if night.of(N3).sum() < FEWEST:
            continue
        asleep = np.flatnonzero(night.stage > W)
        place = np.arange(len(night.stage))
        is_within = (place > asleep[0]) & (place < asleep[-1])
        changes = np.flatnonzero(np.diff(night.stage == W)) + 1
        edges = np.r_[0, changes, len(place)]
        length = np.repeat(np.diff(edges), np.diff(edges))
        for name, chosen in (
            ("bouts of 1 or 2", is_within & (length <= 2)),
            ("of 3 to 10", is_within & (length > 2) & (length <= 10)),
            ("longer", is_within & (length > 10)),
            ("before sleep", place < asleep[0]),
            ("after", place > asleep[-1]),
        ):
            own = night.of(W) & chosen
            if own.sum() > 5:
                contrast = np.median(night.power[own], 0) - np.median(night.power[night.of(N3)], 0)
                found.setdefault(name, []).append(contrast)
    for name, contrasts in found.items():
        print(f"  {name:16}", np.mean(contrasts, 0), "between nights", np.std(contrasts, 0))


def main() -> None:
    torch.set_num_threads(1)
    np.set_printoptions(precision=2, suppress=True, floatmode="fixed")
    parser = argparse.ArgumentParser()
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--memory", choices=get_args(Memory), default="minutes")
    arguments = parser.parse_args()
    real = real_nights()
    for name, nights in (("UCDDB", real), ("synthetic", made_up_nights(arguments.nights, arguments.memory))):
        for stage, label in ((W, "W"), (N3, "N3")):
            print(f"{name}, {label}: correlation of δ θ α σ β, and their deviation in ln power")
            tell_memory(nights, stage)
        print(f"{name}: ln power of W less that of N3, by bouts' lengths in epochs and place")
        tell_contrast(nights)


if __name__ == "__main__":
    main()
