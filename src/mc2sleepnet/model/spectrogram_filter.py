"""The band-pass that SleepTransformer's recipe puts before its spectrogram [S]: 0.3–40 Hz, 101 taps, zero phase."""

import math

import torch
from torch import Tensor

from mc2sleepnet.core.stages import SAMPLING_HZ

BAND_HZ = (0.3, 40.0)
N_TAPS = 101
MARGIN_SAMPLES = N_TAPS // 2


def band_pass_taps() -> Tensor:
    """Ideal band-pass under a Hamming window, scaled to gain 1 in the middle of the band, float64.

    Symmetric, and applied about its centre: no phase. A second long, it cannot cut at 0.3 Hz: even
    0 Hz passes to two thirds.

    Shape: [] → [N_TAPS]
    """
    n = torch.arange(N_TAPS, dtype=torch.float64) - MARGIN_SAMPLES
    low, high = (2 * edge_hz / SAMPLING_HZ for edge_hz in BAND_HZ)
    ideal = high * torch.sinc(high * n) - low * torch.sinc(low * n)
    taps = ideal * torch.hamming_window(N_TAPS, periodic=False, dtype=torch.float64)
    middle_hz = sum(BAND_HZ) / 2
    return taps / (taps * torch.cos(2 * math.pi * middle_hz / SAMPLING_HZ * n)).sum()
