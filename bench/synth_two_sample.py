"""Can a classifier tell synthetic epochs from real ones? W and N3 of the 23 UCDDB subjects against a synthetic store.

Run as ``python bench/synth_two_sample.py STORE [--pictures DIR]`` with MC2_REAL_DATA set. Gradient boosting on what
each epoch's frames do in 12 bands (mean and deviation in dB, after the recording's own level is taken out) and on four
measures of waveform shape; area under the curve over subjects held out, 0.5 is indistinguishable. Then how loud nights
are and how far they differ: mean and deviation over nights of the median ln power (δ θ α σ β, µV²). With --pictures,
pages of real and synthetic epochs side by side whose sides are drawn at random; `key.txt` says which is which.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from mc2sleepnet.core.recording_statistics import frame_decibels
from mc2sleepnet.core.stages import N3, STAGES, W
from mc2sleepnet.store import Store
from mc2sleepnet.synth.frames import welch_median
from mc2sleepnet.synth.spectra import band_log_power
from ucddb import partial_nights

Array = NDArray[np.float32]
EDGES = (0, 2, 4, 7, 10, 15, 20, 26, 32, 41, 56, 78, 110)
EPOCHS_PER_NIGHT = 60


def described(signal_uv: Array) -> Array:
    """Features of a recording's epochs. Shape: [N, 3000] → [N, 28]"""
    decibels = frame_decibels(signal_uv)
    bands = np.stack([decibels[..., a:b].mean(2) for a, b in pairwise(EDGES)], 2)
    means, deviations = bands.mean(1), bands.std(1)
    means -= np.median(means)
    x = signal_uv - signal_uv.mean(1, keepdims=True)
    scale = x.std(1) + 1e-3
    slope = np.diff(x, axis=1)
    shape = [(x**3).mean(1) / scale**3, (x**4).mean(1) / scale**4, slope.std(1) / scale, np.abs(x).max(1) / scale]
    return np.concatenate([means, deviations, np.stack(shape, 1)], 1).astype(np.float32)


def real_nights(stage: int) -> list[Array]:
    return [night.signal_uv[night.stage == stage] for night in partial_nights()]


def synthetic_nights(store: Store, stage: int, count: int) -> list[Array]:
    nights = []
    for index, recording in enumerate(store.recordings[:count]):
        epochs = store.epochs_of(index)[recording.stages == stage]
        nights.append(store.signal_uv(epochs))
    return nights


def some(nights: list[Array], rng: np.random.Generator) -> list[Array]:
    """Up to so many epochs of each night that has ten or more."""
    kept = [night for night in nights if len(night) >= 10]
    return [night[np.sort(rng.permutation(len(night))[:EPOCHS_PER_NIGHT])] for night in kept]


def area_under_curve(real: list[Array], synthetic: list[Array]) -> float:
    features = [described(night) for night in (*real, *synthetic)]
    is_real = np.concatenate([np.full(len(f), i < len(real)) for i, f in enumerate(features)])
    group = np.concatenate([np.full(len(f), i) for i, f in enumerate(features)])
    x, score = np.concatenate(features), np.empty(len(group))
    for train, test in GroupKFold(5).split(x, is_real, group):
        model = HistGradientBoostingClassifier(max_iter=80, learning_rate=0.1, random_state=0)
        score[test] = model.fit(x[train], is_real[train]).predict_proba(x[test])[:, 1]
    return float(roc_auc_score(is_real, score))


def loudness(nights: list[Array]) -> Array:
    """Median over a night's epochs of ln power of δ θ α σ β. Shape: [nights, 5]"""
    powers = [band_log_power(welch_median(torch.from_numpy(night.ravel()))) for night in nights]
    return np.stack([power.median(dim=0).values.numpy() for power in powers])


ROW_PX, SIDE_PX, PX_PER_UV, SHOWN_SAMPLES = 100, 730, 0.45, 2000


def page(pairs: list[tuple[Array, Array]], rng: np.random.Generator, path: Path) -> str:
    """20 s of each of a pair, side by side, cut off at ±111 µV; which one is real is drawn. SVG."""
    key, traces = [], []
    for row, pair in enumerate(pairs):
        real_is_left = bool(rng.integers(2))
        key.append("left" if real_is_left else "right")
        for side, epoch in enumerate(pair if real_is_left else pair[::-1]):
            x = epoch[:SHOWN_SAMPLES] - np.median(epoch)
            across = np.arange(SHOWN_SAMPLES) * SIDE_PX / SHOWN_SAMPLES
            points = " ".join(f"{t:.1f},{ROW_PX / 2 - v * PX_PER_UV:.1f}" for t, v in zip(across, x, strict=True))
            place = f'x="{20 + (SIDE_PX + 30) * side}" y="{10 + ROW_PX * row}" width="{SIDE_PX}" height="{ROW_PX}"'
            line = f'<polyline points="{points}" fill="none" stroke="#123" stroke-width="0.7"/>'
            traces.append(f"<svg {place}>{line}</svg>")
    height = ROW_PX * len(pairs) + 20
    body = f'<rect width="100%" height="100%" fill="white"/>{"".join(traces)}'
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="1520" height="{height}">{body}</svg>')
    return f"{path.name}: real is " + " ".join(key)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    np.set_printoptions(precision=2, suppress=True, floatmode="fixed")
    rng, keys = np.random.default_rng(0), []
    store = Store.open(arguments.store)
    for stage in (W, N3):
        real, synthetic = some(real_nights(stage), rng), some(synthetic_nights(store, stage, 60), rng)
        print(f"{STAGES[stage]}: AUC of real against synthetic {area_under_curve(real, synthetic):.3f}", end=", ")
        print(f"{len(real)} real and {len(synthetic)} synthetic nights")
        for name, nights in (("real", real), ("synthetic", synthetic)):
            level = loudness(nights)
            print(f"  {name:9} mean {level.mean(0)}, deviation {level.std(0)}")
        if arguments.pictures:
            arguments.pictures.mkdir(parents=True, exist_ok=True)
            pairs = [(real[i][3], synthetic[i][3]) for i in range(8)]
            keys.append(page(pairs, rng, arguments.pictures / f"{STAGES[stage]}.svg"))
    if arguments.pictures:
        (arguments.pictures / "key.txt").write_text("\n".join(keys) + "\n")


if __name__ == "__main__":
    main()
