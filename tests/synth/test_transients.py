import numpy as np
import torch

from mc2sleepnet.core.stages import N2, R
from mc2sleepnet.synth.artefacts import add_artefacts, alias_hz
from mc2sleepnet.synth.traits import sample_night, sample_subject
from mc2sleepnet.synth.transients import Scene, add_transients, place


def scene(stage: int, n_epochs: int = 40, seed: int = 0) -> Scene:
    generator = torch.Generator().manual_seed(seed)
    frames = n_epochs * 15 + 1
    states = torch.zeros(frames, 5)
    states[:, stage] = 1
    return Scene(
        states=states,
        scores=torch.zeros(frames, 5),
        delta_uv=torch.full((frames,), 20.0),
        traits=sample_night(sample_subject(generator), generator),
        generator=generator,
    )


def test_place_is_the_double_loop_and_loses_what_runs_over_the_end() -> None:
    generator = torch.Generator().manual_seed(0)
    onset = torch.tensor([3, 5, 5, 95])
    waveform = torch.randn(4, 12, generator=generator)
    signal = torch.zeros(2, 100)
    place(signal, onset, waveform, (1.0, 0.5), (0.0, 1.0))
    expected = np.zeros((2, 100))
    for event in range(4):
        for t in range(12):
            if onset[event] + t < 100:
                expected[0, onset[event] + t] += waveform[event, t]
                expected[1, onset[event] + t] += 0.5 * waveform[event, t]
    np.testing.assert_allclose(signal.numpy(), expected, atol=1e-5)


def test_onsets_are_a_poisson_process_with_the_frames_rates() -> None:
    night = scene(N2, n_epochs=2000)
    rate = torch.cat([torch.full((15000,), 2.0), torch.full((15001,), 6.0)])
    onset = night.onsets(rate)
    early = int((onset < 15000 * 200).sum())
    assert abs(early - 1000) < 5 * 1000**0.5
    assert abs(len(onset) - early - 3000) < 5 * 3000**0.5


def test_a_cycle_wanes_and_waxes_about_one() -> None:
    wave = scene(N2, n_epochs=200).cycle(50.0, 0.8)
    assert abs(float(wave.mean()) - 1) < 0.1
    assert float(wave.min()) > 0.19
    assert float(wave.max()) < 1.81


def test_spindles_belong_to_n2_and_hardly_to_rem() -> None:
    power = {}
    for stage in (N2, R):
        night = scene(stage, seed=5)
        signal = torch.zeros(2, 40 * 3000)
        add_transients(signal, night)
        spectrum = torch.fft.rfft(signal[0]).abs().square()
        hz = torch.arange(len(spectrum)) / 1200
        power[stage] = float(spectrum[(hz > 11.5) & (hz < 15)].sum())
    assert power[N2] > 8 * power[R]


def test_fpz_sees_blinks_that_oz_hardly_does() -> None:
    signal = torch.zeros(2, 40 * 3000)
    add_transients(signal, scene(0, seed=3))
    assert float(signal[0].max()) > 2 * float(signal[1].max())


def test_mains_fold_back_below_half_the_sampling_rate() -> None:
    assert alias_hz(50.07) == 49.93
    assert alias_hz(60.0) == 40.0
    assert alias_hz(20.0) == 20.0


def test_artefacts_are_finite_and_differ_between_channels() -> None:
    signal = torch.zeros(2, 400 * 3000)
    add_artefacts(signal, scene(0, n_epochs=400))
    assert bool(torch.isfinite(signal).all())
    assert float(signal.abs().max()) > 50
    assert not torch.equal(signal[0], signal[1])
