"""The band-pass before the spectrogram: scipy's taps, a filter's physics, and no seam between epochs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import firwin

from mc2sleepnet.core.margins import night_with_margins
from mc2sleepnet.core.stages import SAMPLING_HZ
from mc2sleepnet.inference import encode_night
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.export import export_encoder
from mc2sleepnet.model.network import MC2SleepNet
from mc2sleepnet.model.spectrogram import Spectrogram
from mc2sleepnet.model.spectrogram_filter import MARGIN_SAMPLES, N_TAPS, band_pass_taps

N = 6


def night_uv() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (30 * rng.standard_normal((N, 3000)) + 20).astype(np.float32)


def small(**options: Any) -> MC2SleepNet:
    torch.manual_seed(0)
    return MC2SleepNet(NetworkConfig(width=0.125, spectrogram_layers=1, sequence_layers=1, **options)).eval()


def test_the_taps_are_scipys() -> None:
    expected = firwin(N_TAPS, [0.3, 40], pass_zero=False, fs=SAMPLING_HZ)
    np.testing.assert_allclose(band_pass_taps().numpy(), expected, atol=1e-12)
    torch.testing.assert_close(band_pass_taps(), band_pass_taps().flip(0), atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("tone_hz", "low_db", "high_db"), [(2, -0.2, 0.2), (10, -0.1, 0.1), (30, -0.1, 0.1), (48, -99, -40)]
)
def test_tones_in_the_band_pass_and_tones_above_it_die(tone_hz: float, low_db: float, high_db: float) -> None:
    time_s = torch.arange(-MARGIN_SAMPLES, 3000 + MARGIN_SAMPLES, dtype=torch.float64) / SAMPLING_HZ
    tone = torch.sin(2 * torch.pi * tone_hz * time_s)
    passed = torch.nn.functional.conv1d(tone[None, None], band_pass_taps()[None, None])[0, 0]
    gain_db = 10 * torch.log10(passed.square().mean() / tone[MARGIN_SAMPLES:-MARGIN_SAMPLES].square().mean())
    assert low_db <= float(gain_db) <= high_db


def test_filtering_epochs_with_margins_is_filtering_the_recording() -> None:
    signal_uv = night_uv().astype(np.float64)
    is_there = np.ones(N, bool)
    wide = torch.from_numpy(night_with_margins(signal_uv, is_there, np.arange(N), margin=MARGIN_SAMPLES))  # type: ignore[arg-type]
    by_epoch = torch.nn.functional.conv1d(wide[:, None], band_pass_taps()[None, None])[:, 0].numpy()
    edged = np.pad(signal_uv.ravel(), MARGIN_SAMPLES, mode="edge")
    whole = np.convolve(edged, band_pass_taps().numpy(), mode="valid").reshape(N, 3000)
    np.testing.assert_allclose(by_epoch, whole, atol=1e-9)


def test_an_epoch_that_could_not_be_read_lends_nothing_to_its_neighbours() -> None:
    signal_uv, is_there = night_uv(), np.array([True, True, False, True, True, True])
    wide = night_with_margins(signal_uv, is_there, np.array([1, 3]), margin=4)
    np.testing.assert_array_equal(wide[0, :4], signal_uv[0, -4:])
    np.testing.assert_array_equal(wide[0, -4:], np.full(4, signal_uv[1, -1]))
    np.testing.assert_array_equal(wide[1, :4], np.full(4, signal_uv[3, 0]))
    assert night_with_margins(signal_uv, is_there, np.array([1, 3]), margin=0).shape == (2, 3000)


def test_the_spectrogram_is_of_the_filtered_signal_and_the_raw_backbone_reads_the_unfiltered() -> None:
    plain, filtered = small(), small(spectrogram_filter="recording")
    filtered.load_state_dict(plain.state_dict())
    signal_uv, is_there = night_uv(), np.ones(N, bool)
    wide = torch.from_numpy(night_with_margins(signal_uv, is_there, np.arange(N), margin=MARGIN_SAMPLES))
    with torch.no_grad():
        tokens = filtered.epoch_tokens(wide), plain.epoch_tokens(torch.from_numpy(signal_uv))
        by_hand = torch.nn.functional.conv1d(wide[:, None], band_pass_taps().float()[None, None])[:, 0]
        expected = Spectrogram().decibels(by_hand)
        torch.testing.assert_close(filtered.spectrogram.decibels(wide), expected, atol=1e-3, rtol=0)
    assert torch.equal(tokens[0][:, 0], tokens[1][:, 0])
    assert not torch.allclose(tokens[0][:, 1], tokens[1][:, 1], atol=1e-2)


def test_a_filter_beside_a_recordings_own_statistics_is_refused() -> None:
    for other in ({"spectrogram_norm": "recording"}, {"signal_norm": "recording"}):
        with pytest.raises(ValueError, match="spectrogram_filter 'recording' needs"):
            NetworkConfig(spectrogram_filter="recording", **other)  # type: ignore[arg-type]


def test_an_exported_encoder_reads_margins_and_filters_as_torch_does(tmp_path: Path) -> None:
    import openvino

    from mc2sleepnet.training.stager import TorchStager

    network = small(spectrogram_filter="recording")
    export_encoder(network, tmp_path)
    graph = openvino.Core().compile_model(tmp_path / "encoder.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert graph.inputs[0].partial_shape[1].get_length() == 3000 + 2 * MARGIN_SAMPLES
    signal_uv, is_there = night_uv(), np.array([True, True, False, True, True, True])
    expected = encode_night(TorchStager(network), signal_uv, is_there)
    chosen = np.flatnonzero(is_there)
    found = graph([night_with_margins(signal_uv, is_there, chosen, margin=MARGIN_SAMPLES)])[0]
    np.testing.assert_allclose(found, expected[chosen], atol=1e-3)
