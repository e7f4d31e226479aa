"""The spectrogram front end against scipy, and against what physics says of tones and offsets."""

import numpy as np
import torch
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hamming

from mc2sleepnet.core.recording_statistics import (
    FFT_SAMPLES,
    HOP_SAMPLES,
    N_BINS,
    N_FRAMES,
    POWER_FLOOR_UV2,
    WINDOW_SAMPLES,
)
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH, SAMPLING_HZ
from mc2sleepnet.model.spectrogram import Z_LIMIT, Spectrogram, fourier_basis


def noise_uv(n_epochs: int = 4, scale_uv: float = 20.0) -> torch.Tensor:
    return scale_uv * torch.randn(n_epochs, SAMPLES_PER_EPOCH, generator=torch.Generator().manual_seed(0))


def scipy_decibels(signal_uv: np.ndarray) -> np.ndarray:
    """One epoch, frame by frame, each demeaned first."""
    window = hamming(WINDOW_SAMPLES, sym=True)
    transform = ShortTimeFFT(window, hop=WINDOW_SAMPLES, fs=SAMPLING_HZ, mfft=FFT_SAMPLES, scale_to=None)
    frames = []
    for start in range(0, SAMPLES_PER_EPOCH - WINDOW_SAMPLES + 1, HOP_SAMPLES):
        frame = signal_uv[start : start + WINDOW_SAMPLES]
        spectrum = transform.stft_detrend(frame, "constant", p0=0, p1=1, k_offset=WINDOW_SAMPLES // 2)[:, 0]
        frames.append(10 * np.log10(np.maximum(np.abs(spectrum[1:]) ** 2, POWER_FLOOR_UV2)))
    return np.array(frames)


def test_an_epoch_becomes_29_frames_of_128_bins() -> None:
    assert (N_FRAMES, N_BINS) == (29, 128)
    assert Spectrogram()(noise_uv(3)).shape == (3, 29, 128)


def test_it_equals_scipys_in_double_precision() -> None:
    signal_uv = noise_uv(2).double()
    front_end = Spectrogram().double()
    front_end.cosines, front_end.sines = fourier_basis()
    expected = np.stack([scipy_decibels(epoch) for epoch in signal_uv.numpy()])
    np.testing.assert_allclose(front_end.decibels(signal_uv).numpy(), expected, atol=1e-4)


def test_single_precision_stays_within_a_hundredth_of_a_decibel_in_999_of_1000_bins() -> None:
    signal_uv = noise_uv(4)
    expected = np.stack([scipy_decibels(epoch) for epoch in signal_uv.double().numpy()])
    error_db = np.abs(Spectrogram().decibels(signal_uv).numpy() - expected)
    assert np.quantile(error_db, 0.999) < 0.01


def test_an_electrode_offset_does_not_leak() -> None:
    signal_uv = noise_uv()
    decibels = Spectrogram().decibels
    torch.testing.assert_close(decibels(signal_uv + 300.0), decibels(signal_uv), atol=0.05, rtol=0)


def test_a_tone_stands_in_its_own_bin() -> None:
    tone_hz = 10.0
    time_s = torch.arange(SAMPLES_PER_EPOCH) / SAMPLING_HZ
    tone_uv = 50 * torch.sin(2 * torch.pi * tone_hz * time_s)[None]
    loudest = Spectrogram().decibels(tone_uv).argmax(dim=2)
    expected_bin = round(tone_hz * FFT_SAMPLES / SAMPLING_HZ) - 1  # the 0-Hz bin is dropped
    assert (loudest - expected_bin).abs().max() <= 1


def test_a_flat_epoch_is_finite_and_at_the_floor() -> None:
    decibels = Spectrogram().decibels(torch.full((1, SAMPLES_PER_EPOCH), 12.0))
    torch.testing.assert_close(decibels, torch.full_like(decibels, 10 * np.log10(POWER_FLOOR_UV2)), atol=1e-3, rtol=0)


def test_z_scores_use_the_statistics_and_stop_at_the_limit() -> None:
    signal_uv = noise_uv()
    front_end = Spectrogram()
    decibels = front_end.decibels(signal_uv)
    front_end.mean_db.copy_(decibels.mean(dim=(0, 1)))
    front_end.deviation_db.copy_(decibels.std(dim=(0, 1)))
    z = front_end(signal_uv)
    torch.testing.assert_close(z.mean(dim=(0, 1)), torch.zeros(N_BINS), atol=0.05, rtol=0)
    assert front_end(1e6 * signal_uv).max() == Z_LIMIT
