"""Sleep-EDF-78 as large as it is, made up: for the rehearsals that `make soak` runs."""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import edfio
import numpy as np
import pytest

from mc2sleepnet.corpora.sleep_edf import nights_of
from mc2sleepnet.formats import write_annotations
from mc2sleepnet.synth.cohort import night_paths, write_cohort
from official_layout import HALF_RANGE, SIGNALS, Header, write_psg

N_MODELS = 4
HOURS = 22.0
DAY_S = 24 * 3600
PEAK = "peak memory in kB: "
VERB = f"""
import atexit
from mc2sleepnet.cli import main

def tell():
    status = open("/proc/self/status").read()
    print({PEAK!r} + status.partition("VmHWM:")[2].split()[0], end="")

atexit.register(tell)
main()
"""


@dataclass(frozen=True, kw_only=True)
class FullScale:
    """A store of 153 recordings of 78 subjects, and what it cost to prepare it."""

    store_dir: Path
    source_bytes: int
    store_bytes: int
    prepare_s: float
    peak_mb: float
    summary: str


def run_verb(*words: str) -> tuple[str, float]:
    """What a verb prints, and the most memory of its process in MB, which `getrusage` would mix with its parent's."""
    ended = subprocess.run([sys.executable, "-c", VERB, *words], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    output, _, peak_kb = ended.stdout.rpartition(PEAK)
    return output, int(peak_kb) / 1024


def write_official_cohort(folder: Path) -> None:
    """The 153 published nights: a few synthetic ones, each told apart by its scale, its shift and its own noise."""
    write_cohort(folder / "models", subjects=N_MODELS, nights=1, seed=11, hours=HOURS)
    models = [_model(folder / "models", subject) for subject in range(N_MODELS)]
    rng = np.random.default_rng(3)
    for place, night in enumerate(sorted(nights_of("sleep-edf-78"))):
        eeg, annotations = models[int(night[3:5]) % N_MODELS]
        n_records = len(eeg[0]) // 3000
        scale = 0.8 + 0.4 * rng.random()
        noise = rng.normal(0, 15, 1 << 20).astype(np.int16)
        channels = [
            (steps * scale).astype(np.int16) + np.resize(np.roll(noise, rng.integers(1 << 20)), len(steps))
            for steps in (*eeg, -eeg[0])
        ]
        slow = [np.resize(noise[: 30 * n_records], 30 * n_records)] * (len(SIGNALS) - len(channels))
        signals = [np.clip(steps, -HALF_RANGE, HALF_RANGE).astype(np.int16) for steps in (*channels, *slow)]
        start = datetime(1989, 1, 1, 16) + timedelta(days=place)
        record_s = 60 if place == 77 else 30
        header = Header(start=start, n_records=n_records * 30 // record_s, record_s=record_s)
        write_psg(folder / f"{night}E0-PSG.edf", signals, header)
        end_s = max(onset + duration for onset, duration, _ in annotations)
        tail = [(end_s, DAY_S - end_s, "Sleep stage ?")] if end_s < DAY_S else []
        write_annotations(
            folder / f"{night}EC-Hypnogram.edf", [*annotations, *tail], start=start, recording_text="synthetic"
        )
    shutil.rmtree(folder / "models")


def _model(folder: Path, subject: int) -> tuple[list[np.ndarray], list[tuple[float, float, str]]]:
    """Two channels as int16 and the annotations of a synthetic night of whole minutes."""
    psg, hypnogram = night_paths(folder, subject, 1)
    signals = edfio.read_edf(psg).signals
    annotations = edfio.read_edf(hypnogram).annotations
    eeg = [np.asarray(signals[min(place, len(signals) - 1)].digital, dtype=np.int16) for place in (0, 1)]
    return eeg, [(a.onset, a.duration or 30.0, a.text) for a in annotations]


@pytest.fixture(name="run_verb")
def _run_verb():
    return run_verb


@pytest.fixture(scope="session")
def full_scale(tmp_path_factory: pytest.TempPathFactory) -> FullScale:
    """The cohort prepared by the verb itself; its 7.4 GB of EDF are deleted at once."""
    source, store_dir = tmp_path_factory.mktemp("sleep-edf-78"), tmp_path_factory.mktemp("full-store")
    try:
        write_official_cohort(source)
        source_bytes = sum(path.stat().st_size for path in source.iterdir())
        begin = time.perf_counter()
        summary, peak_mb = run_verb("prepare", "sleep-edf-78", str(source), "--store", str(store_dir))
        prepare_s = time.perf_counter() - begin
    finally:
        shutil.rmtree(source, ignore_errors=True)
    return FullScale(
        store_dir=store_dir,
        source_bytes=source_bytes,
        store_bytes=sum(path.stat().st_size for path in store_dir.iterdir()),
        prepare_s=prepare_s,
        peak_mb=peak_mb,
        summary=summary,
    )
