"""The spectrogram of an epoch, computed inside the model: one stored format, one exported graph."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mc2sleepnet.core.recording_statistics import (
    FFT_SAMPLES,
    HOP_SAMPLES,
    N_BINS,
    POWER_FLOOR_UV2,
    WINDOW_SAMPLES,
)
from mc2sleepnet.core.shapes import Float
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH
from mc2sleepnet.model.precision import full_precision
from mc2sleepnet.model.spectrogram_filter import MARGIN_SAMPLES, band_pass_taps

Z_LIMIT = 8.0
DEVIATION_FLOOR_DB = 1e-3
# A recording's own deviation: less than this is a filter's floor, not sleep.
OWN_DEVIATION_FLOOR_DB = 1.0


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
    """Log power spectrogram in one or several views, side by side along the frame tokens' width.

    - ``training``: z-scored per frequency bin with statistics of the training epochs; microvolts stay microvolts.
    - ``recording``: z-scored per bin with the recording's own robust statistics.
    - ``gain``: the recording's overall level, the mean over bins of its medians, is put where the training
      epochs' is; then as ``training``. The shape of its spectrum stays, which ``recording`` takes away.

    Symmetric Hamming window of 2 s, hop 1 s, FFT of 256, 10·log10 of the power, each frame demeaned first so that
    an electrode offset does not leak, power floored at 1e-2 µV² (SleepTransformer's recipe; docs/method.md).

    Shape: [M, T] µV, [M or 1, N_STATISTICS] → [M, F, V·K] z-scores

    Parameters
    ----------
    views
        Names of the V views.
    is_filtered
        Whether the signal goes through `spectrogram_filter`'s band-pass first. Epochs then come with the last
        `margin_samples` of the one before and the first of the one after.
    """

    taps: Tensor | None
    cosines: Tensor
    sines: Tensor
    mean_db: Tensor
    deviation_db: Tensor

    def __init__(self, views: Sequence[str] = ("training",), *, is_filtered: bool = False) -> None:
        super().__init__()
        self.views = tuple(views)
        self.margin_samples = MARGIN_SAMPLES if is_filtered else 0
        self.register_buffer("taps", band_pass_taps().float() if is_filtered else None, persistent=False)
        cosines, sines = fourier_basis()
        self.register_buffer("cosines", cosines.float(), persistent=False)
        self.register_buffer("sines", sines.float(), persistent=False)
        # The statistics live in config.json, so that a person can read them.
        self.register_buffer("mean_db", torch.zeros(N_BINS), persistent=False)
        self.register_buffer("deviation_db", torch.ones(N_BINS), persistent=False)

    def decibels(self, signal_uv: Float[Tensor, "M T"]) -> Float[Tensor, "M F K"]:
        """Power of every frame and bin in dB re 1 µV², before normalisation."""
        if self.taps is not None:
            with full_precision(signal_uv.device):
                signal_uv = F.conv1d(signal_uv[:, None], self.taps[None, None])[:, 0]
        # A hop is half a window, so a frame is two neighbouring halves.
        halves = signal_uv.reshape(-1, SAMPLES_PER_EPOCH // HOP_SAMPLES, HOP_SAMPLES)
        frames = torch.cat([halves[:, :-1], halves[:, 1:]], dim=2)
        frames = frames - frames.mean(dim=2, keepdim=True)
        with full_precision(signal_uv.device):
            power_uv2 = (frames @ self.cosines).square() + (frames @ self.sines).square()
        return 10 * torch.log10(power_uv2.clamp(min=POWER_FLOOR_UV2))

    def forward(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R S"] | None = None
    ) -> Float[Tensor, "M F C"]:
        decibels = self.decibels(signal_uv)
        z = torch.cat([self.normalised(decibels, view, statistics) for view in self.views], dim=2)
        return z.clamp(-Z_LIMIT, Z_LIMIT)

    def normalised(
        self, decibels: Float[Tensor, "M F K"], view: str, statistics: Float[Tensor, "R S"] | None
    ) -> Float[Tensor, "M F K"]:
        """One view of the frames, before it is limited."""
        deviation_db = self.deviation_db.clamp(min=DEVIATION_FLOOR_DB)
        if view == "training":
            return (decibels - self.mean_db) / deviation_db
        assert statistics is not None, f"the view {view} needs the recording's statistics"
        median_db = statistics[:, None, :N_BINS]
        if view == "recording":
            own_db = statistics[:, None, N_BINS : 2 * N_BINS].clamp(min=OWN_DEVIATION_FLOOR_DB)
            return (decibels - median_db) / own_db
        assert view == "gain"
        level_db = (median_db - self.mean_db).mean(dim=2, keepdim=True)
        return (decibels - level_db - self.mean_db) / deviation_db
