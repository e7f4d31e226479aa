"""Seconds and memory to score a night from process start to the last file. Run: python bench/score.py MODEL.

Three synthetic recordings: 8 h at 100 Hz, 8 h of 20 channels at 256 Hz (213 MB), 72 h at 100 Hz. CPU seconds stand
beside the clock's, so that a busy machine can be told; beside the whole stand its parts in one process.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import edfio
import numpy as np

from mc2sleepnet.core.model_folder import file_sha256, open_model_folder
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.scoring.job import ScoringOptions, score_file
from mc2sleepnet.signals import read_epochs

REPEATS = 5
# VmHWM, unlike getrusage's ru_maxrss, does not begin with the size of the process that started this one.
PROGRAM = """
import atexit, json, re, resource, sys
def tell():
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak_kb = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
    print(json.dumps([used.ru_utime + used.ru_stime, peak_kb / 1000]), file=sys.stderr)
atexit.register(tell)
from mc2sleepnet.cli import main
main()
"""


def write_recording(path: Path, *, hours: float, channels: int, sampling_hz: int) -> Path:
    """Noise with a slow and a fast rhythm: what it is scored as does not matter here."""
    time_s = np.arange(round(hours * 3600 * sampling_hz)) / sampling_hz
    rng = np.random.default_rng(1)
    signals = []
    for channel in range(channels):
        waves = 30 * np.sin(2 * np.pi * (1 + channel / 10) * time_s) + rng.normal(0, 15, len(time_s))
        label = "EEG Fpz-Cz" if channel == 0 else f"AUX{channel}"
        limits = (-500.0, 500.0)
        signals.append(edfio.EdfSignal(waves, sampling_hz, label=label, physical_dimension="uV", physical_range=limits))
    edfio.Edf(signals, data_record_duration=1).write(path)
    return path


def whole(recording: Path, model: Path, out: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and megabytes of one call in a process of its own."""
    words = ["score", str(recording), "--model", str(model), "--out", str(out)]
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    cpu_s, peak_mb = json.loads(done.stderr.splitlines()[-1])
    return seconds, cpu_s, peak_mb


def parts(recording: Path, model: Path, out: Path) -> dict[str, float]:
    """CPU seconds of the steps in this process, imports excepted."""
    marks = [time.process_time()]
    opened = open_model_folder(model)
    stager = OpenVinoStager(opened)
    marks.append(time.process_time())
    sha256 = file_sha256(recording)
    marks.append(time.process_time())
    read_epochs(recording)
    marks.append(time.process_time())
    night = score_file(recording, opened, stager, options=ScoringOptions(), sha256=sha256)
    marks.append(time.process_time())
    night.save(out)
    marks.append(time.process_time())
    engine, digest, read, scored, written = np.diff(marks)
    return {"start engine": engine, "hash": digest, "read": read, "score": scored - read, "write files": written}


def main() -> None:
    model = Path(sys.argv[1])
    cases = {"8 h, 1 x 100 Hz": (8, 1, 100), "8 h, 20 x 256 Hz": (8, 20, 256), "72 h, 1 x 100 Hz": (72, 1, 100)}
    print(f"noise; medians of {REPEATS}; load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores")
    with tempfile.TemporaryDirectory() as name:
        for place, (case, (hours, channels, sampling_hz)) in enumerate(cases.items()):
            path = Path(name) / f"night{place}.edf"
            recording = write_recording(path, hours=hours, channels=channels, sampling_hz=sampling_hz)
            seconds, cpu_s, peak_mb = (
                statistics.median(values)
                for values in zip(*(whole(recording, model, Path(name) / "out") for _ in range(REPEATS)), strict=True)
            )
            size = recording.stat().st_size / 1e6
            print(f"{case:<18} {size:4.0f} MB  {seconds:5.2f} s  {cpu_s:5.2f} CPU s  peak {peak_mb:.0f} MB")
            for part, used in parts(recording, model, Path(name) / "parts" / str(place)).items():
                print(f"    {part:<14} {used:5.2f} CPU s  {100 * used / cpu_s:3.0f} %")


if __name__ == "__main__":
    main()
