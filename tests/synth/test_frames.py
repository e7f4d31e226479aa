import numpy as np
import scipy.signal
import torch

from mc2sleepnet.synth.frames import analyse, epochs_to_frames, n_frames, overlap_add, welch_median


def noise(n_epochs: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n_epochs * 3000, generator=torch.Generator().manual_seed(seed))


def test_overlap_add_undoes_analyse() -> None:
    signal = noise(3)
    torch.testing.assert_close(overlap_add(analyse(signal)), signal, atol=1e-5, rtol=1e-5)
    assert len(analyse(signal)) == n_frames(3)


def test_welch_median_is_scipys() -> None:
    signal = noise(4).cumsum(0)
    expected = scipy.signal.welch(
        signal.double().numpy().reshape(4, 3000),
        fs=100,
        window="hann",
        nperseg=400,
        noverlap=200,
        average="median",
        detrend="constant",
    )[1]
    # scipy halves no bin at 0 Hz and at 50 Hz; no band reaches there.
    np.testing.assert_allclose(welch_median(signal).numpy()[:, 1:-1], expected[:, 1:-1], rtol=2e-3)


def test_epochs_to_frames_passes_through_the_epochs_centres_and_is_straight_between() -> None:
    values = torch.tensor([[0.0], [15.0], [0.0]])
    frames = epochs_to_frames(values)[:, 0]
    seconds = np.arange(n_frames(3)) * 2.0
    np.testing.assert_allclose(frames.numpy(), np.interp(seconds, [15, 45, 75], [0, 15, 0]), atol=1e-5)


def test_a_single_epoch_is_constant_over_its_frames() -> None:
    assert torch.all(epochs_to_frames(torch.tensor([[2.5]])) == 2.5)
