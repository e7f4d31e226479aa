"""SleePyCo's six augmentations, as tensor functions on the device of the batch.

Lee, Yu, Back, Seo, Lee, "SleePyCo: Automatic sleep scoring with feature pyramid and contrastive learning", Expert
Systems with Applications 240 (2024), 122551, uses them while pre-training on single epochs. Ranges, probability and
order are those of its published code (github.com/gist-ailab/SleePyCo, `transform.py` and `loader.py`, read 2026-11-25);
the paper's own table of them was not at hand.

Each takes epochs and a number for every epoch, and leaves an epoch as it is at one value of it (the band-stop apart): a
batch on a GPU needs no branches.
"""

import math

import torch
from torch import Tensor

from mc2sleepnet.core.stages import SAMPLING_HZ
from mc2sleepnet.training.row_generator import RowGenerator

SCALE_RANGE = (0.5, 2.0)
SHIFT_RANGE_SAMPLES = (-300, 300)
OFFSET_RANGE_UV = (-10.0, 10.0)
MASK_RANGE_SAMPLES = (0, 300)
NOISE_RANGE_UV = (0.0, 0.2)
# Of the lower edge of the band.
STOP_RANGE_HZ = (0.5, 30.0)
STOP_WIDTH_HZ = 2.0
# After so many samples a notch of this width rings with less than 1e-27 of what struck it.
RINGING_SAMPLES = 1000


def scale_amplitude(signal_uv: Tensor, factor: Tensor) -> Tensor:
    """Multiply; SleePyCo's factors lie in 0.5 to 2. Shape: [N, T] µV, [N, 1] → [N, T] µV"""
    return signal_uv * factor


def shift_time(signal_uv: Tensor, n_samples: Tensor) -> Tensor:
    """Move to the right by whole samples, to the left where negative; zeros come in. SleePyCo: −300 to 300.

    Shape: [N, T] µV, [N, 1] int64 → [N, T] µV
    """
    source = torch.arange(signal_uv.shape[1], device=signal_uv.device) - n_samples
    is_inside = (source >= 0) & (source < signal_uv.shape[1])
    moved = signal_uv.gather(1, source.clamp(0, signal_uv.shape[1] - 1))
    return torch.where(is_inside, moved, 0.0)


def add_offset(signal_uv: Tensor, offset_uv: Tensor) -> Tensor:
    """Add a constant; SleePyCo's lie in −10 to 10 µV. Shape: [N, T] µV, [N, 1] µV → [N, T] µV"""
    return signal_uv + offset_uv


def mask_with_zeros(signal_uv: Tensor, start: Tensor, n_samples: Tensor) -> Tensor:
    """Put zeros in the place of a stretch; SleePyCo's are 0 to 300 samples long and lie anywhere.

    Shape: [N, T] µV, [N, 1] int64, [N, 1] int64 → [N, T] µV
    """
    place = torch.arange(signal_uv.shape[1], device=signal_uv.device)
    return torch.where((place >= start) & (place < start + n_samples), 0.0, signal_uv)


def add_noise(signal_uv: Tensor, deviation_uv: Tensor, standard_noise: Tensor) -> Tensor:
    """Add white noise; the deviations of SleePyCo's Gaussian noise lie in 0 to 0.2 µV.

    Shape: [N, T] µV, [N, 1] µV, [N, T] of deviation 1 → [N, T] µV
    """
    return signal_uv + deviation_uv * standard_noise


def stop_band(signal_uv: Tensor, low_hz: Tensor) -> Tensor:
    """Filter by a notch of 2 Hz from `low_hz` on: nothing passes in the middle, half of the power at the edges.

    SleePyCo's begin at 0.5 to 30 Hz. The second-order notch of its code: zeros on the unit circle, poles behind them,
    H(z) = g (1 − 2cos ω z⁻¹ + z⁻²) / (1 − 2g cos ω z⁻¹ + (2g − 1) z⁻²) with g = 1 / (1 + tan(π·width/rate)). Multiplied
    in the frequency domain, zeros behind the epoch taking up what rings on, it is the recursive filter from rest.
    Ours: the mean is put aside meanwhile, or an electrode offset would ring at the start of every epoch.

    Shape: [N, T] µV, [N, 1] Hz → [N, T] µV
    """
    n_samples = signal_uv.shape[1]
    n_fft = 1 << (n_samples + RINGING_SAMPLES - 1).bit_length()
    omega = 2 * math.pi / SAMPLING_HZ * (low_hz.double() + STOP_WIDTH_HZ / 2)
    gain = 1 / (1 + math.tan(math.pi * STOP_WIDTH_HZ / SAMPLING_HZ))
    frequency = 2 * math.pi / n_fft * torch.arange(n_fft // 2 + 1, device=signal_uv.device, dtype=torch.float64)
    delay = torch.polar(torch.ones_like(frequency), -frequency)
    zeros = 1 - 2 * omega.cos() * delay + delay.square()
    poles = 1 - 2 * gain * omega.cos() * delay + (2 * gain - 1) * delay.square()
    mean_uv = signal_uv.mean(dim=1, keepdim=True)
    spectrum = torch.fft.rfft(signal_uv - mean_uv, n=n_fft)
    filtered: Tensor = torch.fft.irfft(spectrum * (gain * zeros / poles).to(spectrum.dtype), n=n_fft) + mean_uv
    return filtered[:, :n_samples]


def augment(signal_uv: Tensor, generator: RowGenerator, probability: float) -> Tensor:
    """All six, each with a probability of its own for every epoch, in SleePyCo's order.

    Parameters
    ----------
    signal_uv
        Shape ``[N, T]``, µV.
    generator
        Of N rows; as many numbers are drawn whatever is applied.
    probability
        That an epoch meets one of them; SleePyCo's is 0.5 for each.

    Returns
    -------
    Shape ``[N, T]``, µV.
    """

    def is_met() -> Tensor:
        return generator.uniform() < probability

    def real(low: float, high: float) -> Tensor:
        return low + (high - low) * generator.uniform()

    def whole(low: int | Tensor, high: int | Tensor) -> Tensor:
        """Both included."""
        return (low + ((high - low + 1) * generator.uniform()).floor()).long()

    n_samples = signal_uv.shape[1]
    signal_uv = scale_amplitude(signal_uv, torch.where(is_met(), real(*SCALE_RANGE), 1.0))
    signal_uv = shift_time(signal_uv, torch.where(is_met(), whole(*SHIFT_RANGE_SAMPLES), 0))
    signal_uv = add_offset(signal_uv, torch.where(is_met(), real(*OFFSET_RANGE_UV), 0.0))
    n_masked = torch.where(is_met(), whole(*MASK_RANGE_SAMPLES), 0)
    signal_uv = mask_with_zeros(signal_uv, whole(0, n_samples - n_masked), n_masked)
    deviation_uv = torch.where(is_met(), real(*NOISE_RANGE_UV), 0.0)
    signal_uv = add_noise(signal_uv, deviation_uv, generator.normal(n_samples))
    return torch.where(is_met(), stop_band(signal_uv, real(*STOP_RANGE_HZ)), signal_uv)


def augmented_batch(signal_uv: Tensor, keys: Tensor, probability: float) -> Tensor:
    """Every epoch of a batch of sequences by its own key; padding is padding still, since nothing reads it.

    Shape: [B, L, T] µV, [B, L] → [B, L, T] µV
    """
    return augment(signal_uv.flatten(0, 1), RowGenerator(keys.flatten()), probability).view_as(signal_uv)
