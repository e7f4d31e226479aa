from dataclasses import replace

import numpy as np
import pytest
import torch

from mc2sleepnet.core.stages import N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.synth.band_powers import draw_band_powers
from mc2sleepnet.synth.frames import analyse
from mc2sleepnet.synth.night import FPZ_CZ, synthesize_channels, synthesize_night
from mc2sleepnet.synth.reference_tables import band_power_table
from mc2sleepnet.synth.spectra import measured_log_power
from mc2sleepnet.synth.traits import NightTraits, sample_night, sample_subject

BLOCKS = np.repeat([W, N1, N2, N3, R, W], 25).astype(np.int8)


def night(seed: int) -> tuple[NightTraits, torch.Generator]:
    generator = torch.Generator().manual_seed(seed)
    return sample_night(sample_subject(generator), generator), generator


def make(seed: int, stage: np.ndarray = BLOCKS) -> torch.Tensor:
    traits, generator = night(seed)
    return synthesize_night(stage, traits=traits, generator=generator)


@pytest.fixture(scope="module")
def nights() -> list[torch.Tensor]:
    return [make(seed) for seed in range(6)]


def test_a_night_is_finite_float32_microvolts(nights: list[torch.Tensor]) -> None:
    for signal in nights:
        assert signal.shape == (len(BLOCKS) * 3000,)
        assert signal.dtype == torch.float32
        assert bool(torch.isfinite(signal).all())
        assert 5 < float(signal.std()) < 120
        assert abs(float(signal.mean())) < 3


def test_one_seed_gives_one_night_to_the_last_bit() -> None:
    assert torch.equal(make(1, BLOCKS[:15]), make(1, BLOCKS[:15]))
    assert not torch.equal(make(1, BLOCKS[:15]), make(2, BLOCKS[:15]))


def test_differences_between_stages_are_those_of_real_nights(nights: list[torch.Tensor]) -> None:
    powers = torch.stack([measured_log_power(signal) for signal in nights])
    by_stage = torch.stack([powers[:, s == BLOCKS].mean((0, 1)) for s in range(5)]).numpy()
    real = band_power_table().channels["Fpz-Cz"].mean
    np.testing.assert_allclose(by_stage - by_stage.mean(0), real - real.mean(0), atol=0.6)
    assert np.corrcoef((by_stage - by_stage.mean(0)).ravel(), (real - real.mean(0)).ravel())[0, 1] > 0.93


def test_power_waxes_and_wanes_within_an_epoch_more_than_stationary_noise_does(nights: list[torch.Tensor]) -> None:
    def spread(signal: torch.Tensor) -> float:
        sigma = analyse(signal)[:, 48:60].abs().square().mean(1).log()
        return float(sigma[1:].reshape(-1, 15).std(1).mean())

    noise = torch.randn(nights[0].shape, generator=torch.Generator().manual_seed(0))
    assert np.mean([spread(signal) for signal in nights]) > 1.3 * spread(noise)


def test_the_second_channel_is_another_view_of_the_same_brain() -> None:
    traits, generator = night(4)
    both = synthesize_channels(BLOCKS, traits=traits, generator=generator)
    assert both.shape == (2, len(BLOCKS) * 3000)
    assert 0.2 < float(torch.corrcoef(both)[0, 1]) < 0.9


def test_band_powers_that_are_known_are_those_that_come_out() -> None:
    stage = np.repeat(np.array([N2, N3, R], np.int8), 30)
    traits, generator = night(4)
    powers, scores = draw_band_powers(
        torch.from_numpy(stage).long(), traits=traits, generator=generator, montage=FPZ_CZ
    )
    louder = replace(powers[0], target=powers[0].target + 1, stage_log_power=powers[0].stage_log_power + 1)
    made = [
        measured_log_power(
            synthesize_channels(stage, traits=traits, generator=generator, montage=FPZ_CZ, drawn=([each], scores))[0]
        )
        for each in (powers[0], louder)
    ]
    assert (made[0] - powers[0].target)[:, 1:].abs().median() < 0.15
    assert (made[1] - made[0])[:, 1:].median().item() == pytest.approx(1, abs=0.1)


def test_unscored_epochs_get_a_signal_too() -> None:
    stage = np.array([W, UNSCORED, N1, UNSCORED], dtype=np.int8)
    assert float(make(5, stage).reshape(4, 3000).std(1).min()) > 1


@pytest.mark.parametrize("n_epochs", [1, 2, 3])
def test_the_shortest_nights_can_be_made(n_epochs: int) -> None:
    assert make(6, BLOCKS[:n_epochs]).shape == (n_epochs * 3000,)
