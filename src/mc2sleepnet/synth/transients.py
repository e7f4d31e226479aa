"""When graphoelements occur, how large they are, and what each channel sees of them.

Rates are per minute in W N1 N2 N3 R; `states.py` says how much of each there is in every 2-s frame.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mc2sleepnet.core.shapes import Float, Int
from mc2sleepnet.core.stages import SAMPLING_HZ
from mc2sleepnet.synth import waveforms
from mc2sleepnet.synth.frames import HOP, HOP_S
from mc2sleepnet.synth.spectra import BANDS_HZ
from mc2sleepnet.synth.traits import NightTraits

DELTA, _, ALPHA, SIGMA, _ = range(len(BANDS_HZ))

# Infraslow waxing and waning of spindles, about every 50 s (Lecci et al. 2017).
SPINDLE_CYCLE_S = 50.0
# K-complexes and slow waves come in packets, as the cyclic alternating pattern does (Terzano et al. 2001: 20–40 s).
PACKET_CYCLE_S = 28.0
# Phasic REM comes in volleys of some ten seconds with quiet minutes between (Aserinsky 1971).
PHASIC_CYCLE_S = 75.0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All that decides where events fall.

    Attributes
    ----------
    states
        Shape ``[F, 5]``: weights of the states.
    scores
        Shape ``[F, W]``: normal scores of the band powers: an epoch rich in σ is rich in spindles.
    delta_uv
        Shape ``[F]``: root mean square of δ that the frame shall have, µV.
    traits
        The night's.
    generator
        Source of randomness.
    montage
        Place of each channel between Fpz-Cz (0) and Pz-Oz (1).
    """

    states: Tensor
    scores: Tensor
    delta_uv: Tensor
    traits: NightTraits
    generator: Generator
    montage: tuple[float, ...] = (0.0, 1.0)

    def rate(self, per_minute: tuple[float, float, float, float, float]) -> Float[Tensor, " F"]:
        """Events a minute in each frame."""
        return self.states @ torch.tensor(per_minute, device=self.states.device)

    def uniform(self, count: int, low: float, high: float) -> Float[Tensor, " E"]:
        """Uniform numbers, one an event."""
        draws = torch.rand(count, generator=self.generator, device=self.states.device)
        return low + (high - low) * draws

    def spread(self, count: int, deviation: float) -> Float[Tensor, " E"]:
        """Log-normal factors of median 1, one an event."""
        draws = torch.randn(count, generator=self.generator, device=self.states.device)
        return torch.exp(deviation * draws.clamp(-2.5, 2.5))

    def cycle(self, period_s: float, depth: float) -> Float[Tensor, " F"]:
        """Slow, irregular waxing and waning with mean 1, between ``1 - depth`` and ``1 + depth``."""
        count = len(self.states)
        steps = 1 + 0.5 * torch.randn(count, generator=self.generator, device=self.states.device)
        phase = (steps * (2 * math.pi * HOP_S / period_s)).cumsum(0)
        return 1 + depth * torch.sin(phase + self.uniform(1, 0, 2 * math.pi))

    def onsets(self, per_minute: Float[Tensor, " F"]) -> Int[Tensor, " E"]:
        """Samples at which events begin: a Poisson process with the frames' rates."""
        expected = (per_minute * (HOP_S / 60)).clamp(0, 20)
        count = torch.poisson(expected, generator=self.generator).long()
        frame = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
        return frame * HOP + (self.uniform(len(frame), 0, HOP)).long()


def add_transients(signal: Float[Tensor, "C T"], scene: Scene) -> None:
    """Add every kind of event to the channels (0 Fpz-Cz, 1 Pz-Oz), in place."""
    for kind in (_spindles, _k_complexes, _slow_waves, _vertex_waves, _sawtooth, _alpha_bursts):
        kind(signal, scene)
    for kind in (_blinks, _rapid_eye_movements, _slow_eye_movements):
        kind(signal, scene)


Kind = Callable[[Tensor, Scene], None]


def place(
    signal: Float[Tensor, "C T"],
    onset: Int[Tensor, " E"],
    waveform: Float[Tensor, "E D"],
    gain: tuple[float, float],
    montage: Sequence[float],
) -> None:
    """Add each event's waveform at its onset, in place; what runs over the end is lost.

    `gain` is what Fpz-Cz and Pz-Oz see of it; a channel between them sees what lies between.
    """
    length = waveform.shape[1]
    at = onset[:, None] + torch.arange(length, device=onset.device)
    is_inside = at < signal.shape[1]
    for channel, between in zip(signal, montage, strict=True):
        seen = max(0.0, (1 - between) * gain[0] + between * gain[1])
        channel.index_add_(0, at[is_inside], seen * waveform[is_inside])


def _frame(onset: Tensor, scene: Scene) -> Tensor:
    return (onset // HOP).clamp(max=len(scene.states) - 1)


def _spindles(signal: Tensor, scene: Scene) -> None:
    """0.5–1.5 s of 11–15 Hz, 10–30 µV; slower ones are frontal, fast ones parietal (Purcell et al. 2017)."""
    subject = scene.traits.subject
    per_minute = subject.spindles_per_min
    rate = scene.rate((0.0, 0.12 * per_minute, per_minute, 0.4 * per_minute, 0.01))
    richness = torch.exp(0.45 * scene.scores[:, SIGMA])
    onset = scene.onsets(rate * richness * scene.cycle(SPINDLE_CYCLE_S, 0.8))
    n = len(onset)
    is_slow = scene.uniform(n, 0, 1) < 0.35
    hz = subject.spindle_hz + 0.35 * scene.spread(n, 1.0).log() - 1.7 * is_slow
    amplitude = 0.7 * scene.traits.gain_uv * scene.spread(n, 0.3)
    amplitude = amplitude * torch.exp(0.2 * scene.scores[_frame(onset, scene), SIGMA])
    shape = waveforms.spindle(hz, 0.95 * scene.spread(n, 0.3), scene.uniform(n, 0, 2 * math.pi))
    place(
        signal, onset, amplitude[:, None] * shape * torch.where(is_slow, 1.0, 0.9)[:, None], (1.0, 0.8), scene.montage
    )


def _k_complexes(signal: Tensor, scene: Scene) -> None:
    """One to three a minute in N2 (Halász 2005), often with a spindle riding on the positive wave."""
    rate = scene.rate((0.0, 0.1, 1.6, 0.6, 0.0))
    onset = scene.onsets(rate * scene.cycle(PACKET_CYCLE_S, 0.8))
    n = len(onset)
    amplitude = 95.0 * scene.traits.subject.slow_wave_gain * scene.spread(n, 0.28)
    shape = waveforms.k_complex(0.9 * scene.spread(n, 0.18), scene.uniform(n, 0.45, 0.85))
    place(signal, onset, amplitude[:, None] * shape, (1.0, 0.45), scene.montage)
    has_spindle = scene.uniform(n, 0, 1) < 0.4
    hz = scene.traits.subject.spindle_hz + 0.3 * scene.spread(n, 1.0).log()
    rider = waveforms.spindle(hz, 0.8 * scene.spread(n, 0.2), scene.uniform(n, 0, 2 * math.pi))
    rider = (0.6 * scene.traits.gain_uv) * rider * has_spindle[:, None]
    place(signal, onset + round(0.2 * SAMPLING_HZ), rider, (1.0, 0.8), scene.montage)


def _slow_waves(signal: Tensor, scene: Scene) -> None:
    """Slow oscillations of 0.5–1.2 Hz: the bulk of N3, a few a minute in N2 (Massimini et al. 2004)."""
    onset = scene.onsets(scene.rate((0.0, 0.0, 2.0, 20.0, 0.0)) * scene.cycle(PACKET_CYCLE_S, 0.5))
    n = len(onset)
    amplitude = 1.9 * scene.delta_uv[_frame(onset, scene)] * scene.traits.subject.slow_wave_gain
    shape = waveforms.slow_wave(scene.spread(n, 0.25), scene.uniform(n, 0.0, 0.5))
    place(signal, onset, (amplitude * scene.spread(n, 0.3))[:, None] * shape, (1.0, 0.7), scene.montage)


def _vertex_waves(signal: Tensor, scene: Scene) -> None:
    onset = scene.onsets(scene.rate((0.0, 1.2, 0.5, 0.0, 0.0)) * scene.cycle(PACKET_CYCLE_S, 0.9))
    n = len(onset)
    shape = waveforms.vertex_wave(0.28 * scene.spread(n, 0.2))
    place(signal, onset, (42.0 * scene.spread(n, 0.3))[:, None] * shape, (1.0, 0.3), scene.montage)


def _sawtooth(signal: Tensor, scene: Scene) -> None:
    """Trains of 2–6 Hz that often precede eye movements (Pearl et al. 2002)."""
    onset = scene.onsets(scene.rate((0.0, 0.02, 0.0, 0.0, 0.9)) * scene.cycle(PHASIC_CYCLE_S, 0.9))
    n = len(onset)
    shape = waveforms.sawtooth(scene.uniform(n, 2.0, 4.0), scene.uniform(n, 1.8, 6.0))
    place(signal, onset, (16.0 * scene.spread(n, 0.3))[:, None] * shape, (1.0, 0.4), scene.montage)


def _alpha_bursts(signal: Tensor, scene: Scene) -> None:
    """Waking rhythm with the eyes closed, in brief arousals, and a hertz slower in REM."""
    subject = scene.traits.subject
    rate = scene.rate((7.0, 1.6, 0.15, 0.05, 0.7)) * torch.exp(0.5 * scene.scores[:, ALPHA])
    onset = scene.onsets(rate * subject.alpha_presence)
    n = len(onset)
    in_rem = scene.states[_frame(onset, scene), 4]
    hz = subject.alpha_hz - in_rem + 0.25 * scene.spread(n, 1.0).log()
    amplitude = 0.35 * scene.traits.gain_uv * subject.alpha_presence * scene.spread(n, 0.35)
    shape = waveforms.oscillation(hz, 1.6 * scene.spread(n, 0.35), scene.uniform(n, 0, 2 * math.pi))
    place(signal, onset, amplitude[:, None] * shape, (1.0, 2.2), scene.montage)


def _blinks(signal: Tensor, scene: Scene) -> None:
    """10–20 a minute with open eyes, more when busy: what δ wake has is mostly blinks; poor in δ means closed eyes."""
    is_open = torch.sigmoid(2.0 * scene.scores[:, DELTA] - 0.8 * scene.scores[:, ALPHA])
    busy = torch.exp(0.5 * scene.scores[:, DELTA].clamp(max=2.0))
    onset = scene.onsets(scene.rate((16.0, 0.3, 0.02, 0.0, 0.1)) * is_open * busy)
    n = len(onset)
    amplitude = scene.traits.subject.blink_uv * scene.spread(n, 0.35)
    shape = waveforms.blink(0.3 * scene.spread(n, 0.2))
    place(signal, onset, amplitude[:, None] * shape, (1.0, 0.04), scene.montage)


def _rapid_eye_movements(signal: Tensor, scene: Scene) -> None:
    """Volleys in phasic REM, and glances in wake; either direction."""
    volley = scene.cycle(PHASIC_CYCLE_S, 1.0).pow(3)
    rate = scene.rate((8.0, 0.4, 0.0, 0.0, 4.0)) * torch.where(scene.states[:, 4] > 0.5, volley, 1.0)
    onset = scene.onsets(rate)
    n = len(onset)
    sign = torch.where(scene.uniform(n, 0, 1) < 0.5, -1.0, 1.0)
    amplitude = scene.traits.subject.eye_movement_uv * scene.spread(n, 0.45) * sign
    shape = waveforms.rapid_eye_movement(scene.uniform(n, 0.04, 0.12), scene.uniform(n, 0.15, 0.5))
    place(signal, onset, amplitude[:, None] * shape, (1.0, 0.08), scene.montage)


def _slow_eye_movements(signal: Tensor, scene: Scene) -> None:
    """Rolling eyes announce sleep: mostly N1, and drowsy wake."""
    drowsy = torch.sigmoid(-1.5 * scene.scores[:, DELTA])
    rate = scene.rate((0.8, 2.2, 0.05, 0.0, 0.1)) * torch.where(scene.states[:, 0] > 0.5, drowsy, 1.0)
    onset = scene.onsets(rate)
    n = len(onset)
    amplitude = 0.6 * scene.traits.subject.eye_movement_uv * scene.spread(n, 0.4)
    shape = waveforms.slow_eye_movement(
        scene.uniform(n, 0.2, 0.5), scene.uniform(n, 4.0, 10.0), scene.uniform(n, 0, 2 * math.pi)
    )
    place(signal, onset, amplitude[:, None] * shape, (1.0, 0.08), scene.montage)
