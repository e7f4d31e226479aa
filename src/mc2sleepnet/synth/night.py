"""A night's EEG from its hypnogram: this file tells the whole story of the generator.

labels → states (borders within epochs, ambiguity) → band powers of each epoch → spectra of 4-s frames, modulated
within the epoch → noise filtered frame by frame → + transients, + artefacts → bent until each epoch's median
band powers are those that were drawn.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH, SAMPLING_HZ, W
from mc2sleepnet.synth.artefacts import add_artefacts
from mc2sleepnet.synth.band_powers import BandPowers, DrawnPowers, draw_band_powers
from mc2sleepnet.synth.breathing import respiratory_arousals
from mc2sleepnet.synth.frames import analyse, epochs_to_frames, overlap_add
from mc2sleepnet.synth.memory import Memory
from mc2sleepnet.synth.modulation import modulation
from mc2sleepnet.synth.spectra import band_shapes, measured_log_power, stage_log_spectra
from mc2sleepnet.synth.states import frame_states
from mc2sleepnet.synth.traits import NightTraits
from mc2sleepnet.synth.transients import Scene, add_transients

FPZ_CZ, BOTH = (0.0,), (0.0, 1.0)
# What the background of the two channels has in common; assumed (neighbouring bipolar derivations).
NOISE_CORRELATION = 0.45
# One correction in ln power never goes further: transients may exceed what was drawn, the background never dies.
LARGEST_CORRECTION = 1.2
N_CORRECTIONS = 2


def synthesize_night(
    stage: NDArray[np.int8], *, traits: NightTraits, generator: Generator, memory: Memory = "minutes"
) -> Float[Tensor, " T"]:
    """One night of Fpz-Cz.

    Parameters
    ----------
    stage
        Shape ``[N]``: stages 0–4; unscored epochs (-1) get the signal of restless wake.
    traits
        Whose night it is.
    generator
        Source of randomness; its device is where the night is made.
    memory
        How long deviations of band powers last (`synth.memory`).

    Returns
    -------
    Tensor
        Shape ``[N * 3000]``, float32, µV at 100 Hz.
    """
    return synthesize_channels(stage, traits=traits, generator=generator, montage=FPZ_CZ, memory=memory)[0]


def synthesize_channels(
    stage: NDArray[np.int8],
    *,
    traits: NightTraits,
    generator: Generator,
    montage: tuple[float, ...] = BOTH,
    memory: Memory = "minutes",
    drawn: DrawnPowers | None = None,
) -> Float[Tensor, "C T"]:
    """Channels of one brain, each at its place between Fpz-Cz (0) and Pz-Oz (1); else as `synthesize_night`.

    Band powers that are known, `drawn`, are taken as they are, and `memory` then says nothing.
    """
    n_channels = len(montage)
    device = generator.device
    scored = torch.as_tensor(stage, device=device).long()
    stage_index = torch.where(scored < 0, W, scored)
    states = frame_states(stage_index, generator=generator)
    powers, scores = drawn or draw_band_powers(
        stage_index, traits=traits, generator=generator, montage=montage, memory=memory
    )
    modulated = modulation(states, generator=generator, arousals=traits.arousals, restless=traits.restless)
    modulated += respiratory_arousals(states, generator=generator, per_hour=traits.apneas_per_h)
    scene = Scene(
        states=states,
        scores=epochs_to_frames(scores),
        delta_uv=epochs_to_frames(powers[0].target[:, :1].clamp(max=12.0))[:, 0].mul(0.5).exp(),
        traits=traits,
        generator=generator,
        montage=montage,
    )
    events = torch.zeros(n_channels, len(stage) * SAMPLES_PER_EPOCH, device=device)
    add_transients(events, scene)
    noise = _correlated_noise(n_channels, events.shape[1], generator)
    backgrounds = []
    for channel in range(n_channels):
        templates = stage_log_spectra(
            traits.subject, montage[channel], powers[channel].stage_log_power, muscle=traits.muscle
        )
        backgrounds.append(
            _background(
                analyse(noise[channel]),
                log_spectra=states @ templates,
                modulated=modulated,
                powers=powers[channel],
                events=events[channel],
            )
        )
    signal = torch.stack(backgrounds) + events
    add_artefacts(signal, scene)
    return signal


def _background(
    noise_spectra: Tensor,
    *,
    log_spectra: Float[Tensor, "F K"],
    modulated: Float[Tensor, "F W"],
    powers: BandPowers,
    events: Float[Tensor, " T"],
) -> Float[Tensor, " T"]:
    """Noise with the frames' spectra, bent until with the events the bands come out as drawn."""
    shapes = band_shapes(events.device)
    # A one-sided density P is a gain of sqrt(P · fs / 2) on white noise of variance one.
    to_gain = 0.5 * math.log(SAMPLING_HZ / 2)
    deviation = powers.deviation
    background = torch.zeros_like(events)
    for attempt in range(N_CORRECTIONS + 1):
        level = epochs_to_frames(deviation) + modulated
        gain = torch.exp(0.5 * (log_spectra + level @ shapes) + to_gain)
        background = overlap_add(noise_spectra * gain)
        if attempt < N_CORRECTIONS:
            error = powers.target - measured_log_power(background + events)
            deviation = deviation + error.clamp(-LARGEST_CORRECTION, LARGEST_CORRECTION)
    return background


def _correlated_noise(n_channels: int, length: int, generator: Generator) -> Float[Tensor, "C T"]:
    """White noise of variance one, partly the same in all channels."""
    own = torch.randn(n_channels, length, generator=generator, device=generator.device)
    own[1:] = NOISE_CORRELATION * own[:1] + math.sqrt(1 - NOISE_CORRELATION**2) * own[1:]
    return own
