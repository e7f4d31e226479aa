import numpy as np
import torch

from mc2sleepnet.core.stages import N2, N3, R, W
from mc2sleepnet.synth.band_powers import draw_band_powers
from mc2sleepnet.synth.reference_tables import band_power_table
from mc2sleepnet.synth.traits import sample_night, sample_subject


def draw(stage: torch.Tensor, seed: int = 0) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    traits = sample_night(sample_subject(generator), generator)
    powers, _ = draw_band_powers(stage, traits=traits, generator=generator, montage=(0.0, 1.0))
    return [p.target for p in powers], [p.stage_log_power for p in powers]


def test_epochs_spread_about_their_stage_as_real_ones_do() -> None:
    table = band_power_table()
    for s in (W, N2, N3, R):
        targets, _ = draw(torch.full((6000,), s))
        for target, name in zip(targets, ("Fpz-Cz", "Pz-Oz"), strict=True):
            expected = np.sqrt(np.diag(table.channels[name].within_cov[s]))
            np.testing.assert_allclose(target.std(0).numpy(), expected, rtol=0.25)


def test_the_stage_means_are_kept_in_a_mixed_night() -> None:
    stage = torch.arange(4000) // 8 % 5
    targets, means = draw(stage)
    for s in range(5):
        torch.testing.assert_close(targets[0][stage == s].mean(0), means[0][s], atol=0.25, rtol=0)


def test_epochs_remember_each_other_as_long_as_real_ones_do() -> None:
    table = band_power_table()
    targets, _ = draw(torch.full((40000,), N2))
    x = targets[0] - targets[0].mean(0)
    for lag in (1, 8, 32):
        found = (x[lag:] * x[:-lag]).mean(0) / x.square().mean(0)
        left = np.exp(-lag / np.maximum(table.residual_memory_epochs, 1e-3))
        # Quantiles bend normal scores, and bands are mixed: hence the tolerance.
        np.testing.assert_allclose(found.numpy(), table.residual_memory_share[N2] @ left, atol=0.1)
    assert (table.residual_memory_share[N2] @ left).max() > 0.25


def test_what_lasts_outlives_a_change_of_stage_in_part() -> None:
    table = band_power_table()
    stage = torch.where(torch.arange(40000) // 16 % 2 == 0, N2, R)
    targets, means = draw(stage)
    z = (targets[0] - means[0][stage]).clone()
    for s in (N2, R):
        z[stage == s] = (z[stage == s] - z[stage == s].mean(0)) / z[stage == s].std(0)
    found = (z[16:] * z[:-16]).mean().item()
    left = np.exp(-16 / np.maximum(table.residual_memory_epochs, 1e-3))
    same_stage = (np.sqrt(table.residual_memory_share[N2] * table.residual_memory_share[R]) @ left).mean()
    assert 0.5 * table.residual_shared_by_stages * same_stage < found < 0.8 * same_stage


def test_an_epoch_leans_towards_the_stage_of_its_neighbours() -> None:
    stage = torch.where(torch.arange(4000) % 40 < 20, N2, N3)
    targets, _ = draw(stage)
    place = torch.arange(4000) % 40
    delta = targets[0][:, 0]
    assert delta[place == 19].mean() > delta[place == 10].mean() + 0.1
