"""Sleep-EDF Expanded's sleep cassette recordings: names, pairs and subjects.

Kemp et al., PhysioNet ``sleep-edfx`` 1.0.0: ``SC4ssNE0-PSG.edf`` is night N of subject ss, and
``SC4ssNEC-Hypnogram.edf`` its scoring; the letters after N name recorder and scorer, and vary.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError

CHANNEL: Final = "EEG Fpz-Cz"
_LARGEST_SUBJECT: Final = {"sleep-edf-20": 19, "sleep-edf-78": 99}
CORPORA: Final = tuple(_LARGEST_SUBJECT)
_RECORDING: Final = re.compile(r"(SC4(\d\d)(\d)[A-Z])0-PSG\.edf")
_HYPNOGRAM: Final = re.compile(r"(SC4(\d\d)(\d)[A-Z])[A-Z]-Hypnogram\.edf")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A recording and its hypnogram."""

    name: str
    subject: str
    night: int
    recording_path: Path
    hypnogram_path: Path


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a folder holds of a corpus.

    Attributes
    ----------
    pairs
        In order of subject and night.
    missing
        For people: every recording without a hypnogram, and the reverse.
    """

    pairs: tuple[Pair, ...]
    missing: tuple[str, ...]


def find_sleep_edf(source: Path, corpus: str) -> Found:
    """Find a folder's cassette recordings and pair them by the first seven characters of their names.

    Parameters
    ----------
    source
        Searched with all its folders.
    corpus
        ``sleep-edf-20`` (subjects 0–19) or ``sleep-edf-78`` (all).

    Raises
    ------
    InputError
        If the folder is missing, holds no such pair, or the same night twice.
    """
    if not source.is_dir():
        raise InputError(source, "is no folder", "Name the folder that holds SC4*-PSG.edf files")
    paths = sorted(path for path in source.rglob("SC4*.edf") if path.is_file())
    largest = _LARGEST_SUBJECT[corpus]
    recordings = _by_key(paths, _RECORDING, largest)
    hypnograms = _by_key(paths, _HYPNOGRAM, largest)
    keys = sorted(recordings.keys() & hypnograms.keys())
    missing = [f"{path.name} has no hypnogram" for key, path in recordings.items() if key not in hypnograms]
    missing += [f"{path.name} has no recording" for key, path in hypnograms.items() if key not in recordings]
    if not keys:
        fault = f"holds no pair of SC4*-PSG.edf and SC4*-Hypnogram.edf of {corpus}"
        remedy = "; ".join(missing[:5]) or "Fetch PhysioNet's sleep-edfx/1.0.0/sleep-cassette"
        raise InputError(source, fault, remedy)
    pairs = tuple(
        Pair(
            name=f"{key}0",
            subject=str(int(key[3:5])),
            night=int(key[5]),
            recording_path=recordings[key],
            hypnogram_path=hypnograms[key],
        )
        for key in keys
    )
    return Found(pairs=pairs, missing=tuple(sorted(missing)))


def _by_key(paths: Iterable[Path], name: re.Pattern[str], largest_subject: int) -> dict[str, Path]:
    by_key: dict[str, Path] = {}
    for path in paths:
        match = name.fullmatch(path.name)
        if match is None or int(match[2]) > largest_subject:
            continue
        if (other := by_key.get(match[1])) is not None:
            raise InputError(path, f"is the same night as {other}", "Keep one of the two")
        by_key[match[1]] = path
    return by_key
