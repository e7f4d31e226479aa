"""The time grid of synthesis: 4-s frames that overlap by half, and the two ways between them and the signal."""

import math
from typing import Final

import torch
from torch import Tensor

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.core.stages import EPOCH_S, SAMPLES_PER_EPOCH, SAMPLING_HZ

FRAME_S: Final = 4
HOP_S: Final = FRAME_S // 2
FRAME: Final = FRAME_S * SAMPLING_HZ
HOP: Final = HOP_S * SAMPLING_HZ
FRAMES_PER_EPOCH: Final = EPOCH_S // HOP_S
N_BINS: Final = FRAME // 2 + 1
BIN_HZ: Final = 1 / FRAME_S


def n_frames(n_epochs: int) -> int:
    """Frames that cover `n_epochs`; frame i is centred on second ``2 i``."""
    return n_epochs * FRAMES_PER_EPOCH + 1


def frame_times_s(n_epochs: int, device: torch.device) -> Float[Tensor, " F"]:
    """Centre of each frame in seconds from the first sample."""
    return torch.arange(n_frames(n_epochs), device=device, dtype=torch.float32) * HOP_S


def frequencies_hz(device: torch.device) -> Float[Tensor, " K"]:
    """Centre of each of the 201 bins: 0 to 50 Hz in steps of 0.25 Hz."""
    return torch.arange(N_BINS, device=device, dtype=torch.float32) * BIN_HZ


def epochs_to_frames(values: Float[Tensor, "N W"]) -> Float[Tensor, "F W"]:
    """Straight lines between the centres of neighbouring epochs, constant before the first and after the last."""
    count = len(values)
    place = frame_times_s(count, values.device) / EPOCH_S - 0.5
    place = place.clamp(0, count - 1)
    left = place.floor().long().clamp(max=max(count - 2, 0))
    right = (left + 1).clamp(max=count - 1)
    share = (place - left)[:, None]
    return values[left] * (1 - share) + values[right] * share


def window(device: torch.device) -> Float[Tensor, " T"]:
    """Square root of the periodic Hann window: applied twice, overlapping frames add up to one."""
    root: Tensor = torch.hann_window(FRAME, periodic=True, device=device).sqrt()
    return root


def analyse(signal: Float[Tensor, " T"]) -> Tensor:
    """Spectra ``[F, K]`` (complex) of the overlapping frames of a signal of whole epochs."""
    padded = torch.nn.functional.pad(signal, (HOP, HOP))
    spectra: Tensor = torch.fft.rfft(padded.unfold(0, FRAME, HOP) * window(signal.device))
    return spectra


def overlap_add(spectra: Tensor) -> Float[Tensor, " T"]:
    """Signal of the frames' spectra ``[F, K]``; the inverse of `analyse`."""
    frames: Tensor = torch.fft.irfft(spectra, n=FRAME) * window(spectra.device)
    first, second = frames[:, :HOP], frames[:, HOP:]
    return (first[1:] + second[:-1]).reshape(-1)


def welch_median(signal: Float[Tensor, " T"]) -> Float[Tensor, "N K"]:
    """Power spectral density of each epoch, µV²/Hz: median over 4-s Hann windows that overlap by half.

    The median is divided by its bias (Allen et al. 2012), as `scipy.signal.welch(average="median")` does.
    """
    epochs = signal.reshape(-1, SAMPLES_PER_EPOCH)
    taper = torch.hann_window(FRAME, periodic=True, device=signal.device)
    pieces = epochs.unfold(1, FRAME, HOP)
    pieces = pieces - pieces.mean(-1, keepdim=True)
    power = torch.fft.rfft(pieces * taper).abs().square()
    power = power * (2 / (SAMPLING_HZ * taper.square().sum()))
    count = power.shape[1]
    middle = power.sort(dim=1).values[:, [(count - 1) // 2, count // 2]].mean(1)
    density: Tensor = middle / _median_bias(count)
    return density


def _median_bias(count: int) -> float:
    """Expected median of `count` independent exponential variates of mean 1."""
    return 1.0 + math.fsum(1.0 / (2 * i + 1) - 1.0 / (2 * i) for i in range(1, (count - 1) // 2 + 1))
