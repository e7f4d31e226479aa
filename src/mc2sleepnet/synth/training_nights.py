"""Nights to train a stager on: another subject, another course of sleep and another recorder each time."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH
from mc2sleepnet.synth.central_montage import central_offset
from mc2sleepnet.synth.contact import loosen
from mc2sleepnet.synth.label_sequences import sample_hypnogram
from mc2sleepnet.synth.memory import Memory
from mc2sleepnet.synth.night import synthesize_channels
from mc2sleepnet.synth.real_hypnograms import draw_real_hypnogram
from mc2sleepnet.synth.recorder import Recorder, RecorderRange, draw_recorder, record
from mc2sleepnet.synth.traits import NightTraits, sample_night, sample_subject

GREATEST_UNREST = 1.3
# Pauses in breathing per hour where there are any, log-uniform: the apnea-hypopnea index of UCDDB's patients is 1.7
# to 90.9, mean 24 (PhysioNet).
APNEAS_PER_H = (10.0, 80.0)


@dataclass(frozen=True, kw_only=True)
class GeneratorSetting:
    """What decides the distribution of training nights.

    Attributes
    ----------
    recorders
        How different recorders may be.
    real_course
        Share of nights whose course is a real night's label sequence.
    arousal_sd
        Deviation of ln arousal rate between nights: people with apnea have many times more.
    movement_mean, movement_sd
        Mean and deviation of ln of a factor on how often bodies move: the wake of UCDDB's patients is full of it.
    apnea_share
        Share of nights in which breathing stops again and again.
    corpora
        Whose label sequences; None for all.
    memory
        How long deviations of band powers last. Real nights' are "half-hour", and have not taught networks better yet
        (docs/log.md, 2026-11-30).
    """

    recorders: RecorderRange = field(default_factory=RecorderRange)
    real_course: float = 0.8
    arousal_sd: float = 0.7
    movement_mean: float = 0.3
    movement_sd: float = 0.6
    apnea_share: float = 0.5
    corpora: tuple[str, ...] | None = None
    memory: Memory = "minutes"


@dataclass(frozen=True, kw_only=True)
class TrainingNight:
    """A night as a stager meets it.

    Attributes
    ----------
    signal_uv
        Shape ``[N, 3000]``, float32, µV at 100 Hz.
    stage
        Shape ``[N]``, int8, -1 where no stage was scored.
    traits, recorder
        Whose night, on what.
    """

    signal_uv: Tensor
    stage: NDArray[np.int8]
    traits: NightTraits
    recorder: Recorder


def synthesize_training_night(generator: Generator, setting: GeneratorSetting | None = None) -> TrainingNight:
    """Draw a subject, a night, its course and a recorder, and record it."""
    setting = setting or GeneratorSetting()
    recorder = draw_recorder(generator, setting.recorders)
    u = torch.rand(3, generator=generator, device=generator.device).tolist()
    arousals, movements = torch.randn(2, generator=generator, device=generator.device).clamp(-2, 2).tolist()
    traits = sample_night(sample_subject(generator), generator)
    subject = traits.subject
    traits = replace(
        traits,
        movements_per_h=traits.movements_per_h * math.exp(setting.movement_mean + setting.movement_sd * movements),
        subject=replace(
            subject,
            blink_uv=subject.blink_uv * recorder.eyes,
            eye_movement_uv=subject.eye_movement_uv * recorder.eyes,
        ),
        power_offset=traits.power_offset + central_offset(recorder.centrality, recorder.flatness),
        arousals=math.exp(setting.arousal_sd * arousals),
        muscle=recorder.muscle,
        restless=GREATEST_UNREST * u[1],
    )
    if u[0] < setting.real_course:
        stage = draw_real_hypnogram(generator, corpora=setting.corpora)
    else:
        stage = sample_hypnogram(int(880 + 320 * u[2]), generator=generator, traits=traits)
    if setting.apnea_share > 0:
        has, many = torch.rand(2, generator=generator, device=generator.device).tolist()
        if has < setting.apnea_share:
            traits = replace(traits, apneas_per_h=APNEAS_PER_H[0] * (APNEAS_PER_H[1] / APNEAS_PER_H[0]) ** many)
    signal = synthesize_channels(
        stage, traits=traits, generator=generator, montage=(recorder.montage,), memory=setting.memory
    )[0]
    signal = loosen(signal, torch.as_tensor(stage, device=signal.device), generator)
    recorded = record(signal, recorder, generator=generator)
    return TrainingNight(signal_uv=as_epochs(recorded), stage=stage, traits=traits, recorder=recorder)


def as_epochs(signal: Float[Tensor, " T"]) -> Float[Tensor, "N T"]:
    """Cut into epochs of 30 s."""
    return signal.reshape(-1, SAMPLES_PER_EPOCH)
