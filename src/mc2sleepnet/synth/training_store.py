"""A store of training nights, each with its own subject and recorder; what is there already is kept."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mc2sleepnet.core.cluster import run_jobs
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.store import finished_recording, write_index, write_recording
from mc2sleepnet.store.layout import hash_of
from mc2sleepnet.synth.seeding import GENERATOR_VERSION, night_generator, one_thread
from mc2sleepnet.synth.training_nights import GeneratorSetting, synthesize_training_night

CORPUS = "synthetic"


@dataclass(frozen=True)
class _Job:
    """A night to make, and where it goes."""

    out: Path
    name: str
    index: int
    setting: GeneratorSetting
    seed: int
    protocol: dict[str, Any]

    @property
    def night_name(self) -> str:
        return f"{self.name}-{self.index:04d}"

    @property
    def identity(self) -> str:
        """Of the night: a hash of all that it depends on."""
        return hashlib.sha256(f"{hash_of(self.protocol)} {self.night_name}".encode()).hexdigest()

    def is_done(self) -> bool:
        """Whether the night is in the store."""
        finished = finished_recording(self.out, self.night_name)
        if finished is not None and finished.source_sha256 != self.identity:
            fault = f"'{self.night_name}' was made with another seed or other settings"
            raise InputError(self.out, fault, "Use another folder")
        return finished is not None


def write_training_store(
    out: Path,
    settings: Mapping[str, tuple[GeneratorSetting, int]],
    *,
    seed: int,
    workers: int = 1,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> None:
    """Make nights and write them as a store; each night depends on seed, setting and number alone.

    Parameters
    ----------
    out
        Folder of the store.
    settings
        By name: a generator setting, and how many nights of it. Subjects are called ``name-0000`` and so on.
    seed
        Any integer.
    workers
        Processes that make nights side by side; the nights are the same.
    progress
        Told nights done, nights in all and the last one's name.

    Raises
    ------
    InputError
        If the folder holds nights of another seed or other settings, or processes that make nights are killed again and
        again.
    OSError
        If the disk is full or cannot be written.
    """
    protocol = {
        "generator": GENERATOR_VERSION,
        "seed": seed,
        "settings": {name: asdict(setting) for name, (setting, _) in settings.items()},
    }
    jobs = [
        _Job(out, name, index, setting, seed, protocol)
        for name, (setting, count) in settings.items()
        for index in range(count)
    ]
    missing = [job for job in jobs if not job.is_done()]
    done = len(jobs) - len(missing)
    for ended in run_jobs(_write_night, missing, workers=workers, name_of=lambda job: job.night_name):
        if ended.error is not None:
            raise ended.error
        done += 1
        progress(done, len(jobs), missing[ended.index].night_name)
    write_index(out, CORPUS)


def _write_night(job: _Job) -> None:
    with one_thread():
        night = synthesize_training_night(night_generator(job.seed, job.name, job.index), job.setting)
    write_recording(
        job.out,
        name=job.night_name,
        subject=job.night_name,
        night=1,
        signal_uv=night.signal_uv.numpy(),
        stage=night.stage,
        is_readable=np.ones(len(night.stage), np.bool_),
        start=None,
        source_sha256=job.identity,
        hypnogram_sha256=job.identity,
        channel="synthetic EEG",
        protocol=job.protocol,
        is_synthetic=True,
    )
