"""The Python interface: one call to score, one to compare. The command line calls the same functions."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import file_sha256, open_model_folder
from mc2sleepnet.core.recording import Recording
from mc2sleepnet.evaluation.in_memory import evaluate
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.scoring.night import DEFAULT_RISK, ScoredNight, score_recording
from mc2sleepnet.signals import cut_epochs, read_epochs, to_100_hz

__all__ = ["evaluate", "score"]

Samples = tuple[NDArray[np.floating], float]


def score(
    night: str | Path | Samples,
    *,
    model: str | Path,
    channel: str | None = None,
    risk: float = DEFAULT_RISK,
) -> ScoredNight:
    """Score one night.

    Parameters
    ----------
    night
        An EDF file, or a pair of samples in µV, shape ``[samples]``, and their rate in Hz.
    model
        Model folder: a run of ``mc2sleepnet finetune``, or what ``export`` wrote.
    channel
        EEG channel of a file; None for the best one there is.
    risk
        Expected share of wrong stages accepted among the epochs not marked for review.

    Returns
    -------
    ScoredNight
        One stage for every 30 s, with calibrated probabilities; nothing is lost, what cannot be read is unscored.

    Raises
    ------
    InputError
        If the file, the channel or the model cannot be used; it is a ValueError and says what to do.
    """
    folder = open_model_folder(Path(model))
    if isinstance(night, str | Path):
        path = Path(night)
        recording, origin = read_epochs(path, channel), {"file": path.name, "sha256": file_sha256(path)}
    else:
        samples_uv, sampling_hz = night
        if np.ndim(samples_uv) != 1 or not 0 < sampling_hz < np.inf:
            fault = f"samples of {np.ndim(samples_uv)} dimensions at {sampling_hz} Hz"
            raise InputError("night", fault, "Give one channel's samples in µV, shape [samples], and their rate in Hz")
        samples = Recording(
            name="array",
            signal_uv=np.ascontiguousarray(samples_uv, np.float32),
            sampling_hz=sampling_hz,
            channel="array",
            channel_reason="given as samples",
            start=None,
        )
        recording, origin = cut_epochs(to_100_hz(samples), sampling_hz), {"file": "array", "sha256": ""}
    return score_recording(recording, folder, OpenVinoStager(folder), origin=origin, risk=risk)
