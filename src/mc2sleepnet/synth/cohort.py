"""A synthetic cohort in Sleep-EDF's file layout: `SC4ssNE0-PSG.edf` beside `SC4ssNEC-Hypnogram.edf`."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import EPOCH_S
from mc2sleepnet.formats.edfplus import write_annotations
from mc2sleepnet.synth.label_sequences import sample_hypnogram
from mc2sleepnet.synth.night import synthesize_channels
from mc2sleepnet.synth.psg_edf import PsgHeader, n_records, recording_words, write_psg
from mc2sleepnet.synth.scoring_texts import annotate
from mc2sleepnet.synth.seeding import GENERATOR_VERSION, night_generator, one_thread
from mc2sleepnet.synth.traits import CHANNELS, NightTraits, SubjectTraits, sample_night, sample_subject

MAX_SUBJECTS = 100
MAX_NIGHTS = 2
MAX_HOURS = 24.0
MIN_HOURS = 0.1
# Hours in bed, and awake before and after, where no length is asked for.
BED_HOURS = (7.0, 9.0)
WAKE_HOURS = (0.7, 1.3)
DAY_LONG_S = 14 * 3600

Progress = Callable[[int, int, str], None]


def write_cohort(
    out: Path,
    *,
    subjects: int,
    nights: int,
    seed: int,
    hours: float | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Write a cohort of synthetic nights; what is there already from the same call is kept.

    Each night depends on nothing but seed, subject, night and hours, to the last bit.

    Parameters
    ----------
    out
        Folder to write to; made if missing.
    subjects
        Number of subjects, 1–100.
    nights
        Nights of each, 1 or 2.
    seed
        Any integer from 0 to 10⁹.
    hours
        Length of each recording, up to 24; None gives each 7–9 hours in bed with about an hour of wake before and
        after. A recording too short for a night runs through one on a faster clock.
    progress
        Called with nights done, nights in all and the name of the PSG just finished.

    Returns
    -------
    list[Path]
        The PSG files, in order.

    Raises
    ------
    InputError
        If a number is out of range, `out` is a file, or holds nights of another seed, length or version.
    """
    _check(out, subjects, nights, seed, hours)
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for subject in range(subjects):
        for night in range(1, nights + 1):
            psg, hypnogram = night_paths(out, subject, night)
            _write_night(psg, hypnogram, subject=subject, night=night, seed=seed, hours=hours)
            written.append(psg)
            if progress is not None:
                progress(len(written), subjects * nights, psg.name)
    return written


def night_paths(out: Path, subject: int, night: int) -> tuple[Path, Path]:
    """PSG and hypnogram of a night, named as in Sleep-EDF: subject 0–99, night 1 or 2."""
    stem = f"SC4{subject:02d}{night}"
    return out / f"{stem}E0-PSG.edf", out / f"{stem}EC-Hypnogram.edf"


def cohort_subject(seed: int, subject: int) -> SubjectTraits:
    """The traits of a cohort's subject."""
    return sample_subject(night_generator(seed, "subject", subject))


def _check(out: Path, subjects: int, nights: int, seed: int, hours: float | None) -> None:
    if not 1 <= subjects <= MAX_SUBJECTS:
        raise InputError("subjects", f"{subjects} is not between 1 and {MAX_SUBJECTS}", "Ask for 1 to 100 subjects")
    if not 1 <= nights <= MAX_NIGHTS:
        raise InputError("nights", f"{nights} is neither 1 nor 2", "Ask for 1 or 2 nights of each subject")
    if not 0 <= seed <= 10**9:
        raise InputError("seed", f"{seed} is not between 0 and 1000000000", "Give a seed in that range")
    if hours is not None and not MIN_HOURS <= hours <= MAX_HOURS:
        raise InputError("hours", f"{hours:g} is not between {MIN_HOURS:g} and {MAX_HOURS:g}", "Ask for up to 24 hours")
    if out.exists() and not out.is_dir():
        raise InputError(out, "is a file", "Name a folder to write the nights to")


def _write_night(psg: Path, hypnogram: Path, *, subject: int, night: int, seed: int, hours: float | None) -> None:
    """Make and write one night, unless both its files are there."""
    words = ("synthetic", "mc2sleepnet", f"v{GENERATOR_VERSION}", "seed", str(seed))
    generator = night_generator(seed, "night", subject, night, float(hours or 0))
    traits = sample_night(cohort_subject(seed, subject), generator)
    stage = _hypnogram(traits, hours, generator)
    if psg.exists():
        if recording_words(psg)[-len(words) :] != words or n_records(psg) != len(stage):
            raise InputError(psg, "is not the night that this seed and length would give", "Choose an empty folder")
        if hypnogram.exists():
            return
    start = _start(subject, night, len(stage), generator)
    annotations, as_scored = annotate(stage, generator=generator)
    with one_thread():
        signal = synthesize_channels(as_scored, traits=traits, generator=generator).numpy()
    signals = {f"EEG {name}": row for name, row in zip(CHANNELS, signal, strict=True)}
    write_annotations(hypnogram, annotations, start=start, recording_text=" ".join(words))
    # The PSG comes last: where it stands, the night is complete.
    write_psg(psg, signals, PsgHeader(code=psg.name[:5], start=start, words=words))


def _start(subject: int, night: int, n_epochs: int, generator: Generator) -> datetime:
    """An evening of 1989; a recording of a whole day begins in the afternoon, as Sleep-EDF's do."""
    is_day_long = n_epochs * EPOCH_S > DAY_LONG_S
    hour = 15 if is_day_long else 20
    clock_s = int(float(torch.rand((), generator=generator)) * 2.5 * 3600)
    return datetime(1989, 1, 1, hour) + timedelta(days=3 * subject + night, seconds=clock_s)


def _hypnogram(traits: NightTraits, hours: float | None, generator: Generator) -> NDArray[np.int8]:
    if hours is not None:
        return sample_hypnogram(round(hours * 3600 / EPOCH_S), generator=generator, traits=traits)
    per_hour = 3600 // EPOCH_S
    u = torch.rand(2, generator=generator).tolist()
    in_bed = round((BED_HOURS[0] + (BED_HOURS[1] - BED_HOURS[0]) * u[0]) * per_hour)
    awake = round(2 * (WAKE_HOURS[0] + (WAKE_HOURS[1] - WAKE_HOURS[0]) * u[1]) * per_hour)
    return sample_hypnogram(in_bed + awake, generator=generator, traits=traits, sleep_period_epochs=in_bed)
