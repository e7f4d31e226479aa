"""Many recordings: finding them, naming their folders, and going on when one of them is bad."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from mc2sleepnet.core.cluster import run_jobs
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import ModelFolder, default_model_folder, open_model_folder
from mc2sleepnet.scoring.engine import n_cores
from mc2sleepnet.scoring.job import ScoringJob, ScoringOptions, score_job
from mc2sleepnet.scoring.lights import parse_when
from mc2sleepnet.scoring.outputs import check_formats
from mc2sleepnet.scoring.summary import SUMMARY_FILE, Outcome, check_table
from mc2sleepnet.signals.doubts import check_accepted

SUFFIXES = (".edf", ".bdf")
HYPNOGRAM_ENDING = "hypnogram"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a call asks to be scored.

    Attributes
    ----------
    recordings
        Files, in order, each once.
    n_repeated
        How many more there were, named again or reached through several links.
    failures
        Folders without any, and those that could not be looked into.
    n_hypnograms
        Hypnogram files that folders held, left out.
    """

    recordings: tuple[Path, ...]
    n_repeated: int
    failures: tuple[InputError, ...]
    n_hypnograms: int


def find_recordings(inputs: Iterable[Path]) -> Found:
    """Files as they are named; of folders the EDF and BDF files below them whose name does not end in "hypnogram".

    Links to folders are followed, to each folder once; a recording that is there several times is found once.
    """
    recordings: list[Path] = []
    failures: list[InputError] = []
    n_hypnograms = 0
    for path in inputs:
        if not os.path.isdir(path):  # noqa: PTH112 (what may not be looked at is told when it is opened)
            recordings.append(path)
            continue
        below, closed = _files_below(path)
        failures.extend(closed)
        files = [file for file in below if file.suffix.lower() in SUFFIXES]
        inside = sorted(file for file in files if not file.stem.lower().endswith(HYPNOGRAM_ENDING))
        n_hypnograms += len(files) - len(inside)
        if not inside and not closed:
            fault = "no EDF or BDF recording in this folder"
            failures.append(InputError(path, fault, "Name a folder with .edf or .bdf files, or a file"))
        recordings.extend(inside)
    unique = _each_once(recordings)
    return Found(
        recordings=unique,
        n_repeated=len(recordings) - len(unique),
        failures=tuple(failures),
        n_hypnograms=n_hypnograms,
    )


def _each_once(recordings: Iterable[Path]) -> tuple[Path, ...]:
    """Recordings without those that are the same path, written another way or through another folder's link."""
    once: dict[str, Path] = {}
    for path in recordings:
        once.setdefault(os.path.join(os.path.realpath(path.parent), path.name), path)  # noqa: PTH118
    return tuple(once.values())


def _files_below(folder: Path) -> tuple[list[Path], list[InputError]]:
    """Files of a folder and of those below it, links that lead nowhere among them; and folders that are closed."""
    files: list[Path] = []
    closed: list[OSError] = []
    seen = {os.path.realpath(folder)}
    for here, folders, names in os.walk(folder, onerror=closed.append, followlinks=True):
        files += [Path(here, name) for name in names]
        inside, folders[:] = sorted(folders), []
        for name in inside:
            place = os.path.realpath(os.path.join(here, name))  # noqa: PTH118
            # The walk goes on into what `folders` holds: none twice, or a link to one above would never end.
            if place not in seen:
                folders.append(name)
                seen.add(place)
    return files, [
        InputError(
            error.filename,
            f"this folder cannot be looked into ({(error.strerror or str(error)).lower()})",
            "Make it readable, or name the others",
        )
        for error in closed
    ]


def own_name(path: Path) -> str:
    """The folder name of a recording whose stem no other has."""
    # A name of dots alone, as that of "...edf", would be another folder's.
    return path.stem if path.stem.strip(".") else "recording"


def output_names(paths: Sequence[Path]) -> list[str]:
    """A folder name for each recording: its stem, and where stems are equal the part of their path that differs."""
    names = [own_name(path) for path in paths]
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
    taken = {SUMMARY_FILE}
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


def scoring_options(
    channels: Sequence[str] | None,
    formats: str,
    *,
    risk: float,
    accept: Sequence[str] | None,
    lights_off: str | None,
    lights_on: str | None,
    keep_identity: bool,
) -> ScoringOptions:
    """Check the options of a call before any recording is read.

    Raises
    ------
    InputError
        If a format, a time or a finding is none.
    """
    names = tuple(name.strip().lower() for name in formats.split(",") if name.strip())
    check_formats(names)
    check_accepted(accept or ())
    for name, given in (("--lights-off", lights_off), ("--lights-on", lights_on)):
        if given is not None:
            parse_when(name, given)
    return ScoringOptions(
        channels=tuple(channels or ()),
        risk=risk,
        formats=names,
        accept=tuple(accept or ()),
        lights_off=lights_off,
        lights_on=lights_on,
        keep_identity=keep_identity,
    )


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is scored, with what, into what."""

    found: Found
    out: Path
    model: ModelFolder

    @classmethod
    def prepared(cls, inputs: Iterable[Path], out: Path, model: Path | None) -> "Call":
        """Find the recordings, open the model, and make the folder.

        Raises
        ------
        InputError
            If there is no such model, or `out` cannot be written or holds another program's table.
        """
        opened = open_model_folder(default_model_folder() if model is None else model)
        found = find_recordings(inputs)
        try:
            out.mkdir(parents=True, exist_ok=True)
            check_table(out)
            with TemporaryFile(dir=out):
                pass
        except OSError as error:
            fault = f"cannot be written ({(error.strerror or str(error)).lower()})"
            raise InputError(out, fault, "Choose another --out") from None
        return cls(found=found, out=out, model=opened)


def score_cohort(
    call: Call, options: ScoringOptions, *, workers: int = 1, cluster: str | None = None, resume: bool = False
) -> Iterator[Outcome]:
    """Score recordings, each into a folder of its own; a bad one is told and left behind, the others are done.

    Parameters
    ----------
    call
        Recordings, model and folder.
    options
        How they are scored.
    workers
        Processes of this machine that share its cores.
    cluster
        Address of a Dask scheduler instead; recordings, model and folder must have the same paths there.
    resume
        Leave a recording out whose outputs are finished, by the same model, options and version.

    Yields
    ------
    Outcome
        One for every recording, as they end.

    Raises
    ------
    InputError
        If the cluster cannot be used.
    """
    paths = call.found.recordings
    n_threads = 1 if cluster else max(1, n_cores() // max(1, min(workers, len(paths))))
    jobs = [
        ScoringJob(
            path=path,
            folder=call.out / name,
            alone=call.out / own_name(path),
            model=call.model.path,
            model_sha256=call.model.sha256,
            options=options,
            resume=resume,
            n_threads=n_threads,
        )
        for path, name in zip(paths, output_names(paths), strict=True)
    ]
    # Workers of a cluster have other working directories.
    sent = jobs if cluster is None else [job.absolute() for job in jobs]
    for ended in run_jobs(score_job, sent, workers=workers, cluster=cluster, name_of=lambda job: str(job.path)):
        job = jobs[ended.index]
        folder = call.out / ended.value.folder_name if ended.value else job.folder
        yield Outcome(index=ended.index, path=job.path, folder=folder, finished=ended.value, error=ended.error)
