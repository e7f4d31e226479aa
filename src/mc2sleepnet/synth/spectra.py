"""What the EEG's spectrum looks like in each stage: 1/f^β, the oscillations on top, and muscle beneath."""

import math

import torch
from torch import Tensor

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.synth.frames import BIN_HZ, frequencies_hz, welch_median
from mc2sleepnet.synth.traits import SubjectTraits

# δ θ α σ β as in stage_stats.json.
BANDS_HZ = ((0.5, 4.0), (4.0, 8.0), (8.0, 12.0), (12.0, 16.0), (16.0, 30.0))
N_BANDS = len(BANDS_HZ)

# Spectral exponents W N1 N2 N3 R, fitted by eye between 1 and 30 Hz to the median spectra of W and N3 of 23 UCDDB
# subjects (stage_stats.json); the order N3 > N2 > R > W is that of Lendner et al. 2020.
EXPONENTS = (1.3, 1.6, 2.1, 2.5, 1.8)
KNEE_HZ = 0.4
# Level of the flat muscle spectrum against the background at 20 Hz, ln: W N1 N2 N3 R (atonia in R).
MUSCLE = (-0.3, -0.9, -1.3, -1.6, -1.8)
# The cassette recorder's high-pass (Kemp et al. 2000: 0.5 Hz, first order), and its anti-alias low-pass.
HIGH_PASS_HZ, LOW_PASS_HZ = 0.5, 44.0


def stage_peaks(subject: SubjectTraits, place: float) -> tuple[tuple[tuple[float, float, float], ...], ...]:
    """Oscillations of each stage as (centre Hz, width Hz, height ln), W N1 N2 N3 R.

    Alpha is the subject's and stronger over Pz-Oz; it slows by about a hertz in REM (Cantero et al. 2002).
    Most of the spindle power is in `transients.py`; what stays here is the sigma rhythm between spindles.
    """
    alpha = subject.alpha_presence * (1.0 + 0.6 * place)
    hz, sigma = subject.alpha_hz, subject.spindle_hz
    return (
        ((hz, 0.8, 0.9 * alpha), (20.0, 4.0, 0.3)),
        ((hz - 0.3, 1.2, 0.3 * alpha), (5.5, 1.4, 0.4)),
        ((sigma, 0.9, 0.3), (sigma - 2.2, 0.9, 0.25), (5.0, 1.5, 0.2)),
        ((0.9, 0.5, 0.2), (sigma - 1.5, 1.2, 0.3)),
        ((hz - 1.0, 1.1, 0.2 * alpha), (6.0, 1.5, 0.3), (2.8, 0.7, 0.2), (21.0, 4.0, 0.25)),
    )


def stage_log_spectra(
    subject: SubjectTraits, place: float, log_power: Float[Tensor, "S W"], *, muscle: float = 1.0
) -> Float[Tensor, "S K"]:
    """Ln power spectral density of the five stages whose bands hold exactly the given ln powers.

    Parameters
    ----------
    subject
        Whose alpha, sigma and tilt.
    place
        0 for Fpz-Cz, 1 for Pz-Oz, or between.
    log_power
        Shape ``[5 stages, 5 bands]``: ln of the power in each band, µV².
    muscle
        Factor on the amplitude of muscle noise.
    """
    f = frequencies_hz(log_power.device)
    rows = []
    for exponent, level, peaks in zip(EXPONENTS, MUSCLE, stage_peaks(subject, place), strict=True):
        background = -(exponent + subject.tilt) * torch.log(f + KNEE_HZ)
        at_20_hz = background[round(20.0 / BIN_HZ)]
        row = torch.logaddexp(background, at_20_hz + level + 2 * math.log(muscle))
        for centre, width, height in peaks:
            row = row + height * torch.exp(-0.5 * ((f - centre) / width) ** 2)
        rows.append(row + recorder_log_gain(f))
    return match_bands(torch.stack(rows), log_power)


def recorder_log_gain(f: Float[Tensor, " K"]) -> Float[Tensor, " K"]:
    """Ln power gain of the recorder's filters; nothing passes at 0 Hz."""
    high_pass = torch.log(f.square().clamp(min=1e-8) / (f.square() + HIGH_PASS_HZ**2))
    return high_pass - torch.log1p((f / LOW_PASS_HZ) ** 12)


def band_shapes(device: torch.device) -> Float[Tensor, "W K"]:
    """Five overlapping triangles over ln f that add up to one: how a band's gain spreads to its neighbours."""
    centres = torch.tensor([(low * high) ** 0.5 for low, high in BANDS_HZ], device=device).log()
    place = frequencies_hz(device).clamp(min=BIN_HZ).log()
    place = place.clamp(float(centres[0]), float(centres[-1]))
    right = torch.searchsorted(centres, place).clamp(1, N_BANDS - 1)
    share = (place - centres[right - 1]) / (centres[right] - centres[right - 1])
    shapes = torch.zeros(N_BANDS, len(place), device=device)
    columns = torch.arange(len(place), device=device)
    shapes[right - 1, columns] = 1 - share
    shapes[right, columns] += share
    return shapes


def band_log_power(psd: Float[Tensor, "N K"]) -> Float[Tensor, "N W"]:
    """Ln power of each band, the integral of the density from its lower to its upper edge."""
    edges = [(round(low / BIN_HZ), round(high / BIN_HZ)) for low, high in BANDS_HZ]
    powers = [torch.trapezoid(psd[:, low : high + 1], dx=BIN_HZ, dim=1) for low, high in edges]
    return torch.stack(powers, 1).clamp(min=1e-6).log()


def match_bands(log_psd: Float[Tensor, "S K"], log_power: Float[Tensor, "S W"]) -> Float[Tensor, "S K"]:
    """Bend spectra smoothly until their bands hold the wanted powers (fixed-point iteration, to 1 %)."""
    shapes = band_shapes(log_psd.device)
    for _ in range(30):
        error = log_power - band_log_power(log_psd.exp())
        log_psd = log_psd + error @ shapes
    return log_psd


def measured_log_power(signal: Float[Tensor, " T"]) -> Float[Tensor, "N W"]:
    """Ln band powers of each epoch of a signal, as the tables measure them (median Welch), µV²."""
    return band_log_power(welch_median(signal))
