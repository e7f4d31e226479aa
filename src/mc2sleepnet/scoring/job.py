"""One recording from its file to its folder: what a worker does, here or anywhere."""

import functools
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import ModelFolder, file_sha256, open_model_folder
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.scoring.lights import When
from mc2sleepnet.scoring.night import DEFAULT_RISK, ScoredNight, score_recordings
from mc2sleepnet.scoring.outputs import finished_night, refuse_another_recording, save_night
from mc2sleepnet.signals.edf_header import read_header
from mc2sleepnet.signals.lights import annotated_lights
from mc2sleepnet.signals.night import read_channels


@dataclass(frozen=True, kw_only=True)
class ScoringOptions:
    """How recordings are scored.

    Attributes
    ----------
    channels
        Labels; none chooses the best EEG channel there is, several are averaged.
    risk
        Expected share of wrong stages accepted among the epochs not marked for review.
    formats
        Dialects of the hypnogram beside those that are always written.
    accept
        Findings that would refuse a recording and are accepted.
    lights_off, lights_on
        See `scoring.lights.When`; None takes the recording's annotations, or its start and end.
    keep_identity
        Carry the identity fields of the recording's header into the outputs.
    """

    channels: tuple[str, ...] = ()
    risk: float = DEFAULT_RISK
    formats: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    lights_off: When | None = None
    lights_on: When | None = None
    keep_identity: bool = False

    def to_json(self) -> dict[str, Any]:
        """What provenance tells of them; risk and formats it tells by itself."""
        told = asdict(self)
        for name in ("lights_off", "lights_on"):
            told[name] = None if told[name] is None else str(told[name])
        return {key: list(value) if isinstance(value, tuple) else value for key, value in told.items()}


@dataclass(frozen=True, kw_only=True)
class ScoringJob:
    """A recording, where its outputs go, and how it is scored.

    Attributes
    ----------
    path, folder
        The file, and the folder for its outputs.
    alone
        The folder that it had in a call without others of its name; a resumed call looks for it there, too.
    model, model_sha256
        The model folder, and what it must hash to.
    options
        The same for every recording of a call.
    resume
        Whether to leave it as it is where it was finished by the same model and options.
    n_threads
        For the engine.
    """

    path: Path
    folder: Path
    alone: Path
    model: Path
    model_sha256: str
    options: ScoringOptions
    resume: bool = False
    n_threads: int = 1

    def absolute(self) -> "ScoringJob":
        """The same with paths that hold in any working directory."""
        # resolve() would follow links, and the stem of a link is what the user named.
        given = (self.path, self.folder, self.alone, self.model)
        path, folder, alone, model = (Path(os.path.abspath(one)) for one in given)  # noqa: PTH100
        return replace(self, path=path, folder=folder, alone=alone, model=model)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a finished recording's folder tells of it; small enough to travel between machines."""

    provenance: Mapping[str, Any]
    statistics: Mapping[str, float | int | None]
    was_finished_before: bool
    folder_name: str


def score_job(job: ScoringJob) -> Finished:
    """Score one file into its folder.

    Raises
    ------
    InputError
        If the file cannot be scored, or its outputs cannot be written.
    """
    origin = {"file": job.path.name, "sha256": recording_sha256(job.path)}
    if job.resume:
        for folder in (job.folder, job.alone):
            if found := _finished_before(job, folder, origin["sha256"]):
                return found
    refuse_another_recording(job.folder, origin)
    model, stager = _engine(job.model, job.model_sha256, job.n_threads)
    night = score_file(job.path, model, stager, options=job.options, sha256=origin["sha256"])
    try:
        facts = save_night(night, job.folder, formats=job.options.formats)
    except OSError as error:
        fault = f"the outputs cannot be written ({error.strerror or error})"
        raise InputError(job.folder, fault, "Choose another --out, or free the disk") from None
    return Finished(
        provenance=facts, statistics=night.statistics(), was_finished_before=False, folder_name=job.folder.name
    )


def recording_sha256(path: Path) -> str:
    """SHA-256 of a file that has an EDF or BDF header: pipes and devices may have no end.

    Raises
    ------
    InputError
        If the file cannot be read, or has no such header.
    """
    read_header(path)
    try:
        return file_sha256(path)
    except OSError as error:
        fault = f"cannot be read ({(error.strerror or str(error)).lower()})"
        raise InputError(path, fault, "Check the file and its disk") from None


def score_file(
    path: Path, model: ModelFolder, stager: OpenVinoStager, *, options: ScoringOptions, sha256: str
) -> ScoredNight:
    """Read and score one file; nothing is written.

    Raises
    ------
    InputError
        If the file, a channel, or a time of lights cannot be used.
    """
    recordings = read_channels(path, options.channels, accept=options.accept)
    recordings = tuple({recording.channel: recording for recording in recordings}.values())
    origin = {"file": path.name, "sha256": sha256}
    if options.keep_identity:
        header = read_header(path)
        origin |= {"patient": header.patient.strip(), "recording": header.recording.strip()}
    return score_recordings(
        recordings,
        model,
        stager,
        origin=origin,
        where=path,
        risk=options.risk,
        lights_off=options.lights_off,
        lights_on=options.lights_on,
        annotated_s=annotated_lights(path),
        options=options.to_json(),
    )


def _finished_before(job: ScoringJob, folder: Path, sha256: str) -> Finished | None:
    """What an earlier call finished in this folder with the same input, model, options and version."""
    from importlib.metadata import version

    found = finished_night(folder)
    if found is None:
        return None
    facts, statistics = found
    made_by = {key: facts["options"].get(key) for key in job.options.to_json() if key != "formats"}
    wanted = {key: value for key, value in job.options.to_json().items() if key != "formats"}
    same = (
        facts["input"]["sha256"] == sha256
        and facts["model"]["sha256"] == job.model_sha256
        and facts["versions"].get("mc2sleepnet") == version("mc2sleepnet")
        and made_by == wanted
        and set(job.options.formats) <= set(facts["options"].get("formats", ()))
    )
    if not same:
        return None
    return Finished(provenance=facts, statistics=statistics, was_finished_before=True, folder_name=folder.name)


@functools.lru_cache(maxsize=1)
def _engine(path: Path, sha256: str, n_threads: int) -> tuple[ModelFolder, OpenVinoStager]:
    """Model and engine, once a process."""
    model = open_model_folder(path)
    if model.sha256 != sha256:
        raise InputError(path, "is another model than when the call began", "Leave it as it is while nights are scored")
    return model, OpenVinoStager(model, n_threads=n_threads)
