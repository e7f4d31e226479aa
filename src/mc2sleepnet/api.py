"""The Python interface: one call to score, one to compare. The command line calls the same functions."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import at_home
from mc2sleepnet.core.model_folder import ModelFolder, default_model_folder, open_model_folder
from mc2sleepnet.core.python_words import in_words_of_python
from mc2sleepnet.evaluation.in_memory import evaluate
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.scoring.interchange import (
    is_raw,
    lights_of_raw,
    raw_name,
    recording_of_raw,
    recording_of_samples,
)
from mc2sleepnet.scoring.job import ScoringOptions, recording_sha256, score_file
from mc2sleepnet.scoring.lights import When
from mc2sleepnet.scoring.night import DEFAULT_RISK, ScoredNight, score_recordings
from mc2sleepnet.scoring.raw_channels import RawLike
from mc2sleepnet.signals import cut_epochs, to_100_hz
from mc2sleepnet.signals.doubts import check_accepted, settle

__all__ = ["evaluate", "score"]

Samples = tuple[NDArray[np.floating], float]


def score(
    night: str | Path | Samples | RawLike,
    *,
    model: str | Path | None = None,
    channel: str | Sequence[str] | None = None,
    risk: float = DEFAULT_RISK,
    accept: str | Sequence[str] = (),
    lights_off: When | None = None,
    lights_on: When | None = None,
    keep_identity: bool = False,
) -> ScoredNight:
    """Score one night.

    Parameters
    ----------
    night
        An EDF file; an ``mne.io.Raw``; or a pair of one channel's samples in µV, shape ``[samples]``, and their
        rate in Hz.
    model
        Model folder: a run of ``mc2sleepnet finetune``, or what ``export`` wrote; None for the one that ships.
    channel
        EEG channel, or several whose probabilities are averaged; None for the best one there is.
    risk
        Expected share of wrong stages accepted among the epochs not marked for review, 0 to 1.
    accept
        Ids of findings that would refuse the file and are accepted.
    lights_off, lights_on
        What the statistics are counted between: seconds from the start, ``"23:15"``, or a local date and time. None
        for what the recording's annotations say, else its start and end.
    keep_identity
        Carry the identity fields of a file's header into the outputs.

    Returns
    -------
    ScoredNight
        One stage for every 30 s, with calibrated probabilities; nothing is lost, what cannot be read is unscored.

    Raises
    ------
    InputError
        If the file, the channel or the model cannot be used; it is a ValueError and says what to do.
    """
    with in_words_of_python(samples=not (isinstance(night, str | Path) or is_raw(night))):
        if not 0 <= risk <= 1:
            raise InputError("risk", f"{risk} is no share", "Give a number from 0 to 1")
        accept = (accept,) if isinstance(accept, str) else tuple(accept)
        check_accepted(accept)
        options = ScoringOptions(
            channels=() if channel is None else (channel,) if isinstance(channel, str) else tuple(channel),
            risk=risk,
            accept=accept,
            lights_off=lights_off,
            lights_on=lights_on,
            keep_identity=keep_identity,
        )
        return _scored(night, open_model_folder(default_model_folder() if model is None else at_home(model)), options)


def _scored(night: str | Path | Samples | RawLike, model: ModelFolder, options: ScoringOptions) -> ScoredNight:
    if isinstance(night, str | Path):
        path = at_home(night)
        return score_file(path, model, OpenVinoStager(model), options=options, sha256=recording_sha256(path))
    if is_raw(night):
        wanted: list[str | None] = [*dict.fromkeys(options.channels)] or [None]
        recordings = [recording_of_raw(night, label, accept=options.accept) for label in wanted]
        # Two spellings may be one channel, which counts once as it does of a file.
        recordings = list({recording.channel: recording for recording in recordings}.values())
        name, annotated_s = raw_name(night), lights_of_raw(night)
    else:
        if options.channels:
            raise InputError("channel", "samples are one channel's, and have no name", "Leave channel out")
        recordings, name, annotated_s = [recording_of_samples(night, accept=options.accept)], "array", {}
    digest = hashlib.sha256()
    for recording in recordings:
        digest.update(np.ascontiguousarray(recording.signal_uv, "<f4").tobytes())
    cut = [cut_epochs(to_100_hz(recording), recording.sampling_hz) for recording in recordings]
    return score_recordings(
        [replace(epochs, findings=settle(name, epochs.findings, options.accept)) for epochs in cut],
        model,
        OpenVinoStager(model),
        origin={"file": name, "sha256": digest.hexdigest()},
        risk=options.risk,
        lights_off=options.lights_off,
        lights_on=options.lights_on,
        annotated_s=annotated_s,
        options=options.to_json(),
    )
