"""A model on the real recordings of MC2_REAL_DATA; other stagers beside it: `other_stagers`.

Run as ``python bench/real_nights.py [--model DIR] [--store DIR]``. `ucddb022` is whole, then cut into
records of 20, 40 and 60 minutes; of 23 other UCDDB subjects there are W and N3 epochs only, scored at their places
in the night, what is absent counting as padding. With --store, a store that `recipes.shipped` wrote, records of those
lengths of its held-out synthetic nights are compared with the whole nights, setting by setting.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.model_folder import open_model_folder
from mc2sleepnet.core.stages import N3, SAMPLES_PER_EPOCH, STAGES, UNSCORED, W
from mc2sleepnet.inference import score_night
from mc2sleepnet.metrics.agreement import agreement
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.store import Store
from ucddb import partial_nights, whole_night

Stages = NDArray[np.int8]
MINUTES = (20, 40, 60)
BLOCK_EPOCHS = 20
RESAMPLES = 1000


def scored(
    stager: OpenVinoStager, signal_uv: NDArray[np.float32], is_there: NDArray[np.bool_], stride: int
) -> tuple[Stages, NDArray[np.float64]]:
    log_probabilities = score_night(stager, signal_uv, is_there, stride=stride)
    stage = np.full(len(is_there), UNSCORED, np.int8)
    stage[is_there] = log_probabilities[is_there].argmax(1)
    return stage, log_probabilities


def interval(reference: Stages, found: Stages) -> tuple[float, float]:
    """Bootstrap of κ over blocks of ten minutes: neighbouring epochs are not independent."""
    both = (reference >= 0) & (found >= 0)
    reference, found = reference[both], found[both]
    rng = np.random.default_rng(0)
    starts = np.arange(0, len(reference), BLOCK_EPOCHS)
    kappas = []
    for _ in range(RESAMPLES):
        rows = np.concatenate(
            [np.arange(s, min(s + BLOCK_EPOCHS, len(reference))) for s in rng.choice(starts, len(starts))]
        )
        kappas.append(agreement(reference[rows], found[rows]).kappa)
    low, high = np.quantile(kappas, (0.025, 0.975))
    return float(low), float(high)


def tell(name: str, reference: Stages, found: Stages) -> None:
    result = agreement(reference, found)
    low, high = interval(reference, found)
    f1 = " ".join(f"{stage} {value:.2f}" for stage, value in zip(STAGES, result.f1, strict=True))
    print(f"{name}: κ {result.kappa:.3f} ({low:.3f}–{high:.3f}), accuracy {result.accuracy:.3f}, F1 {f1}")


def tell_night(stager: OpenVinoStager, stride: int, temperature: float) -> None:
    recording, reference = whole_night()
    began = time.perf_counter()
    found, log_probabilities = scored(stager, recording.signal_uv, recording.is_scorable, stride)
    seconds = time.perf_counter() - began
    tell(f"ucddb022, {seconds:.1f} s", reference, found)
    for name, stages in (("reference", reference), ("found", found)):
        print(
            f"  minutes {name}:",
            *(f"{STAGES[s]} {(stages[recording.is_scorable] == s).sum() / 2:.0f}" for s in range(5)),
        )
    kept = recording.is_scorable & (reference >= 0)
    scaled = log_probabilities[kept] / temperature
    confidence = np.exp(scaled.max(1) - np.logaddexp.reduce(scaled, axis=1))
    is_right = found[kept] == reference[kept]
    for low, high in ((0.0, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01)):
        own = (confidence >= low) & (confidence < high)
        if own.any():
            print(f"  confidence {low:.1f}–{min(high, 1):.1f}: {own.sum()} epochs, {is_right[own].mean():.2f} right")


def tell_partial_nights(stager: OpenVinoStager, stride: int) -> None:
    truth, answers = [], []
    for night in partial_nights():
        signal_uv = np.zeros((len(night.hypnogram), SAMPLES_PER_EPOCH), np.float32)
        signal_uv[night.place] = night.signal_uv
        # `score` leaves flat epochs unscored; here too they count for nothing.
        read = night.place[~night.is_flat]
        is_there = np.zeros(len(signal_uv), np.bool_)
        is_there[read] = True
        found, _ = scored(stager, signal_uv, is_there, stride)
        truth.append(night.hypnogram[read])
        answers.append(found[read])
    for stage in (W, N3):
        recalls = [(a[t == stage] == stage).mean() for t, a in zip(truth, answers, strict=True) if (t == stage).any()]
        given = np.concatenate(answers)[np.concatenate(truth) == stage]
        shares = " ".join(f"{STAGES[s]} {(given == s).mean():.2f}" for s in range(5))
        print(f"23 UCDDB subjects, {STAGES[stage]}: called {shares}; by subject", *(f"{r:.2f}" for r in recalls))


def cut(n_epochs: int, length: int) -> Iterator[tuple[slice, int]]:
    """Records one after another, and how many epochs of each were judged in the one before.

    So that every length is judged by the same epochs, the last begins earlier where fewer are left.
    """
    for judged in range(0, n_epochs, length):
        start = min(judged, n_epochs - length)
        yield slice(start, start + length), judged - start


def answered(stager: OpenVinoStager, stride: int, store: Store, night: int, minutes: int) -> tuple[Stages, Stages]:
    """Reference and answer of a store's night, read in records of so many minutes; whole by 0. Shape: [N], [N]"""
    epochs = store.epochs_of(night)
    answer = np.empty(len(epochs), np.int8)
    for record, known in cut(len(epochs), 2 * minutes or len(epochs)):
        part = epochs[record]
        found, _ = scored(stager, store.signal_uv(part), store.is_readable[part], stride)
        answer[record][known:] = found[known:]
    return store.stage[epochs], answer


def short_records(stager: OpenVinoStager, stride: int, store_dir: Path) -> None:
    store = Store.open(store_dir)
    for setting in ("far", "invented"):
        nights = [i for i, r in enumerate(store.recordings) if r.subject.startswith(setting)]
        kappas = {}
        for minutes in (0, *MINUTES):
            rows = [answered(stager, stride, store, night, minutes) for night in nights]
            truth, answers = (np.concatenate([row[side] for row in rows]) for side in (0, 1))
            kappas[minutes] = agreement(truth, answers).kappa
        print(f"synthetic, setting {setting}:", *(f"{m or 'whole'} min κ {k:.3f}" for m, k in kappas.items()))


def short_records_of_the_night(stager: OpenVinoStager, stride: int) -> None:
    recording, reference = whole_night()
    kappas = {}
    for minutes in MINUTES:
        answers = []
        for record, known in cut(len(recording), 2 * minutes):
            found, _ = scored(stager, recording.signal_uv[record], recording.is_scorable[record], stride)
            answers.append(found[known:])
        kappas[minutes] = agreement(reference, np.concatenate(answers)).kappa
    print("ucddb022 in records of", *(f"{m} min κ {k:.3f}" for m, k in kappas.items()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, default=Path("shipped"))
    parser.add_argument("--store", type=Path)
    arguments = parser.parse_args()
    model = open_model_folder(arguments.model)
    stager, calibration = OpenVinoStager(model), model.calibration
    tell_night(stager, calibration.scoring_stride, calibration.temperature)
    short_records_of_the_night(stager, calibration.scoring_stride)
    tell_partial_nights(stager, calibration.scoring_stride)
    if arguments.store:
        short_records(stager, calibration.scoring_stride, arguments.store)


if __name__ == "__main__":
    main()
