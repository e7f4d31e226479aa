"""Sleep-EDF Expanded's sleep cassette recordings: names, pairs and subjects.

Kemp et al., PhysioNet ``sleep-edfx`` 1.0.0: ``SC4ssNE0-PSG.edf`` is night N of subject ss, and
``SC4ssNEC-Hypnogram.edf`` its scoring; the letters after N name recorder and scorer, and vary.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora.pairs import Found, Pair, files_below, twice

CHANNEL: Final = "EEG Fpz-Cz"
SUBJECTS: Final = {
    "sleep-edf-20": tuple(range(20)),
    "sleep-edf-78": tuple(s for s in range(83) if s not in {39, 68, 69, 78, 79}),
}
# SC4131E0, SC4362F0 and SC4522E0 are all there is of their subjects.
_ONLY_NIGHT: Final = {13: 1, 36: 2, 52: 2}
_RECORDING: Final = re.compile(r"(SC4(\d\d)(\d)[A-Z])0-PSG\.edf", re.IGNORECASE)
_HYPNOGRAM: Final = re.compile(r"(SC4(\d\d)(\d)[A-Z])[A-Z]-Hypnogram\.edf", re.IGNORECASE)
_LARGEST_SUBJECT: Final = {"sleep-edf-20": 19, "sleep-edf-78": 99}


def nights_of(corpus: str) -> frozenset[str]:
    """The published nights, each the first six letters of its files: ``SC4ssN``."""
    return frozenset(
        f"SC4{subject:02d}{night}"
        for subject in SUBJECTS[corpus]
        for night in (1, 2)
        if _ONLY_NIGHT.get(subject, night) == night
    )


def find_sleep_edf(source: Path, corpus: str) -> Found:
    """Find a folder's cassette recordings and pair them by the first six letters of their names.

    Parameters
    ----------
    source
        Searched with all its folders; upper and lower case are one.
    corpus
        ``sleep-edf-20`` (subjects 0–19) or ``sleep-edf-78`` (all).

    Raises
    ------
    InputError
        If the folder is missing, holds no such pair, or the same night twice.
    """
    paths = files_below(source)
    largest = _LARGEST_SUBJECT[corpus]
    recordings = _by_night(paths, _RECORDING, largest)
    hypnograms = _by_night(paths, _HYPNOGRAM, largest)
    missing = [f"{path.name} has no hypnogram" for night, (_, path) in recordings.items() if night not in hypnograms]
    missing += [f"{path.name} has no recording" for night, (_, path) in hypnograms.items() if night not in recordings]
    nights = sorted(recordings.keys() & hypnograms.keys())
    if not nights:
        fault = f"holds no pair of SC4*-PSG.edf and SC4*-Hypnogram.edf of {corpus}"
        remedy = "; ".join(missing[:5]) or "Fetch it with `mc2sleepnet download sleep-edf`"
        raise InputError(source, fault, remedy)
    pairs = tuple(
        Pair(
            name=f"{recordings[night][0]}0",
            subject=str(int(night[3:5])),
            night=int(night[5]),
            recording_path=recordings[night][1],
            hypnogram_path=hypnograms[night][1],
        )
        for night in nights
    )
    return Found(pairs=pairs, missing=tuple(sorted(missing)))


def _by_night(paths: Iterable[Path], name: re.Pattern[str], largest_subject: int) -> dict[str, tuple[str, Path]]:
    """First seven letters of the name, and path, by the first six."""
    by_night: dict[str, tuple[str, Path]] = {}
    for path in paths:
        match = name.fullmatch(path.name)
        if match is None or int(match[2]) > largest_subject:
            continue
        key = match[1].upper()
        if (other := by_night.get(key[:6])) is not None:
            raise twice(path, other[1])
        by_night[key[:6]] = key, path
    return by_night
