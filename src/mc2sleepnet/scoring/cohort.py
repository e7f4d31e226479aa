"""Many recordings: finding them, naming their folders, and going on when one of them is bad."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import ModelFolder, file_sha256
from mc2sleepnet.inference import Stager
from mc2sleepnet.scoring.night import ScoredNight, score_recording
from mc2sleepnet.scoring.outputs import save_night
from mc2sleepnet.signals import read_epochs

SUFFIXES = (".edf",)
NO_RECORDING = "hypnogram"


def find_recordings(inputs: Iterable[Path]) -> list[Path]:
    """Files as they are named, folders as the EDF files below them (hypnogram files left out), in order of name.

    Raises
    ------
    InputError
        If a folder holds no recording.
    """
    found: list[Path] = []
    for path in inputs:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(
            file
            for file in path.rglob("*")
            if file.suffix.lower() in SUFFIXES and NO_RECORDING not in file.stem.lower() and file.is_file()
        )
        if not inside:
            raise InputError(path, "no EDF recording in this folder", "Name a folder with .edf files, or a file")
        found.extend(inside)
    return list(dict.fromkeys(found))


def output_names(paths: Sequence[Path]) -> list[str]:
    """A folder name for each recording: its stem, and where stems are equal the part of their path that differs."""
    names = [path.stem for path in paths]
    resolved = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 (resolve() would follow links)
    for stem, count in Counter(names).items():
        if count == 1:
            continue
        group = [index for index, name in enumerate(names) if name == stem]
        common = Path(os.path.commonpath([resolved[index].parent for index in group]))
        for index in group:
            differing = resolved[index].parent.relative_to(common).parts
            # Suffixes that differ, night.edf and night.EDF, are all that is left to tell two files of a folder apart.
            names[index] = "_".join((*differing, stem if differing else resolved[index].name))
    return names


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one recording ended: scored into a folder, or refused with an error."""

    path: Path
    folder: Path
    night: ScoredNight | None
    error: InputError | None


def score_files(
    paths: Sequence[Path], out: Path, model: ModelFolder, stager: Stager, *, channel: str | None, risk: float
) -> Iterator[Outcome]:
    """Score recordings one after the other; a bad one is told and left behind, the others are done."""
    for path, name in zip(paths, output_names(paths), strict=True):
        folder = out / name
        try:
            recording = read_epochs(path, channel)
            origin = {"file": path.name, "sha256": file_sha256(path)}
            night = score_recording(recording, model, stager, origin=origin, risk=risk)
            try:
                save_night(night, folder)
            except OSError as error:
                fault = f"the outputs cannot be written ({error.strerror})"
                raise InputError(folder, fault, "Free the disk or choose another --out") from None
        except InputError as error:
            yield Outcome(path=path, folder=folder, night=None, error=error)
        else:
            yield Outcome(path=path, folder=folder, night=night, error=None)
