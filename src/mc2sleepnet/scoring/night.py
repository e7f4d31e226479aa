"""One night, scored: stages, hypnodensity, confidence, and the epochs worth a second look."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.dead_stretches import MOST_DEAD, bridged, is_dead
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.model_folder import ModelFolder
from mc2sleepnet.core.recording import EpochedRecording, Finding, Source
from mc2sleepnet.core.recording_statistics import recording_statistics
from mc2sleepnet.core.stages import EPOCH_S, UNSCORED, stage_name
from mc2sleepnet.core.statistics_range import StatisticsRange
from mc2sleepnet.core.telling_epochs import DROWNED_DB
from mc2sleepnet.inference import NightAnswer, Stager, answer_night, stages_of
from mc2sleepnet.metrics.calibration import apply_temperature
from mc2sleepnet.metrics.review import epochs_to_review
from mc2sleepnet.metrics.sleep_statistics import sleep_statistics
from mc2sleepnet.scoring.channels import ScoredChannel, averaged, sources_of
from mc2sleepnet.scoring.lights import Lights, When, find_lights

if TYPE_CHECKING:
    import mne
    import yasa

DEFAULT_RISK = 0.05
SHORT_S = 5 * 60


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredNight:
    """A recording and how the model scored it.

    Attributes
    ----------
    channels
        One or more, each as it was read and scored by itself.
    model
        The model that scored.
    origin
        What is known of the input: ``file``, its name, and ``sha256``; where identity is kept the header's ``patient``
        and ``recording``.
    hypnogram
        One stage per epoch; unscored where the signal could not be read.
    hypnodensity
        Shape ``[N, 5]``: calibrated probability of W, N1, N2, N3, R, averaged over channels; NaN where unscored.
    confidence
        Shape ``[N]``: probability of the stage chosen; NaN where unscored.
    review
        Shape ``[N]``: True where a person should look again; every scored epoch of a recording that is out of the
        model's range, whose confidence means nothing.
    risk
        Expected share of wrong stages accepted among the epochs that `review` leaves out.
    lights
        What the statistics are counted between.
    options
        How it was called, for provenance.
    """

    channels: tuple[ScoredChannel, ...]
    model: ModelFolder
    origin: Mapping[str, str]
    hypnogram: Hypnogram
    hypnodensity: NDArray[np.float64]
    confidence: NDArray[np.float64]
    review: NDArray[np.bool_]
    risk: float
    lights: Lights
    options: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        labels = " + ".join(channel.recording.channel for channel in self.channels)
        told = f"{np.count_nonzero(self.hypnogram.is_scored)} scored, {np.count_nonzero(self.review)} to review"
        return f"<ScoredNight {self.origin['file']}: {len(self.recording)} epochs of {labels}, {told}>"

    @property
    def recording(self) -> EpochedRecording:
        """N epochs of the first channel's signal, and where they came from."""
        return self.channels[0].recording

    @property
    def stages(self) -> NDArray[np.str_]:
        """Shape ``[N]``, names: W, N1, N2, N3, R or UNS."""
        return np.array([stage_name(int(stage)) for stage in self.hypnogram.stage], dtype="U3")

    @property
    def source(self) -> tuple[Source, ...]:
        """N words: ``model``, or why there is no stage."""
        return sources_of(self.channels)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was repaired or doubted in the recording, and what makes its scoring doubtful."""
        # Findings of the file are those of every channel; each is told once.
        findings = list(dict.fromkeys(one for channel in self.channels for one in channel.recording.findings))
        n_whole = len(self.recording) - self.recording.source.count(Source.PARTIAL)
        if n_whole * EPOCH_S < SHORT_S:
            message = (
                f"only {n_whole} whole {'epoch' if n_whole == 1 else 'epochs'} long:"
                f" under {SHORT_S // 60} minutes there is little context to score by"
            )
            findings.append(Finding(id="short-recording", message=message))
        if self.model.is_synthetic and not self.is_synthetic:
            message = "the model learned from synthetic nights, in whole or part; it may be too sure on recorded ones"
            findings.append(Finding(id="synthetic-model", message=message))
        outside = dict.fromkeys(name for channel in self.channels for name in channel.out_of_range)
        if outside:
            message = f"unlike any training recording in {', '.join(outside)}: the scoring may be worthless"
            findings.append(Finding(id="out-of-range", message=message))
        return tuple(findings)

    @property
    def is_synthetic(self) -> bool:
        """True where the recording says that no person was recorded."""
        return self.recording.is_synthetic

    def statistics(self) -> dict[str, float | int | None]:
        """Sleep statistics between lights off and lights on; see `metrics.sleep_statistics`."""
        return sleep_statistics(
            self.hypnogram, lights_off_epoch=self.lights.off_epoch, lights_on_epoch=self.lights.on_epoch
        )

    def save(self, folder: str | Path, formats: str | Sequence[str] = ()) -> None:
        """Write hypnogram, statistics, report and provenance into `folder`, each all or nothing.

        Parameters
        ----------
        folder
            Made if missing.
        formats
            Dialect of the hypnogram beside ``csv`` and ``edf``, which are always written; or several.

        Raises
        ------
        InputError
            If there is no such dialect.
        OSError
            If the folder cannot be written.
        """
        from mc2sleepnet.scoring.outputs import save_night

        save_night(self, Path(folder), formats=(formats,) if isinstance(formats, str) else formats)

    def to_yasa(self) -> "yasa.Hypnogram":
        """Return the night as a ``yasa.Hypnogram`` with its probabilities; needs the extra ``yasa``."""
        from mc2sleepnet.scoring.interchange import to_yasa

        return to_yasa(self)

    def to_mne(self) -> "mne.Annotations":
        """Return the night as ``mne.Annotations`` to set on its Raw; needs the extra ``mne``."""
        from mc2sleepnet.scoring.interchange import to_mne

        return to_mne(self)


def score_recordings(
    recordings: Sequence[EpochedRecording],
    model: ModelFolder,
    stager: Stager,
    *,
    origin: Mapping[str, str],
    where: str | Path | None = None,
    risk: float = DEFAULT_RISK,
    lights_off: When | None = None,
    lights_on: When | None = None,
    annotated_s: Mapping[str, float] | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> ScoredNight:
    """Score every epoch that holds signal in any of a night's channels.

    Parameters
    ----------
    recordings
        One channel, or several of the same night, N epochs each at 100 Hz, µV.
    model, stager
        The model folder, and its network on an engine.
    origin
        What is known of the input: ``file``, its name, and ``sha256``.
    where
        What errors name; None for its name.
    risk
        Expected share of wrong stages accepted among the epochs not marked for review.
    lights_off, lights_on, annotated_s
        As `find_lights` takes them.
    options
        How it was called, for provenance.
    progress
        Told how many epochs each call encoded.

    Raises
    ------
    InputError
        If no epoch holds signal, or lights lie outside the recording.
    """
    first = recordings[0]
    assert all(len(recording) == len(first) for recording in recordings), "channels of one night"
    where = origin["file"] if where is None else where
    lights = find_lights(first, where=where, off=lights_off, on=lights_on, annotated_s=annotated_s)
    if not any(recording.is_scorable.any() for recording in recordings):
        kinds = ", ".join(sorted({source for recording in recordings for source in recording.source}))
        names = " and ".join(f"'{recording.channel}'" for recording in recordings)
        fault = f"channel {names} has no epoch with signal (all are {kinds})"
        raise InputError(where, fault, "Check the file, or name another --channel")
    channels = tuple(_scored_channel(recording, model, stager, progress) for recording in recordings)
    hypnodensity = averaged(channels)
    if np.isnan(hypnodensity).all():
        fault = "is shorter than one sequence, of which this model scores the last epoch only"
        raise InputError(where, fault, "Use a model with aggregation average, or a longer recording")
    confidence = np.where(np.isnan(hypnodensity).any(axis=1), np.nan, hypnodensity.max(axis=1))
    is_known = ~np.isnan(confidence)
    is_sure = np.any([(channel.stage != UNSCORED) & ~channel.is_doubtful for channel in channels], axis=0)
    is_outside = any(channel.out_of_range for channel in channels)
    return ScoredNight(
        channels=channels,
        model=model,
        origin=origin,
        hypnogram=Hypnogram(stage=stages_of(hypnodensity), start=first.start, scorer="mc2sleepnet"),
        hypnodensity=hypnodensity,
        confidence=confidence,
        review=is_known if is_outside else epochs_to_review(confidence, risk=risk) | (is_known & ~is_sure),
        risk=risk,
        lights=lights,
        options=dict(options or {}),
    )


def score_recording(
    recording: EpochedRecording, model: ModelFolder, stager: Stager, *, origin: Mapping[str, str]
) -> ScoredNight:
    """Score a night of one channel with the options as they come; see `score_recordings`."""
    return score_recordings([recording], model, stager, origin=origin)


def _scored_channel(
    recording: EpochedRecording, model: ModelFolder, stager: Stager, progress: Callable[[int], None] | None
) -> ScoredChannel:
    """One channel by itself, with calibrated probabilities."""
    answer = answer_night(
        stager,
        recording.signal_uv,
        recording.is_scorable,
        stride=model.calibration.scoring_stride,
        aggregation=model.calibration.aggregation,
        progress=progress,
    )
    log_probabilities = answer.log_probabilities
    recording = replace(recording, findings=(*recording.findings, *_level_findings(recording, answer)))
    # A model whose aggregation is "last" wants epochs before each that it scores.
    is_without_context = recording.is_scorable & np.isnan(log_probabilities[:, 0])
    if is_without_context.any():
        source = tuple(Source.CONTEXT if w else s for w, s in zip(is_without_context, recording.source, strict=True))
        recording = replace(recording, source=source)
    hypnodensity = apply_temperature(log_probabilities, model.calibration.temperature)
    outside = _outside(recording, answer, model)
    # However sure a network is of them: noise, what is louder than sleep, and what was made up more than recorded.
    is_doubtful = answer.is_noise | answer.is_drowned | (is_dead(recording.signal_uv).mean(axis=1) > MOST_DEAD)
    return ScoredChannel(recording=recording, hypnodensity=hypnodensity, out_of_range=outside, is_doubtful=is_doubtful)


def _level_findings(recording: EpochedRecording, answer: NightAnswer) -> Iterator[Finding]:
    """What of a recording was taken out, left out of its statistics, brought to another level or put back, and why."""
    if answer.is_noise.any():
        n, n_noise = np.count_nonzero(recording.is_scorable), np.count_nonzero(answer.is_noise)
        message = (
            f"{n_noise} of {n} epochs of channel '{recording.channel}' have the even spectrum of noise: was the"
            " electrode off? Where no other channel speaks they are marked for review; the"
            " recording's level was taken from the others"
        )
        yield Finding(id="noise", message=message)
    if answer.is_drowned.any():
        n, n_drowned = np.count_nonzero(recording.is_scorable), np.count_nonzero(answer.is_drowned)
        message = (
            f"{n_drowned} of {n} epochs of channel '{recording.channel}' are {DROWNED_DB:g} dB and more above"
            " the median of the recording, as no sleep is (movement, a loose electrode?); where no other channel speaks"
            " they are marked for review"
        )
        yield Finding(id="drowned", message=message)
    if answer.beats is not None:
        beats = answer.beats
        message = (
            f"channel '{recording.channel}' holds the heart's beats, {beats.size_uv:.0f} µV from peak to peak,"
            f" {beats.per_minute:.0f} a minute; they were taken out of {np.count_nonzero(beats.is_beating)} of"
            f" {np.count_nonzero(recording.is_scorable)} epochs before these were scored"
        )
        yield Finding(id="heart-beats", message=message)
    if answer.steps:
        steps = ", ".join(
            f"{abs(step.decibels):.0f} dB {'louder' if step.decibels > 0 else 'quieter'} from epoch {step.epoch} on"
            for step in answer.steps
        )
        message = (
            f"channel '{recording.channel}' becomes {steps}, at all frequencies alike (was its gain changed?);"
            " it was scored as if all of it were as loud as most of it is"
        )
        yield Finding(id="level-step", message=message)
    if answer.drift_db is not None:
        drift_db = answer.drift_db[answer.tells]
        message = (
            f"the level of channel '{recording.channel}' drifts by {np.ptp(drift_db):.0f} dB, at all frequencies alike"
            " (an electrode that dries, a gain?); it was scored as if all of it were as loud as most of it is"
        )
        yield Finding(id="level-drift", message=message)
    if answer.cut_off_hz is not None:
        message = (
            f"channel '{recording.channel}' holds nothing above {answer.cut_off_hz} Hz (a low-pass, or a low"
            " sampling rate?); it was scored with noise there, as loud as its bands below let expect"
        )
        yield Finding(id="low-pass", message=message)
    n_beside = np.count_nonzero(recording.is_scorable & ~answer.tells & ~answer.is_noise)
    if n_beside:
        message = (
            f"{n_beside * EPOCH_S / 3600:.1f} h lie more than an hour from any lasting sleep;"
            f" the level of channel '{recording.channel}' was taken from the rest"
        )
        yield Finding(id="long-wake", message=message)


def _outside(recording: EpochedRecording, answer: NightAnswer, model: ModelFolder) -> tuple[str, ...]:
    """In what a channel lies outside the training recordings, where the model says where those lay.

    Both the epochs that the statistics are of and all that are no noise are looked at: what a network misreads
    throughout it may take for a day of wake.
    """
    known = model.config.get("provenance", {}).get("statistics_range")
    if not known or not answer.tells.any():
        return ()
    looked_at = [answer.tells, recording.is_scorable & ~answer.is_noise]
    inside, signal_uv = StatisticsRange.from_json(known), bridged(answer.read_uv)
    if (looked_at[0] == looked_at[1]).all():
        looked_at.pop()
    names = [name for marks in looked_at for name in inside.what_is_outside(recording_statistics(signal_uv, marks))]
    return tuple(dict.fromkeys(names))
