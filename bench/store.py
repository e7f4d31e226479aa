"""Epochs a second out of the store, beside plain slicing of one memory map. Run: python bench/store.py [NIGHTS]."""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mc2sleepnet.store import Store, sequences, write_index, write_recording

EPOCHS_PER_NIGHT = 1000
L = 16
BATCH = 64


def make_store(folder: Path, n_nights: int) -> Store:
    rng = np.random.default_rng(0)
    signal_uv = rng.normal(0, 30, (EPOCHS_PER_NIGHT, 3000)).astype(np.float32)
    for night in range(n_nights):
        write_recording(
            folder,
            name=f"night{night:03d}",
            subject=str(night),
            night=1,
            signal_uv=signal_uv,
            stage=np.zeros(EPOCHS_PER_NIGHT, np.int8),
            is_readable=np.ones(EPOCHS_PER_NIGHT, np.bool_),
            start=None,
            source_sha256="",
            hypnogram_sha256="",
            channel="bench",
            protocol={},
            is_synthetic=True,
        )
    write_index(folder, "bench")
    return Store.open(folder)


def epochs_per_s(gather: Callable[[], int], seconds: float = 2.0) -> float:
    gather()
    n_epochs, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        n_epochs += gather()
    return n_epochs / (time.perf_counter() - start)


def main() -> None:
    n_nights = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder), n_nights)
        all_sequences = sequences(store, range(n_nights), length=L, stride=4)
        raw = np.memmap(Path(folder) / "night000.i16", dtype="<i2", mode="r").reshape(-1, 3000)

        def plain() -> int:
            starts = rng.integers(0, EPOCHS_PER_NIGHT - L, BATCH)
            return len(np.concatenate([raw[s : s + L] for s in starts]).astype(np.float32))

        def in_sequences() -> int:
            batch = all_sequences[rng.integers(0, len(all_sequences), BATCH)]
            return store.signal_uv(batch).reshape(-1, 3000).shape[0]

        def single_epochs() -> int:
            return len(store.signal_uv(rng.integers(0, store.n_epochs, BATCH * L)))

        base = epochs_per_s(plain)
        print(f"plain memory map, {L} epochs at a time: {base:9,.0f} epochs/s")
        for name, gather in (("store, sequences", in_sequences), ("store, single epochs", single_epochs)):
            rate = epochs_per_s(gather)
            print(f"{name}: {rate:9,.0f} epochs/s, {rate / base:.2f} of plain")


if __name__ == "__main__":
    main()
