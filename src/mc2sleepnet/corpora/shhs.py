"""The Sleep Heart Health Study's first visit as the National Sleep Research Resource hands it out.

``polysomnography/edfs/shhs1/shhs1-200001.edf`` is a recording; its scoring lies in
``annotations-events-nsrr/shhs1/shhs1-200001-nsrr.xml``, or as Profusion wrote it in
``annotations-events-profusion/shhs1/shhs1-200001-profusion.xml``. Source: sleepdata.org/datasets/shhs.
"""

import re
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora.pairs import Found, Pair, files_below, twice

# C4-A1 first. C3-A2, the second, has many spellings, which `signals.channels` takes for one.
CHANNELS: Final = ("EEG", "EEG(sec)", "EEG2")
N_RECORDINGS: Final = 5793
_RECORDING: Final = re.compile(r"(shhs([12])-(\d{6}))\.edf", re.IGNORECASE)
_HYPNOGRAM: Final = re.compile(r"(shhs[12]-\d{6})-(nsrr|profusion)\.xml", re.IGNORECASE)


def find_shhs(source: Path) -> Found:
    """Find a folder's recordings of the first visit and pair them with their scoring.

    Parameters
    ----------
    source
        Searched with all its folders, so that any of NSRR's folders above the files will do.

    Raises
    ------
    InputError
        If the folder is missing, holds no such pair, or the same recording twice.
    """
    recordings: dict[str, Path] = {}
    hypnograms: dict[tuple[str, str], Path] = {}
    n_second_visit = 0
    for path in files_below(source):
        if (match := _RECORDING.fullmatch(path.name)) is not None:
            if match[2] == "2":
                n_second_visit += 1
            elif (other := recordings.setdefault(match[1].lower(), path)) != path:
                raise twice(path, other)
        elif (match := _HYPNOGRAM.fullmatch(path.name)) is not None and match[1].lower().startswith("shhs1"):
            key = match[1].lower(), match[2].lower()
            if (other := hypnograms.setdefault(key, path)) != path:
                raise twice(path, other)
    # NSRR's own dialect where there are both: Profusion's holds the same stages without their times.
    scoring = {name: path for kind in ("profusion", "nsrr") for (name, of), path in hypnograms.items() if of == kind}
    missing = [f"{path.name} has no hypnogram" for name, path in recordings.items() if name not in scoring]
    missing += [f"{path.name} has no recording" for name, path in scoring.items() if name not in recordings]
    names = sorted(recordings.keys() & scoring.keys())
    if not names:
        fault = "holds no pair of shhs1-*.edf and shhs1-*-nsrr.xml"
        remedy = "; ".join(sorted(missing)[:5]) or "Name the folder with NSRR's polysomnography/edfs and annotations"
        raise InputError(source, fault, remedy)
    remarks = (f"{n_second_visit} recordings of the second visit are left out",) if n_second_visit else ()
    pairs = tuple(
        Pair(
            name=name,
            subject=name.removeprefix("shhs1-"),
            night=1,
            recording_path=recordings[name],
            hypnogram_path=scoring[name],
            starts_together=True,
        )
        for name in names
    )
    return Found(pairs=pairs, missing=tuple(sorted(missing)), remarks=remarks)
