"""A store of training nights, each with its own subject and recorder; what is there already is kept."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mc2sleepnet.store import finished_recording, write_index, write_recording
from mc2sleepnet.store.layout import hash_of
from mc2sleepnet.synth.cohort import GENERATOR_VERSION, night_generator
from mc2sleepnet.synth.training_nights import GeneratorSetting, synthesize_training_night

CORPUS = "synthetic"


def write_training_store(
    out: Path,
    settings: Mapping[str, tuple[GeneratorSetting, int]],
    *,
    seed: int,
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
    progress
        Told nights done, nights in all and the last one's name.

    Raises
    ------
    OSError
        If the disk is full or cannot be written.
    """
    protocol = {
        "generator": GENERATOR_VERSION,
        "seed": seed,
        "settings": {name: asdict(setting) for name, (setting, _) in settings.items()},
    }
    wanted = [(name, index) for name, (_, count) in settings.items() for index in range(count)]
    for done, (name, index) in enumerate(wanted, start=1):
        night_name = f"{name}-{index:04d}"
        if finished_recording(out, night_name) is None:
            night = synthesize_training_night(night_generator(seed, name, index), settings[name][0])
            identity = hashlib.sha256(f"{hash_of(protocol)} {night_name}".encode()).hexdigest()
            write_recording(
                out,
                name=night_name,
                subject=night_name,
                night=1,
                signal_uv=night.signal_uv.numpy(),
                stage=night.stage,
                is_readable=np.ones(len(night.stage), np.bool_),
                start=None,
                source_sha256=identity,
                hypnogram_sha256=identity,
                channel="synthetic EEG",
                protocol=protocol,
                is_synthetic=True,
            )
        progress(done, len(wanted), night_name)
    write_index(out, CORPUS)
