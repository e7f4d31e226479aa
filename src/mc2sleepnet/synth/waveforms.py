"""Shapes of single graphoelements, in units of their peak amplitude, one row an event.

Every function takes what differs between events as vectors ``[E]`` and returns ``[E, T]`` at 100 Hz. Scalp
negativity points down.
"""

import math

import torch
from torch import Tensor

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.core.stages import SAMPLING_HZ

Vector = Tensor


def _times_s(duration_s: float, device: torch.device) -> Float[Tensor, " T"]:
    return torch.arange(round(duration_s * SAMPLING_HZ), device=device) / SAMPLING_HZ


def _hill(t: Tensor, centre: Tensor | float, width: Tensor | float) -> Tensor:
    """Gaussian of height 1; `width` is its standard deviation."""
    return torch.exp(-0.5 * ((t - centre) / width) ** 2)


def spindle(hz: Vector, duration_s: Vector, phase: Vector) -> Float[Tensor, "E T"]:
    """Waxing and waning burst that slows by about 0.4 Hz a second (Schönwald et al. 2011)."""
    t = _times_s(2.4, hz.device)[None]
    local = t - 1.2
    frequency = hz[:, None] - 0.2 * local
    envelope = _hill(t, 1.2, duration_s[:, None] / 4)
    return envelope * torch.sin(2 * math.pi * frequency * local + phase[:, None])


def k_complex(duration_s: Vector, positive_share: Vector) -> Float[Tensor, "E T"]:
    """Sharp negative wave, then a slower positive one; at least 0.5 s in all (AASM manual)."""
    t = _times_s(1.8, duration_s.device)[None]
    width = duration_s[:, None]
    negative = _hill(t, 0.5, 0.13 * width)
    positive = _hill(t, 0.5 + 0.46 * width, 0.22 * width)
    return positive_share[:, None] * positive - negative


def slow_wave(duration_s: Vector, skew: Vector) -> Float[Tensor, "E T"]:
    """One cycle of a slow oscillation: a down state, then a broader up state."""
    t = _times_s(2.6, duration_s.device)[None]
    phase = t / duration_s[:, None] - 0.25
    # The down state is steeper than the up state: time runs unevenly through the cycle.
    warped = phase + skew[:, None] * torch.sin(2 * math.pi * phase) / (2 * math.pi)
    envelope = _hill(phase, 0.5, 0.33)
    return -torch.sin(2 * math.pi * warped) * envelope


def vertex_wave(duration_s: Vector) -> Float[Tensor, "E T"]:
    """Sharp negative wave of less than half a second with a small positive after-swing."""
    t = _times_s(0.8, duration_s.device)[None]
    width = duration_s[:, None] / 5
    return 0.35 * _hill(t, 0.3 + 2.6 * width, 1.5 * width) - _hill(t, 0.3, width)


def sawtooth(hz: Vector, duration_s: Vector) -> Float[Tensor, "E T"]:
    """Train of notched triangular waves of 2–6 Hz with a slow rise and a steep fall."""
    t = _times_s(8.0, hz.device)[None]
    phase = t * hz[:, None]
    wobble = phase + 0.12 * torch.sin(2 * math.pi * 0.31 * phase)
    # Four harmonics of a ramp: a triangle with the edge rounded off, as a scalp electrode sees it.
    ramp = sum(torch.sin(2 * math.pi * k * wobble) / k for k in range(1, 5))
    assert isinstance(ramp, Tensor)
    envelope = torch.sigmoid((t - 0.4) * 8) * torch.sigmoid((duration_s[:, None] - t) * 8)
    return 0.55 * ramp * envelope


def oscillation(hz: Vector, duration_s: Vector, phase: Vector) -> Float[Tensor, "E T"]:
    """Spindle-shaped burst of a steady rhythm, up to 4 s long; alpha bursts."""
    t = _times_s(4.0, hz.device)[None]
    envelope = _hill(t, 2.0, duration_s[:, None] / 4)
    return envelope * torch.sin(2 * math.pi * hz[:, None] * t + phase[:, None])


def blink(duration_s: Vector) -> Float[Tensor, "E T"]:
    """The upper lid passes the cornea: a positive hill at Fpz that rises faster than it falls."""
    t = _times_s(0.9, duration_s.device)[None]
    width = duration_s[:, None] / 4
    rise = torch.where(t < 0.25, width, 1.7 * width)
    return _hill(t, 0.25, rise) - 0.12 * _hill(t, 0.55, 0.12)


def rapid_eye_movement(rise_s: Vector, decay_s: Vector) -> Float[Tensor, "E T"]:
    """A saccade's step in the eye's dipole, which the recorder's high-pass lets fade."""
    t = _times_s(2.0, rise_s.device)[None]
    step = torch.sigmoid((t - 0.2) / rise_s[:, None] * 6)
    return step * torch.exp(-(t - 0.2).clamp(min=0) / decay_s[:, None])


def slow_eye_movement(hz: Vector, duration_s: Vector, phase: Vector) -> Float[Tensor, "E T"]:
    """Rolling of the eyes at sleep onset: a conjugate sinusoid of 0.2–0.5 Hz."""
    t = _times_s(10.0, hz.device)[None]
    envelope = torch.sin(math.pi * (t / duration_s[:, None]).clamp(0, 1))
    return envelope * torch.sin(2 * math.pi * hz[:, None] * t + phase[:, None])
