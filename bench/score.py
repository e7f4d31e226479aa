"""Seconds and memory to score a night from process start to the last file. Run: python bench/score.py MODEL [HOURS].

The night is synthetic. Beside the whole stand its parts in one process, so that the ratios hold on a noisy machine.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mc2sleepnet.core.model_folder import open_model_folder
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.scoring.night import score_recording
from mc2sleepnet.signals import read_epochs
from mc2sleepnet.synth.cohort import write_cohort

REPEATS = 5


def main() -> None:
    model = Path(sys.argv[1])
    hours = float(sys.argv[2]) if len(sys.argv) > 2 else 8.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (night,) = write_cohort(folder, subjects=1, nights=1, seed=1, hours=hours)
        whole_s, peaks_mb = [], []
        for _ in range(REPEATS):
            started = time.perf_counter()
            command = ["score", str(night), "--model", str(model), "--out", str(folder / "out")]
            program = (
                "import resource, sys; from mc2sleepnet.cli import app; app(standalone_mode=False); "
                "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, file=sys.stderr)"
            )
            done = subprocess.run([sys.executable, "-c", program, *command], check=True, capture_output=True, text=True)
            whole_s.append(time.perf_counter() - started)
            peaks_mb.append(float(done.stderr.split()[-1]))

        parts: dict[str, list[float]] = {"start engine": [], "read and resample": [], "score": [], "write files": []}
        for _ in range(REPEATS):
            started = time.perf_counter()
            opened = open_model_folder(model)
            stager = OpenVinoStager(opened)
            engine = time.perf_counter()
            recording = read_epochs(night)
            read = time.perf_counter()
            scored = score_recording(recording, opened, stager, origin={"file": night.name, "sha256": ""})
            inferred = time.perf_counter()
            scored.save(folder / "parts")
            ended = time.perf_counter()
            for part, seconds in zip(
                parts, (engine - started, read - engine, inferred - read, ended - inferred), strict=True
            ):
                parts[part].append(seconds)

    whole = statistics.median(whole_s)
    print(f"{hours:g} h, {len(recording)} epochs, synthetic; medians of {REPEATS}")
    print(f"{'process start to last file':<28} {whole:6.2f} s   peak {statistics.median(peaks_mb):.0f} MB")
    for part, seconds_of in parts.items():
        seconds = statistics.median(seconds_of)
        print(f"{part:<28} {seconds:6.2f} s   {100 * seconds / whole:3.0f} %")


if __name__ == "__main__":
    main()
