"""One night, scored: stages, hypnodensity, confidence, and the epochs worth a second look."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.model_folder import ModelFolder
from mc2sleepnet.core.recording import EpochedRecording, Finding, Source
from mc2sleepnet.core.stages import EPOCH_S, UNSCORED, stage_name
from mc2sleepnet.inference import Stager, score_night
from mc2sleepnet.metrics.calibration import apply_temperature
from mc2sleepnet.metrics.review import epochs_to_review
from mc2sleepnet.metrics.sleep_statistics import sleep_statistics

DEFAULT_RISK = 0.05
SHORT_S = 5 * 60


@dataclass(frozen=True, kw_only=True)
class ScoredNight:
    """A recording and how the model scored it.

    Attributes
    ----------
    recording
        N epochs of signal, and where they came from.
    model
        The model that scored.
    origin
        What is known of the input file: ``file``, its name, and ``sha256``.
    hypnogram
        One stage per epoch; unscored where the signal could not be read.
    hypnodensity
        Shape ``[N, 5]``: calibrated probability of W, N1, N2, N3, R; NaN where unscored.
    confidence
        Shape ``[N]``: probability of the stage chosen; NaN where unscored.
    review
        Shape ``[N]``: True where a person should look again.
    risk
        Expected share of wrong stages accepted among the epochs that `review` leaves out.
    """

    recording: EpochedRecording
    model: ModelFolder
    origin: Mapping[str, str]
    hypnogram: Hypnogram
    hypnodensity: NDArray[np.float64]
    confidence: NDArray[np.float64]
    review: NDArray[np.bool_]
    risk: float

    @property
    def stages(self) -> list[str]:
        """N names: W, N1, N2, N3, R or UNS."""
        return [stage_name(int(stage)) for stage in self.hypnogram.stage]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was repaired or doubted in the recording, and what makes its scoring doubtful."""
        findings = list(self.recording.findings)
        seconds = len(self.recording) * EPOCH_S
        if seconds < SHORT_S:
            message = f"only {seconds} s long: under {SHORT_S // 60} minutes there is little context to score by"
            findings.append(Finding(id="short-recording", message=message))
        if self.model.is_synthetic and not self.is_synthetic:
            message = "the model learned from synthetic nights, in whole or part; it may be too sure on recorded ones"
            findings.append(Finding(id="synthetic-model", message=message))
        return tuple(findings)

    @property
    def is_synthetic(self) -> bool:
        """True where the recording says that no person was recorded."""
        return self.recording.is_synthetic

    def statistics(self) -> dict[str, float | int | None]:
        """Sleep statistics over the whole recording; see `metrics.sleep_statistics`."""
        return sleep_statistics(self.hypnogram)

    def save(self, folder: str | Path) -> None:
        """Write hypnogram, statistics, report and provenance into `folder`, each all or nothing."""
        from mc2sleepnet.scoring.outputs import save_night

        save_night(self, Path(folder))


def score_recording(
    recording: EpochedRecording,
    model: ModelFolder,
    stager: Stager,
    *,
    origin: Mapping[str, str],
    risk: float = DEFAULT_RISK,
    progress: Callable[[int], None] | None = None,
) -> ScoredNight:
    """Score every epoch of a recording that holds signal.

    Parameters
    ----------
    recording
        N epochs at 100 Hz, µV.
    model, stager
        The model folder, and its network on an engine.
    origin
        What is known of the input file: ``file``, its name, and ``sha256``.
    risk
        Expected share of wrong stages accepted among the epochs not marked for review.
    progress
        Told how many epochs each call encoded.

    Raises
    ------
    InputError
        If no epoch holds signal.
    """
    is_scorable = recording.is_scorable
    if not is_scorable.any():
        kinds = ", ".join(sorted(set(recording.source)))
        fault = f"channel '{recording.channel}' has no epoch with signal (all are {kinds})"
        raise InputError(origin["file"], fault, "Check the file, or name another --channel")
    log_probabilities = score_night(
        stager,
        recording.signal_uv,
        is_scorable,
        stride=model.calibration.scoring_stride,
        aggregation=model.calibration.aggregation,
        progress=progress,
    )
    recording, is_scorable = _as_far_as_scored(recording, ~np.isnan(log_probabilities[:, 0]), origin)
    hypnodensity = np.full_like(log_probabilities, np.nan)
    hypnodensity[is_scorable] = apply_temperature(log_probabilities[is_scorable], model.calibration.temperature)
    stage = np.full(len(recording), UNSCORED, np.int8)
    stage[is_scorable] = hypnodensity[is_scorable].argmax(axis=1)
    confidence = np.full(len(recording), np.nan)
    confidence[is_scorable] = hypnodensity[is_scorable].max(axis=1)
    return ScoredNight(
        recording=recording,
        model=model,
        origin=origin,
        hypnogram=Hypnogram(stage=stage, start=recording.start, scorer="mc2sleepnet"),
        hypnodensity=hypnodensity,
        confidence=confidence,
        review=epochs_to_review(confidence, risk=risk),
        risk=risk,
    )


def _as_far_as_scored(
    recording: EpochedRecording, is_scored: NDArray[np.bool_], origin: Mapping[str, str]
) -> tuple[EpochedRecording, NDArray[np.bool_]]:
    """The recording, and which of its epochs a model scored that wants epochs before each (`aggregation` "last")."""
    if (is_scored == recording.is_scorable).all():
        return recording, is_scored
    if not is_scored.any():
        fault = "is shorter than one sequence, of which this model scores the last epoch only"
        raise InputError(origin["file"], fault, "Use a model with aggregation average, or a longer recording")
    is_without_context = recording.is_scorable & ~is_scored
    source = tuple(Source.CONTEXT if w else s for w, s in zip(is_without_context, recording.source, strict=True))
    return replace(recording, source=source), is_scored
