"""A store as large as SHHS, 5,793 recordings of 1,036 epochs, beside one a hundredth of it: opening, batches, memory.

The signals are sparse files: they have their size, and take no disk. Run: python bench/store_at_scale.py
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from mc2sleepnet.store import Store, StoredRecording, sequences
from mc2sleepnet.store.layout import BYTES_PER_EPOCH, INDEX_NAME, STORE_VERSION, to_json

N_RECORDINGS = 5793
N_EPOCHS = 1036
L = 16
BATCH = 64
N_BATCHES = 300


def make_sparse_store(folder: Path, n_recordings: int) -> None:
    stage = ("W123R" * N_EPOCHS)[:N_EPOCHS]
    first = StoredRecording(
        name="",
        subject="",
        night=1,
        n_epochs=N_EPOCHS,
        scale_uv=0.01,
        n_clipped=0,
        stage=stage,
        is_readable="1" * N_EPOCHS,
        start="1985-01-01T22:00:00",
        source_sha256="0" * 64,
        hypnogram_sha256="0" * 64,
        signal_sha256="0" * 64,
        channel="EEG",
        protocol={"version": 0, "corpus": "bench", "channels": ["EEG"], "trim_limits": "none"},
        is_synthetic=True,
        findings=(),
    )
    recordings = []
    for number in range(200001, 200001 + n_recordings):
        with (folder / f"shhs1-{number}.i16").open("wb") as file:
            file.truncate(N_EPOCHS * BYTES_PER_EPOCH)
        recordings.append(to_json(replace(first, name=f"shhs1-{number}", subject=str(number))))
    index = {"version": STORE_VERSION, "corpus": "bench", "recordings": recordings}
    (folder / INDEX_NAME).write_text(json.dumps(index, indent=1))


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(folder: Path) -> None:
    before = resident_mb()
    start, cpu = time.perf_counter(), time.process_time()
    store = Store.open(folder)
    opened, opened_cpu = time.perf_counter() - start, time.process_time() - cpu
    start = time.perf_counter()
    found = sequences(store, range(len(store.recordings)), length=L, stride=L)
    cut = time.perf_counter() - start
    rng = np.random.default_rng(0)
    base, rates, memory = resident_mb(), [], []
    for _ in range(3):
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(N_BATCHES):
            store.signal_uv(found[rng.integers(0, len(found), BATCH)])
        n_read = N_BATCHES * BATCH * L
        per_cpu_s = n_read / (time.process_time() - cpu)
        rates.append(f"{n_read / (time.perf_counter() - start):,.0f} ({per_cpu_s:,.0f} per CPU second)")
        memory.append(resident_mb())
    n_open = len(list(Path("/proc/self/fd").iterdir()))
    print(f"{len(store.recordings)} recordings, {store.n_epochs:,} epochs")
    print(f"  opened in {opened:.2f} s ({opened_cpu:.2f} s of CPU), cut into {len(found):,} sequences in {cut:.2f} s")
    print(f"  epochs/s: {', '.join(rates)}")
    grown = ", ".join(f"{figure:.0f}" for figure in memory)
    print(f"  memory in MB: {before:.0f} before, {base:.0f} opened and cut, then training {grown}; {n_open} files open")


def main() -> None:
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
        return
    for n_recordings in (N_RECORDINGS // 100, N_RECORDINGS // 10, N_RECORDINGS):
        with tempfile.TemporaryDirectory() as folder:
            make_sparse_store(Path(folder), n_recordings)
            # A process of its own each: memory that was once taken is seldom given back.
            subprocess.run([sys.executable, __file__, folder], check=True)


if __name__ == "__main__":
    main()
