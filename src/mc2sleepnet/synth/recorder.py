"""What stands between a scalp and a file: amplifier, filters, mains, converter. Every night gets another one.

A stager that has met one recorder reads its filters and its microvolts, not sleep; one that has met thousands has to
find what they have in common.
"""

import math
from dataclasses import dataclass

import torch
from scipy.fft import next_fast_len
from torch import Generator, Tensor

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.core.stages import SAMPLING_HZ
from mc2sleepnet.synth.spectra import HIGH_PASS_HZ

UNDONE_TO_HZ = 0.15
# Tones that the mains, 50 or 60 Hz and their harmonics, leave at 100 Hz: as they are, or folded by a slow converter.
MAINS_TONES_HZ = (49.95, 49.95, 40.0, 28.0, 22.0, 16.67, 10.0, 5.0)
# Deviation of a QRS complex's parts about its middle, s, and their heights (Q, R, S, T of lead II).
ECG_PARTS = ((-0.03, 0.010, -0.12), (0.0, 0.012, 1.0), (0.035, 0.012, -0.25), (0.27, 0.055, 0.22))


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """One recorder, montage and set of electrodes.

    Attributes
    ----------
    montage
        Place between Fpz-Cz (0) and Pz-Oz (1) on which band powers and events are mixed; a little beyond both.
    centrality
        How far the channel tells wake from deep sleep as a referential central one does (`central_montage`).
    flatness
        How far a central channel's spectrum is flatter than the midline derivations' (`central_montage`).
    gain
        Factor on the whole signal: distance of the electrodes, unit errors of a third.
    tilt
        Change of the amplitude spectrum's slope, ln per ln Hz about 5 Hz.
    high_pass_hz, high_pass_order, low_pass_hz, low_pass_order
        The recorder's band (Butterworth magnitudes).
    noise_uv, pink_uv
        Deviations of the amplifier's white noise and of the electrodes' 1/f noise, µV.
    mains_uv, mains_hz
        Amplitude and place of what is left of the mains.
    ecg_uv, heart_hz
        Amplitude of the heart's QRS complexes and their rate: large where a mastoid or ear is the reference.
    offset_uv
        Direct voltage of the electrodes that an amplifier without high-pass passes on.
    step_uv, clip_uv
        Of the analogue-digital converter.
    polarity
        1 or -1.
    muscle
        Factor on muscle noise, which the scalp montages near the temples see most of.
    eyes
        Factor on what the montage sees of eye movements.
    """

    montage: float = 0.0
    centrality: float = 0.0
    flatness: float = 0.0
    gain: float = 1.0
    tilt: float = 0.0
    high_pass_hz: float = 0.5
    high_pass_order: int = 1
    low_pass_hz: float = 45.0
    low_pass_order: int = 6
    noise_uv: float = 0.3
    pink_uv: float = 0.0
    mains_uv: float = 0.0
    mains_hz: float = 49.95
    ecg_uv: float = 0.0
    heart_hz: float = 1.1
    offset_uv: float = 0.0
    step_uv: float = 0.1
    clip_uv: float = 3000.0
    polarity: int = 1
    muscle: float = 1.0
    eyes: float = 1.0


@dataclass(frozen=True, kw_only=True)
class RecorderRange:
    """How different recorders may be. The defaults taught the shipped model; held-out settings change them.

    Attributes
    ----------
    montage
        Least and greatest place between the two derivations.
    centrality
        Least and greatest.
    flatness
        Least and greatest.
    gain_sd, tilt_sd
        Deviations of ln gain and of tilt.
    high_pass_hz, low_pass_hz
        Log-uniform ranges.
    dirt
        Share of nights with mains, heart, direct voltage and clipping each.
    noise_uv
        Log-uniform range of the white noise's deviation.
    """

    montage: tuple[float, float] = (-0.15, 1.25)
    centrality: tuple[float, float] = (-0.2, 1.3)
    flatness: tuple[float, float] = (0.0, 1.2)
    gain_sd: float = 0.4
    tilt_sd: float = 0.15
    high_pass_hz: tuple[float, float] = (0.05, 0.7)
    low_pass_hz: tuple[float, float] = (25.0, 49.0)
    dirt: float = 0.35
    noise_uv: tuple[float, float] = (0.05, 2.0)


def draw_recorder(generator: Generator, among: RecorderRange | None = None) -> Recorder:
    """Draw a recorder."""
    among = among or RecorderRange()
    u = torch.rand(20, generator=generator, device=generator.device, dtype=torch.float64).tolist()
    z = torch.randn(6, generator=generator, device=generator.device, dtype=torch.float64).clamp(-2.5, 2.5).tolist()
    has_mains, has_ecg, has_offset, has_clip = (draw < among.dirt for draw in u[:4])
    centrality = among.centrality[0] + (among.centrality[1] - among.centrality[0]) * u[18]
    return Recorder(
        montage=among.montage[0] + (among.montage[1] - among.montage[0]) * u[4],
        centrality=centrality,
        flatness=among.flatness[0] + (among.flatness[1] - among.flatness[0]) * u[19],
        gain=math.exp(among.gain_sd * z[0]),
        tilt=among.tilt_sd * z[1],
        high_pass_hz=_log_uniform(among.high_pass_hz, u[5]),
        high_pass_order=1 + int(2 * u[6]),
        low_pass_hz=_log_uniform(among.low_pass_hz, u[7]),
        low_pass_order=1 + int(8 * u[8]),
        noise_uv=_log_uniform(among.noise_uv, u[9]),
        pink_uv=_log_uniform((0.2, 6.0), u[10]),
        mains_uv=_log_uniform((0.3, 8.0), u[11]) * has_mains,
        mains_hz=MAINS_TONES_HZ[int(len(MAINS_TONES_HZ) * u[12])],
        ecg_uv=_log_uniform((2.0, 25.0), u[13]) * has_ecg,
        heart_hz=0.85 + 0.6 * u[14],
        offset_uv=60.0 * z[2] * has_offset,
        step_uv=_log_uniform((0.01, 1.5), u[15]),
        clip_uv=_log_uniform((180.0, 800.0), u[16]) if has_clip else 3000.0,
        polarity=-1 if u[17] < 0.3 else 1,
        muscle=math.exp(0.5 * z[3]),
        eyes=math.exp(0.3 * z[4]) * (1 - 0.6 * min(1.0, max(0.0, centrality))),
    )


def record(signal: Float[Tensor, " T"], recorder: Recorder, *, generator: Generator) -> Float[Tensor, " T"]:
    """Record what reaches the electrodes.

    Shape: [T] µV at 100 Hz → [T] µV
    """
    reaching = recorder.gain * recorder.polarity * signal + _electrode_noise(len(signal), recorder, generator)
    if recorder.ecg_uv:
        reaching = reaching + recorder.ecg_uv * _heart(len(signal), recorder.heart_hz, generator)
    passed = _through_filters(reaching, recorder)
    if recorder.mains_uv:
        passed = passed + _mains(len(signal), recorder, generator)
    passed = passed + recorder.noise_uv * _randn(len(signal), generator) + recorder.offset_uv
    converted = (passed / recorder.step_uv).round() * recorder.step_uv
    return (converted - recorder.offset_uv).clamp(-recorder.clip_uv, recorder.clip_uv) + recorder.offset_uv


def _through_filters(signal: Tensor, recorder: Recorder) -> Tensor:
    """Band limits and tilt, as one gain over the whole recording's spectrum."""
    length = next_fast_len(len(signal), real=True)
    f = torch.fft.rfftfreq(length, 1 / SAMPLING_HZ, device=signal.device).clamp(min=1e-4)
    high = (1 + (recorder.high_pass_hz / f) ** (2 * recorder.high_pass_order)).rsqrt()
    # The brain's spectra were measured behind a first-order high-pass, which is undone as far as there is signal.
    high = high * (1 + (HIGH_PASS_HZ / f.clamp(min=UNDONE_TO_HZ)) ** 2).sqrt()
    low = (1 + (f / recorder.low_pass_hz) ** (2 * recorder.low_pass_order)).rsqrt()
    tilt = (f.clamp(0.5, 45.0) / 5.0) ** recorder.tilt
    filtered: Tensor = torch.fft.irfft(torch.fft.rfft(signal, n=length) * (high * low * tilt), n=length)
    return filtered[: len(signal)]


def _electrode_noise(length: int, recorder: Recorder, generator: Generator) -> Tensor:
    """1/f noise of the electrodes, by the deviation it has above 0.5 Hz, and slower drift below."""
    fast = next_fast_len(length, real=True)
    n_bins = fast // 2 + 1
    f = torch.fft.rfftfreq(fast, 1 / SAMPLING_HZ, device=generator.device).clamp(min=0.05)
    spectrum = torch.randn(n_bins, 2, generator=generator, device=generator.device) / f.sqrt()[:, None]
    noise: Tensor = torch.fft.irfft(torch.view_as_complex(spectrum), n=fast)[:length]
    return noise * (recorder.pink_uv / noise.std())


def _heart(length: int, heart_hz: float, generator: Generator) -> Tensor:
    """QRS complexes of height 1 at an uneven rate."""
    duration_s = length / SAMPLING_HZ
    n_beats = int(duration_s * heart_hz * 1.2) + 4
    wander = 1 + 0.05 * _randn(n_beats, generator)
    beat = (wander / heart_hz).cumsum(0)
    beat = beat[beat < duration_s - 1]
    t = torch.arange(-10, 45, device=generator.device) / SAMPLING_HZ
    shape = torch.zeros_like(t)
    for middle, width, height in ECG_PARTS:
        shape = shape + height * torch.exp(-0.5 * ((t - middle) / width) ** 2)
    train = torch.zeros(length, device=generator.device)
    place = (beat * SAMPLING_HZ).long()[:, None] + torch.arange(len(t), device=generator.device)
    train.index_add_(0, place.flatten().clamp(max=length - 1), shape.repeat(len(beat)))
    return train


def _mains(length: int, recorder: Recorder, generator: Generator) -> Tensor:
    """A tone whose strength wanders with the posture."""
    t = torch.arange(length, device=generator.device, dtype=torch.float64) / SAMPLING_HZ
    knots = _randn(length // (600 * SAMPLING_HZ) + 2, generator)[None, None].exp()
    level = torch.nn.functional.interpolate(knots, size=length, mode="linear", align_corners=True)[0, 0]
    return recorder.mains_uv * level * torch.sin(2 * math.pi * recorder.mains_hz * t).float()


def _randn(count: int, generator: Generator) -> Tensor:
    return torch.randn(count, generator=generator, device=generator.device)


def _log_uniform(between: tuple[float, float], u: float) -> float:
    return between[0] * math.exp(u * math.log(between[1] / between[0]))
