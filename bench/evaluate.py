"""Time and memory of `evaluate` over many nights, from files to the page. Run: python bench/evaluate.py [NIGHTS]."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.formats import write_hypnogram, write_hypnogram_csv

EPOCHS_PER_NIGHT = 960
PATTERNS = 50  # different nights; the rest are copies under other names


def write_cohort(folder: Path, n_nights: int) -> None:
    """Experts' EDF+ hypnograms, and a model's hypnogram.csv with probabilities, one folder a night."""
    rng = np.random.default_rng(0)
    experts, ours = [], []
    for pattern in range(PATTERNS):
        stage = np.repeat(rng.integers(0, 5, EPOCHS_PER_NIGHT // 6), 6).astype(np.int8)
        hypnodensity = rng.dirichlet(np.ones(5), EPOCHS_PER_NIGHT) * 0.6 + 0.4 * np.eye(5)[stage]
        start = datetime(2024, 1, 1, 22, 0) + timedelta(days=pattern)
        write_hypnogram(Hypnogram(stage=stage, start=start), folder / "expert.edf", "edf")
        write_hypnogram_csv(
            folder / "ours.csv",
            Hypnogram(stage=hypnodensity.argmax(axis=1).astype(np.int8), start=start),
            hypnodensity=hypnodensity,
            confidence=hypnodensity.max(axis=1),
            review=np.zeros(EPOCHS_PER_NIGHT, bool),
            source=["model"] * EPOCHS_PER_NIGHT,
        )
        experts.append((folder / "expert.edf").read_bytes())
        ours.append((folder / "ours.csv").read_bytes())
    for night in range(n_nights):
        (folder / "ours" / f"night{night:05d}").mkdir(parents=True)
        (folder / "ours" / f"night{night:05d}" / "hypnogram.csv").write_bytes(ours[night % PATTERNS])
        (folder / "experts").mkdir(exist_ok=True)
        (folder / "experts" / f"night{night:05d}-Hypnogram.edf").write_bytes(experts[night % PATTERNS])


def main() -> None:
    n_nights = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cohort(folder, n_nights)
        call = [sys.executable, "-c", "from mc2sleepnet.cli import main; main()", "evaluate"]
        call += [str(folder / "experts"), str(folder / "ours"), "--json", "--html", str(folder / "page.html")]
        start = time.perf_counter()
        process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak_kb = 0
        while process.poll() is None:
            peak_kb = max(peak_kb, _tree_kb(process.pid))
            time.sleep(0.2)
        wall_s = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    print(f"{n_nights} nights, {os.cpu_count()} cores, exit {process.returncode}")
    print(f"{wall_s:.1f} s, {cpu_s:.1f} s of CPU, at most {peak_kb / 1024:.0f} MB in all processes together (PSS)")


def _tree_kb(pid: int) -> int:
    """Proportional memory of a process and its children."""
    total = 0
    for one in [pid, *_children(pid)]:
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
    return total


def _children(pid: int) -> list[int]:
    try:
        own = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [one for child in map(int, own) for one in (child, *_children(child))]


if __name__ == "__main__":
    main()
