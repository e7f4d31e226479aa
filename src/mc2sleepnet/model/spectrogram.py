"""The spectrogram of an epoch, computed inside the model: one stored format, one exported graph."""

import math

import torch
from torch import Tensor, nn

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH, SAMPLING_HZ
from mc2sleepnet.model.precision import full_precision

WINDOW_SAMPLES = 2 * SAMPLING_HZ
HOP_SAMPLES = WINDOW_SAMPLES // 2
FFT_SAMPLES = 256
N_FRAMES = (SAMPLES_PER_EPOCH - WINDOW_SAMPLES) // HOP_SAMPLES + 1
N_BINS = FFT_SAMPLES // 2  # 0 Hz is dropped, 50 Hz is kept
POWER_FLOOR_UV2 = 1e-2
Z_LIMIT = 8.0
DEVIATION_FLOOR_DB = 1e-3


def fourier_basis() -> tuple[Tensor, Tensor]:
    """Cosines and sines of the windowed, zero-padded DFT without its 0-Hz bin, float64.

    Shape: [] → ([WINDOW_SAMPLES, K], [WINDOW_SAMPLES, K])
    """
    time = torch.arange(WINDOW_SAMPLES, dtype=torch.float64)
    window = torch.hamming_window(WINDOW_SAMPLES, periodic=False, dtype=torch.float64)
    frequency = torch.arange(1, N_BINS + 1, dtype=torch.float64)
    phase = 2 * math.pi / FFT_SAMPLES * torch.outer(time, frequency)
    return window[:, None] * torch.cos(phase), window[:, None] * torch.sin(phase)


class Spectrogram(nn.Module):
    """Log power spectrogram, z-scored per frequency bin with statistics of the training epochs.

    Symmetric Hamming window of 2 s, hop 1 s, FFT of 256, 10·log10 of the power, each frame demeaned first so that
    an electrode offset does not leak, power floored at 1e-2 µV² (SleepTransformer's recipe; docs/method.md).

    Shape: [M, T] µV → [M, F, K] z-scores
    """

    cosines: Tensor
    sines: Tensor
    mean_db: Tensor
    deviation_db: Tensor

    def __init__(self) -> None:
        super().__init__()
        cosines, sines = fourier_basis()
        self.register_buffer("cosines", cosines.float(), persistent=False)
        self.register_buffer("sines", sines.float(), persistent=False)
        # The statistics live in config.json, so that a person can read them.
        self.register_buffer("mean_db", torch.zeros(N_BINS), persistent=False)
        self.register_buffer("deviation_db", torch.ones(N_BINS), persistent=False)

    def decibels(self, signal_uv: Float[Tensor, "M T"]) -> Float[Tensor, "M F K"]:
        """Power of every frame and bin in dB re 1 µV², before normalisation."""
        # A hop is half a window, so a frame is two neighbouring halves.
        halves = signal_uv.reshape(-1, SAMPLES_PER_EPOCH // HOP_SAMPLES, HOP_SAMPLES)
        frames = torch.cat([halves[:, :-1], halves[:, 1:]], dim=2)
        frames = frames - frames.mean(dim=2, keepdim=True)
        with full_precision(signal_uv.device):
            power_uv2 = (frames @ self.cosines).square() + (frames @ self.sines).square()
        return 10 * torch.log10(power_uv2.clamp(min=POWER_FLOOR_UV2))

    def forward(self, signal_uv: Float[Tensor, "M T"]) -> Float[Tensor, "M F K"]:
        z = (self.decibels(signal_uv) - self.mean_db) / self.deviation_db.clamp(min=DEVIATION_FLOOR_DB)
        return z.clamp(-Z_LIMIT, Z_LIMIT)
