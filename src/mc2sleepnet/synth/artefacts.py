"""What the electrodes and the body add to the brain: movement, muscle, pops, sweat, mains, lost contact."""

import math

import torch
from torch import Tensor

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.core.stages import SAMPLING_HZ
from mc2sleepnet.synth.frames import HOP_S, analyse, frequencies_hz, overlap_add
from mc2sleepnet.synth.spectra import recorder_log_gain
from mc2sleepnet.synth.transients import Scene, place

MAINS_HZ = 50.0
# The cassette's clock was not the grid's: the mains appears a little off its alias.
MAINS_OFFSET_HZ = 0.07
POPS_PER_H = 0.7
FLATS_PER_H = 0.04


def add_artefacts(signal: Float[Tensor, "C T"], scene: Scene) -> None:
    """Add every artefact to the channels (0 Fpz-Cz, 1 Pz-Oz), in place."""
    _muscle_and_movement(signal, scene)
    _pops(signal, scene)
    _sweat(signal, scene)
    _mains(signal, scene)
    _flat(signal, scene)


def _muscle_and_movement(signal: Tensor, scene: Scene) -> None:
    """Bodies turn in wake and at arousals: seconds of muscle over a swinging baseline."""
    per_minute = scene.traits.movements_per_h / 60
    rate = scene.rate((8 * per_minute, 1.6 * per_minute, 0.5 * per_minute, 0.2 * per_minute, per_minute))
    onset = scene.onsets(rate)
    n, length = len(onset), 12 * SAMPLING_HZ
    device = signal.device
    t = torch.arange(length, device=device) / SAMPLING_HZ
    duration = 3.0 * scene.spread(n, 0.6).clamp(0.3, 3.6)[:, None]
    envelope = torch.sigmoid((t - 0.3) * 10) * torch.sigmoid((duration - t) * 5)
    noise = torch.randn(n, length, generator=scene.generator, device=device)
    muscle = noise - 0.9 * noise.roll(1, 1)
    swing = torch.nn.functional.avg_pool1d(
        torch.randn(n, 1, length, generator=scene.generator, device=device), 81, stride=1, padding=40
    )[:, 0]
    size = scene.spread(n, 0.7)[:, None]
    shape = envelope * size * (14.0 * muscle + 600.0 * swing)
    place(signal, onset, shape, (1.0, 0.8), scene.montage)


def _pops(signal: Tensor, scene: Scene) -> None:
    """An electrode loses and regains contact: a step that the recorder's high-pass lets fade."""
    rate = torch.full((len(scene.states),), POPS_PER_H / 60, device=signal.device)
    for channel in range(len(signal)):
        onset = scene.onsets(rate)
        n = len(onset)
        t = torch.arange(3 * SAMPLING_HZ, device=signal.device) / SAMPLING_HZ
        sign = torch.where(scene.uniform(n, 0, 1) < 0.5, -1.0, 1.0)
        height = 110.0 * scene.spread(n, 0.6) * sign
        shape = height[:, None] * torch.exp(-t / scene.uniform(n, 0.15, 0.6)[:, None])
        place(signal[channel : channel + 1], onset, shape, (1.0, 1.0), scene.montage[channel : channel + 1])


def _sweat(signal: Tensor, scene: Scene) -> None:
    """Drift below half a hertz that swells and ebbs over tens of minutes."""
    device = signal.device
    f = frequencies_hz(device)
    shape = torch.exp(0.5 * recorder_log_gain(f)) / (1 + (f / 0.35) ** 4)
    slow = scene.cycle(2400.0, 1.0)[:, None] / 2
    for index in range(len(signal)):
        noise = torch.randn(signal.shape[1], generator=scene.generator, device=device)
        spectra = analyse(noise) * shape
        steady = overlap_add(spectra).std().clamp(min=1e-6)
        signal[index] += overlap_add(spectra * slow) * (0.25 * scene.traits.sweat_uv / steady)


def _mains(signal: Tensor, scene: Scene) -> None:
    """What the recorder left of the mains, where it folds to at 100 Hz, coming and going with the posture."""
    folded = alias_hz(MAINS_HZ + MAINS_OFFSET_HZ)
    t = torch.arange(signal.shape[1], device=signal.device, dtype=torch.float64) / SAMPLING_HZ
    level = scene.cycle(1800.0, 0.8)[:-1].repeat_interleave(HOP_S * SAMPLING_HZ)
    phase = 2 * math.pi * float(scene.uniform(1, 0, 1))
    wave = torch.sin(2 * math.pi * folded * t + phase).to(signal.dtype) * level * scene.traits.mains_uv
    signal += wave


def alias_hz(frequency_hz: float) -> float:
    """Frequency that a tone appears at when sampled 100 times a second without a filter."""
    folded = math.fmod(frequency_hz, SAMPLING_HZ)
    return min(folded, SAMPLING_HZ - folded)


def _flat(signal: Tensor, scene: Scene) -> None:
    """Now and then nothing is recorded for a while: a few seconds to two minutes of amplifier noise."""
    rate = torch.full((len(scene.states),), FLATS_PER_H / 60, device=signal.device)
    for onset in scene.onsets(rate).tolist():
        length = int(float(scene.uniform(1, 4.0, 120.0)) * SAMPLING_HZ)
        part = signal[:, onset : onset + length]
        part *= 0.01
