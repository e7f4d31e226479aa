"""What makes one subject, and one night of theirs, different from another."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from mc2sleepnet.synth.reference_tables import band_power_table

Array = NDArray[np.float64]

CHANNELS = ("Fpz-Cz", "Pz-Oz")

# Band-power deviations of the two channels rise and fall together; the table holds each channel alone.
CHANNEL_CORRELATION = 0.8


@dataclass(frozen=True, kw_only=True)
class SubjectTraits:
    """A person: what stays the same from night to night.

    Attributes
    ----------
    age_z
        Age in deviations from the cohort's mean (Sleep-EDF cassette: 25–101 years, mean 59, deviation 22).
    alpha_hz, alpha_presence
        Peak frequency of the waking rhythm (Klimesch 1999: 10 Hz, 1 Hz between people, slower with age) and its
        strength; about one person in ten shows hardly any.
    spindle_hz, spindles_per_min
        Frequency of fast spindles and their rate in N2 (Purcell et al. 2017: 11–15 Hz, rate falls with age).
    slow_wave_gain
        Factor on slow oscillations and K-complexes (falls with age; Carrier et al. 2011).
    gain_uv
        Deviation of the whole night's 0.5–30 Hz signal, µV.
    tilt
        Change of the background's spectral exponent (Voytek et al. 2015: flatter with age).
    blink_uv, eye_movement_uv
        Amplitudes of blinks and of horizontal saccades at Fpz.
    wake_tilt, n3_tilt, rem_tilt, n1_tilt
        Log factors on how readily a bout of that stage begins and how long it lasts.
    power_offset
        Shape ``[2 channels, 5 bands]``: ln power that the subject adds to all stages.
    """

    age_z: float
    alpha_hz: float
    alpha_presence: float
    spindle_hz: float
    spindles_per_min: float
    slow_wave_gain: float
    gain_uv: float
    tilt: float
    blink_uv: float
    eye_movement_uv: float
    wake_tilt: float
    n3_tilt: float
    rem_tilt: float
    n1_tilt: float
    power_offset: Array


@dataclass(frozen=True, kw_only=True)
class NightTraits:
    """One night of a subject.

    Attributes
    ----------
    subject
        Who sleeps.
    wake_tilt, n3_tilt, rem_tilt, n1_tilt
        The subject's tendencies, shifted by how this night goes.
    power_offset
        Shape ``[2 channels, 5 stages, 5 bands]``: ln power that this night adds to each stage (δ θ α σ β).
    gain_uv
        Deviation of the 0.5–30 Hz signal, µV; electrodes differ from night to night.
    sweat_uv
        Amplitude of slow sweat drift, µV; mostly near nothing.
    mains_uv
        Amplitude of what is left of the mains, µV.
    movements_per_h
        Body movements per hour of sleep.
    arousals, muscle
        Factors on how many arousals there are, and on the amplitude of muscle noise.
    restless
        How much more bands vary within epochs of wake than of sleep.
    apneas_per_h
        Pauses in breathing per hour of N2 that end in an arousal (`breathing`).
    """

    subject: SubjectTraits
    wake_tilt: float
    n3_tilt: float
    rem_tilt: float
    n1_tilt: float
    power_offset: Array
    gain_uv: float
    sweat_uv: float
    mains_uv: float
    movements_per_h: float
    arousals: float = 1.0
    muscle: float = 1.0
    restless: float = 0.0
    apneas_per_h: float = 0.0


def sample_subject(generator: Generator) -> SubjectTraits:
    """Draw a person.

    Correlations with age follow Ohayon et al. 2004 (wake after sleep onset up, N3 down) in sign; deviations are set
    so that nights differ from each other as the 153 Sleep-EDF nights do (tests/synth/test_label_sequences.py).
    """
    z = _normals(generator, 16)
    age = z[0]
    table = band_power_table()
    return SubjectTraits(
        age_z=age,
        alpha_hz=float(np.clip(9.8 - 0.3 * age + 0.8 * z[1], 7.8, 12.0)),
        alpha_presence=float(np.clip(1.0 + 0.5 * z[2], 0.1, 2.2)),
        spindle_hz=float(np.clip(13.2 + 0.5 * z[3], 12.0, 14.8)),
        spindles_per_min=float(np.clip(3.5 * math.exp(-0.25 * age + 0.35 * z[4]), 0.8, 9.0)),
        slow_wave_gain=math.exp(-0.1 * age + 0.12 * z[5]),
        gain_uv=float(np.clip(22.0 * math.exp(-0.12 * age + 0.22 * z[6]), 10.0, 45.0)),
        tilt=-0.08 * age + 0.12 * z[7],
        blink_uv=90.0 * math.exp(0.35 * z[8]),
        eye_movement_uv=48.0 * math.exp(0.3 * z[9]),
        wake_tilt=-0.12 + 0.25 * age + 0.25 * z[10],
        n3_tilt=-0.30 - 0.50 * age + 0.40 * z[11],
        rem_tilt=0.05 - 0.05 * age + 0.06 * z[12],
        n1_tilt=-0.06 + 0.15 * age + 0.40 * z[13],
        power_offset=_two_channels(
            generator,
            [table.channels[name].night_effect_cov * table.subject_share for name in CHANNELS],
        ),
    )


def sample_night(subject: SubjectTraits, generator: Generator) -> NightTraits:
    """Draw one night of a subject: electrodes sit anew, and no two nights go alike."""
    table = band_power_table()
    z = _normals(generator, 8)
    per_night = _two_channels(
        generator,
        [table.channels[name].night_effect_cov * (1.0 - table.subject_share) for name in CHANNELS],
    )
    by_stage = np.stack(
        [
            _two_channels(generator, [table.channels[name].night_by_stage_cov[stage] for name in CHANNELS])
            for stage in range(5)
        ],
        axis=1,
    )
    return NightTraits(
        subject=subject,
        wake_tilt=subject.wake_tilt + 0.22 * z[0],
        n3_tilt=subject.n3_tilt + 0.25 * z[1],
        rem_tilt=subject.rem_tilt + 0.06 * z[2],
        n1_tilt=subject.n1_tilt + 0.18 * z[3],
        power_offset=(subject.power_offset + per_night)[:, None, :] + by_stage,
        gain_uv=subject.gain_uv * math.exp(0.08 * z[4]),
        sweat_uv=12.0 * math.exp(0.9 * z[5]),
        mains_uv=0.4 * math.exp(0.8 * z[6]),
        movements_per_h=3.0 * math.exp(0.4 * z[7]),
    )


def _normals(generator: Generator, count: int) -> list[float]:
    """`count` standard normal numbers, cut at ±2.5 so that nobody is a caricature."""
    draws = torch.randn(count, generator=generator, device=generator.device, dtype=torch.float64)
    return [float(x) for x in draws.clamp(-2.5, 2.5).cpu()]


def _two_channels(generator: Generator, covariances: list[Array]) -> Array:
    """Normal deviations ``[2, bands]`` with each channel's covariance, correlated between the channels."""
    n_bands = len(covariances[0])
    z = np.asarray(_normals(generator, 2 * n_bands)).reshape(2, n_bands)
    z[1] = CHANNEL_CORRELATION * z[0] + math.sqrt(1.0 - CHANNEL_CORRELATION**2) * z[1]
    return np.stack([matrix_root(c) @ row for c, row in zip(covariances, z, strict=True)])


def matrix_root(covariance: Array) -> Array:
    """Symmetric square root of a covariance; eigenvalues that rounding made negative count as zero."""
    values, vectors = np.linalg.eigh(covariance)
    root: Array = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root
