"""Recorders, contact and montage: what they do to a signal is physics and can be measured."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mc2sleepnet.synth.central_montage import W_MINUS_N3, central_offset
from mc2sleepnet.synth.contact import loosen
from mc2sleepnet.synth.recorder import Recorder, RecorderRange, draw_recorder, record
from mc2sleepnet.synth.reference_tables import band_power_table

QUIET = Recorder(noise_uv=0.0, step_uv=1e-3)
SECONDS = 120


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tone(hz: float) -> torch.Tensor:
    t = torch.arange(SECONDS * 100, dtype=torch.float64) / 100
    return (50 * torch.sin(2 * torch.pi * hz * t)).float()


def rms(signal: torch.Tensor) -> float:
    return float(signal[1000:-1000].square().mean().sqrt())


def test_a_tone_in_the_band_passes_and_one_beyond_it_dies() -> None:
    steep = replace(QUIET, low_pass_hz=30.0, low_pass_order=8)
    inside, beyond = (record(tone(hz), steep, generator=generator()) for hz in (10.0, 45.0))
    assert rms(inside) == pytest.approx(rms(tone(10.0)), rel=0.02)
    assert rms(beyond) < 0.05 * rms(tone(45.0))


def test_a_low_high_pass_gives_back_what_the_tables_recorder_took() -> None:
    usual, open_ = (record(tone(0.5), replace(QUIET, high_pass_hz=hz), generator=generator()) for hz in (0.5, 0.05))
    assert rms(open_) / rms(usual) == pytest.approx(2**0.5, rel=0.03)


def test_gain_polarity_and_offset_are_what_they_say() -> None:
    recorder = replace(QUIET, gain=2.0, polarity=-1, offset_uv=70.0)
    plain, other = (record(tone(8.0), own, generator=generator()) for own in (QUIET, recorder))
    np.testing.assert_allclose(other.numpy(), 70 - 2 * plain.numpy(), atol=0.01)


def test_the_converter_rounds_and_clips() -> None:
    recorded = record(tone(8.0), replace(QUIET, step_uv=1.5, clip_uv=30.0), generator=generator())
    assert float(recorded.abs().max()) == pytest.approx(30.0)
    inside = recorded[recorded.abs() < 29]
    np.testing.assert_allclose((inside / 1.5).numpy(), (inside / 1.5).round().numpy(), atol=1e-4)


def test_hearts_and_mains_appear_where_they_should() -> None:
    silence = torch.zeros(SECONDS * 100)
    mains = record(silence, replace(QUIET, mains_uv=5.0, mains_hz=22.0), generator=generator())
    spectrum = torch.fft.rfft(mains).abs()
    assert int(spectrum.argmax()) == pytest.approx(22 * SECONDS, abs=2)
    heart = record(silence, replace(QUIET, ecg_uv=20.0, heart_hz=1.0), generator=generator())
    beats = (heart[1:-1] > 10) & (heart[1:-1] > heart[:-2]) & (heart[1:-1] >= heart[2:])
    assert int(beats.sum()) == pytest.approx(SECONDS, abs=12)


def test_drawn_recorders_differ_and_keep_to_their_range() -> None:
    among = RecorderRange(montage=(0.0, 0.5), low_pass_hz=(20.0, 30.0), dirt=1.0)
    drawn = [draw_recorder(generator(seed), among) for seed in range(30)]
    assert len({recorder.gain for recorder in drawn}) == 30
    assert all(0 <= recorder.montage <= 0.5 and 20 <= recorder.low_pass_hz <= 30 for recorder in drawn)
    assert all(recorder.mains_uv > 0 and recorder.ecg_uv > 0 for recorder in drawn)
    assert draw_recorder(generator(3), among) == drawn[3]


def test_contact_changes_wake_and_never_sleep() -> None:
    stage = torch.tensor([0] * 40 + [2] * 40)
    signal = 20 * torch.randn(80 * 3000, generator=generator())
    changed = [loosen(signal.clone(), stage, generator(seed)).reshape(80, 3000) for seed in range(12)]
    for night in changed:
        assert torch.equal(night[40:], signal.reshape(80, 3000)[40:])
        assert torch.isfinite(night).all()
    lost = [float((night[:40].std(1) < 8).float().mean()) for night in changed]
    assert 0 < sum(share > 0 for share in lost) < 12


def test_the_central_offset_gives_ucddbs_contrast_of_wake_and_deep_sleep() -> None:
    table = band_power_table()
    for index, name in enumerate(("Fpz-Cz", "Pz-Oz")):
        mean = table.channels[name].mean + central_offset(1.0)[index]
        np.testing.assert_allclose(mean[0] - mean[3], W_MINUS_N3, atol=1e-9)
    assert not central_offset(0.0).any()
