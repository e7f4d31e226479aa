"""Our model and the open stagers that install, on the same single channel of the same real night, in one table.

Run as ``python bench/other_stagers.py [--model DIR]`` with MC2_REAL_DATA set, in an environment of its own:
``pip install -e . yasa gssc`` (GSSC is AGPL and reads pickles: neither is a dependency of ours). Each scores `ucddb022`
as its documentation says, without its other channels; then the same epochs again in records of 20, 40 and 60 minutes,
cut one after another. Ours passes over epochs that are flat, as `score` does; the others know no such thing, and flat
epochs, which have no reference, count for nobody. One that is not installed is left out of the table, and said.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.model_folder import open_model_folder
from mc2sleepnet.core.stages import EPOCH_S
from mc2sleepnet.metrics.agreement import agreement
from mc2sleepnet.scoring.engine import OpenVinoStager
from real_nights import Stages, interval, scored
from ucddb import whole_night

MINUTES = (0, 20, 40, 60)
RATE_HZ = 100
Score = Callable[[NDArray[np.float32], NDArray[np.bool_]], Stages]


def raw_of(signal_uv: NDArray[np.float32]):  # type: ignore[no-untyped-def]
    import mne

    mne.set_log_level("ERROR")
    info = mne.create_info(["C3-A2"], RATE_HZ, "eeg")
    return mne.io.RawArray(signal_uv.reshape(1, -1).astype(float) * 1e-6, info)


def ours(model_dir: Path) -> Score:
    model = open_model_folder(model_dir)
    stager, stride = OpenVinoStager(model), model.calibration.scoring_stride
    return lambda signal_uv, is_there: scored(stager, signal_uv, is_there, stride)[0]


def yasa_stager() -> Score:
    import yasa

    code = {"W": 0, "WAKE": 0, "N1": 1, "N2": 2, "N3": 3, "R": 4, "REM": 4}

    def score(signal_uv: NDArray[np.float32], _: NDArray[np.bool_]) -> Stages:
        hypnogram = yasa.SleepStaging(raw_of(signal_uv), eeg_name="C3-A2").predict()
        names = np.asarray(getattr(hypnogram, "hypno", hypnogram))
        return np.array([code[str(name)] for name in names], np.int8)

    return score


def gssc_stager() -> Score:
    import torch
    from gssc.infer import EEGInfer

    # Saved whole, as an older torch did; newer ones ask for it.
    nets = [
        torch.load(str(files("gssc.nets").joinpath(name)), weights_only=False, map_location="cpu")
        for name in ("sig_net_v1.pt", "gru_net_v1.pt")
    ]
    stager = EEGInfer(*nets, use_cuda=False)

    def score(signal_uv: NDArray[np.float32], _: NDArray[np.bool_]) -> Stages:
        stages, _ = stager.mne_infer(raw_of(signal_uv), eeg=["C3-A2"], eog=[], eeg_drop=False)
        return np.asarray(stages, np.int8)

    return score


def records(score: Score, signal_uv: NDArray[np.float32], is_there: NDArray[np.bool_], minutes: int) -> Stages:
    """The night in records of so many minutes; the last begins earlier where fewer are left."""
    length = 60 * minutes // EPOCH_S or len(signal_uv)
    found = np.full(len(signal_uv), -1, np.int8)
    for judged in range(0, len(signal_uv), length):
        start = min(judged, len(signal_uv) - length)
        part = slice(start, start + length)
        given = score(signal_uv[part], is_there[part])
        answer = np.full(length, -1, np.int8)
        answer[: len(given)] = given[:length]
        found[judged : start + length] = answer[judged - start :]
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, default=Path("shipped"))
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    recording, reference = whole_night()
    # What is flat at the ends nobody is asked for.
    kept = np.flatnonzero(recording.is_scorable)
    span = slice(int(kept[0]), int(kept[-1]) + 1)
    signal_uv, is_there = recording.signal_uv[span], recording.is_scorable[span]
    reference = reference[span]
    makers = (
        ("mc2sleepnet", lambda: ours(arguments.model)),
        ("yasa", yasa_stager),
        ("gssc", gssc_stager),
    )
    rows = []
    for name, make in makers:
        try:
            label = f"{name} {version(name)}"
        except PackageNotFoundError:
            rows.append(f"{name}: not installed here")
            continue
        score = make()
        cells = []
        for minutes in MINUTES:
            began = time.perf_counter()
            found = records(score, signal_uv, is_there, minutes)
            seconds = time.perf_counter() - began
            result = agreement(reference, found)
            if minutes:
                cells.append(f"{result.kappa:.3f}")
            else:
                low, high = interval(reference, found)
                f1 = " ".join(f"{value:.2f}" for value in result.f1)
                cells.append(
                    f"{result.kappa:.3f} ({low:.3f}–{high:.3f}) | {result.accuracy:.3f} | {f1} | {seconds:.1f}"
                )
        rows.append(f"| {label} | " + " | ".join(cells) + " |")
    print("| stager | κ, whole (95 % of blocks) | accuracy | F1 W N1 N2 N3 R | s | κ, 20 min | 40 min | 60 min |")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
