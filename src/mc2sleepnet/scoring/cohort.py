"""Many recordings: finding them, naming their folders, and going on when one of them is bad."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import ModelFolder, file_sha256
from mc2sleepnet.inference import Stager
from mc2sleepnet.scoring.night import ScoredNight, score_recording
from mc2sleepnet.scoring.outputs import PROVENANCE_FILE, save_night
from mc2sleepnet.signals import read_epochs

SUFFIXES = (".edf",)
HYPNOGRAM_ENDING = "hypnogram"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a call asks to be scored.

    Attributes
    ----------
    recordings
        Files, in order.
    failures
        Folders without any.
    n_hypnograms
        Hypnogram files that folders held, left out.
    """

    recordings: tuple[Path, ...]
    failures: tuple[InputError, ...]
    n_hypnograms: int


def find_recordings(inputs: Iterable[Path]) -> Found:
    """Files as they are named; of folders the EDF files below them whose name does not end in "hypnogram"."""
    recordings: list[Path] = []
    failures: list[InputError] = []
    n_hypnograms = 0
    for path in inputs:
        if not path.is_dir():
            recordings.append(path)
            continue
        # A link that leads nowhere is named as a failure later, not passed over here.
        files = [file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and not file.is_dir()]
        inside = sorted(file for file in files if not file.stem.lower().endswith(HYPNOGRAM_ENDING))
        n_hypnograms += len(files) - len(inside)
        if not inside:
            fault = "no EDF recording in this folder"
            failures.append(InputError(path, fault, "Name a folder with .edf files, or a file"))
        recordings.extend(inside)
    unique = dict.fromkeys(recordings)
    return Found(recordings=tuple(unique), failures=tuple(failures), n_hypnograms=n_hypnograms)


def output_names(paths: Sequence[Path]) -> list[str]:
    """A folder name for each recording: its stem, and where stems are equal the part of their path that differs."""
    names = [path.stem for path in paths]
    resolved = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 (resolve() would follow links)
    for stem, count in Counter(names).items():
        if count == 1:
            continue
        group = [index for index, name in enumerate(names) if name == stem]
        common = Path(os.path.commonpath([resolved[index].parent for index in group]))
        parents = [resolved[index].parent for index in group]
        for index in group:
            # Suffixes that differ, night.edf and night.EDF, are all that is left to tell two files of a folder apart.
            own = stem if parents.count(resolved[index].parent) == 1 else resolved[index].name
            names[index] = "_".join((*resolved[index].parent.relative_to(common).parts, own))
    return _made_unique(names)


def _made_unique(names: Sequence[str]) -> list[str]:
    """Number the names that are still equal: a/b_c and a_b/c would otherwise share a folder."""
    taken: set[str] = set()
    unique = []
    for name in names:
        candidate, number = name, 1
        # Folders that differ in case alone are one folder on some systems.
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.casefold())
        unique.append(candidate)
    return unique


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one recording ended: scored into a folder, found finished there, or refused with an error."""

    path: Path
    folder: Path
    night: ScoredNight | None = None
    error: InputError | None = None


def score_files(
    paths: Sequence[Path],
    out: Path,
    model: ModelFolder,
    stager: Stager,
    *,
    channel: str | None,
    risk: float,
    resume: bool = False,
) -> Iterator[Outcome]:
    """Score recordings one after the other; a bad one is told and left behind, the others are done.

    With `resume`, a recording whose outputs are finished, by the same model and options, is not scored again.
    """
    for path, name in zip(paths, output_names(paths), strict=True):
        folder = out / name
        try:
            night = _score_into(path, folder, model, stager, channel=channel, risk=risk, resume=resume)
        except InputError as error:
            yield Outcome(path=path, folder=folder, error=error)
        else:
            yield Outcome(path=path, folder=folder, night=night)


def _score_into(
    path: Path,
    folder: Path,
    model: ModelFolder,
    stager: Stager,
    *,
    channel: str | None,
    risk: float,
    resume: bool,
) -> ScoredNight | None:
    """Score one file; None where it was finished before."""
    try:
        recording = read_epochs(path, channel)
        origin = {"file": path.name, "sha256": file_sha256(path)}
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror or error})", "Check the file") from None
    earlier = _finished(folder)
    if earlier and earlier["input"]["sha256"] != origin["sha256"]:
        fault = f"holds what was scored from another recording, {earlier['input']['file']}"
        raise InputError(folder, fault, "Choose another --out, or remove the folder")
    if resume and earlier:
        made_by = earlier["model"]["sha256"], earlier["options"]["risk"], earlier["channel"]["label"]
        if made_by == (model.sha256, risk, recording.channel):
            return None
    night = score_recording(recording, model, stager, origin=origin, risk=risk)
    try:
        save_night(night, folder)
    except OSError as error:
        fault = f"the outputs cannot be written ({error.strerror or error})"
        raise InputError(folder, fault, "Choose another --out, or free the disk") from None
    return night


def _finished(folder: Path) -> dict[str, Any] | None:
    """Provenance of a night that was finished in this folder; None where none was."""
    try:
        found: dict[str, Any] = json.loads((folder / PROVENANCE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    needed = {"input", "model", "options", "channel"}
    return found if isinstance(found, dict) and needed <= found.keys() else None
