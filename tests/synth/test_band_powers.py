import numpy as np
import pytest
import torch

from mc2sleepnet.core.stages import N2, N3, R, W
from mc2sleepnet.synth.band_powers import draw_band_powers
from mc2sleepnet.synth.memory import Memory
from mc2sleepnet.synth.reference_tables import band_power_table
from mc2sleepnet.synth.traits import sample_night, sample_subject


def draw(
    stage: torch.Tensor, seed: int = 0, memory: Memory = "minutes"
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    traits = sample_night(sample_subject(generator), generator)
    powers, _ = draw_band_powers(stage, traits=traits, generator=generator, montage=(0.0, 1.0), memory=memory)
    return [p.target for p in powers], [p.stage_log_power for p in powers]


@pytest.mark.parametrize("memory", ["minutes", "half-hour"])
def test_epochs_spread_about_their_stage_as_real_ones_do(memory: Memory) -> None:
    table = band_power_table()
    for s in (W, N2, N3, R):
        targets, _ = draw(torch.full((20000,), s), memory=memory)
        for target, name in zip(targets, ("Fpz-Cz", "Pz-Oz"), strict=True):
            expected = np.sqrt(np.diag(table.channels[name].within_cov[s]))
            np.testing.assert_allclose(target.std(0).numpy(), expected, rtol=0.25)


@pytest.mark.parametrize("memory", ["minutes", "half-hour"])
def test_the_stage_means_are_kept_in_a_mixed_night(memory: Memory) -> None:
    stage = torch.arange(8000) // 8 % 5
    targets, means = draw(stage, memory=memory)
    for s in range(5):
        torch.testing.assert_close(targets[0][stage == s].mean(0), means[0][s], atol=0.25, rtol=0)


def correlation(x: torch.Tensor, lag: int) -> torch.Tensor:
    centred = x - x.mean(0)
    found: torch.Tensor = (centred[lag:] * centred[:-lag]).mean(0) / centred.square().mean(0)
    return found


def test_neighbouring_epochs_remember_each_other_as_real_ones_do() -> None:
    targets, _ = draw(torch.full((6000,), N2))
    np.testing.assert_allclose(correlation(targets[0], 1).numpy(), band_power_table().lag1[N2], atol=0.12)


def test_with_a_long_memory_epochs_remember_each_other_for_as_long_as_real_ones() -> None:
    table = band_power_table()
    targets, _ = draw(torch.full((40000,), N2), memory="half-hour")
    for lag in (1, 8, 32):
        left = np.exp(-lag / np.maximum(table.memory_epochs, 1e-3))
        # Quantiles bend normal scores, and bands are mixed: hence the tolerance.
        np.testing.assert_allclose(correlation(targets[0], lag).numpy(), table.memory_share[N2] @ left, atol=0.1)
    forgotten, _ = draw(torch.full((40000,), N2))
    assert correlation(targets[0], 32).max() > 0.2
    assert correlation(forgotten[0], 32).max() < 0.05


def test_what_lasts_outlives_a_change_of_stage_in_part() -> None:
    table = band_power_table()
    stage = torch.where(torch.arange(40000) // 16 % 2 == 0, N2, R)
    targets, _ = draw(stage, memory="half-hour")
    z = targets[0].clone()
    for s in (N2, R):
        z[stage == s] = (z[stage == s] - z[stage == s].mean(0)) / z[stage == s].std(0)
    left = np.exp(-16 / np.maximum(table.memory_epochs, 1e-3))
    same_stage = (np.sqrt(table.memory_share[N2] * table.memory_share[R]) @ left).mean()
    found = (z[16:] * z[:-16]).mean().item()
    assert 0.5 * table.shared_by_stages * same_stage < found < 0.8 * same_stage


def test_an_epoch_leans_towards_the_stage_of_its_neighbours() -> None:
    stage = torch.where(torch.arange(4000) % 40 < 20, N2, N3)
    targets, _ = draw(stage)
    place = torch.arange(4000) % 40
    delta = targets[0][:, 0]
    assert delta[place == 19].mean() > delta[place == 10].mean() + 0.1
