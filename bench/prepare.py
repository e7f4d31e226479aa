"""Nights a minute through `prepare`, at Sleep-EDF's size. Run: python bench/prepare.py [NIGHTS] [WORKERS...]."""

import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from mc2sleepnet.formats import write_annotations
from official_layout import SIGNALS, Header, write_psg

HOURS = 22
START = datetime(1989, 4, 24, 16, 13)


def write_nights(folder: Path, n_nights: int) -> None:
    """Noise in seven signals, staged so that nine hours remain after trimming."""
    n_records = HOURS * 120
    rng = np.random.default_rng(0)
    stages = [(6 * 120, "W"), (4 * 120, "2"), (4 * 120, "R"), (8 * 120, "W"), (2 * 120, "?")]
    annotations, onset_s = [], 0
    for n_epochs, stage in stages:
        annotations.append((onset_s, 30 * n_epochs, f"Sleep stage {stage}"))
        onset_s += 30 * n_epochs
    for night in range(n_nights):
        key = f"SC4{night // 2:02d}{night % 2 + 1}E"
        steps = [rng.normal(0, 300, 30 * rate * n_records).astype(np.int16) for _, _, rate in SIGNALS]
        write_psg(folder / f"{key}0-PSG.edf", steps, Header(start=START, n_records=n_records, record_s=30))
        write_annotations(folder / f"{key}C-Hypnogram.edf", annotations, start=START, recording_text="synthetic")


def main() -> None:
    n_nights = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        write_nights(source, n_nights)
        n_bytes = sum(path.stat().st_size for path in source.iterdir())
        for workers in sys.argv[2:] or ["1", "2"]:
            store = Path(folder) / f"store{workers}"
            verb = [sys.executable, "-c", "from mc2sleepnet.cli import main; main()"]
            command = [*verb, "prepare", "sleep-edf-78", source, "--store", store, "--workers", workers]
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            seconds = time.perf_counter() - start
            peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            rate = 60 * n_nights / seconds
            print(
                f"{workers} workers: {n_nights} nights, {n_bytes / 1e9:.2f} GB in {seconds:.1f} s, {rate:.0f} a minute"
            )
            print(f"  peak of one process so far {peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
