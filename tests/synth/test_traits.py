import numpy as np
import torch

from mc2sleepnet.synth.reference_tables import band_power_table
from mc2sleepnet.synth.traits import matrix_root, sample_night, sample_subject


def test_matrix_root_squared_is_the_covariance() -> None:
    covariance = band_power_table().channels["Fpz-Cz"].night_effect_cov
    root = matrix_root(covariance)
    np.testing.assert_allclose(root @ root, covariance, atol=1e-3)


def test_band_power_offsets_have_the_real_covariance_between_nights() -> None:
    generator = torch.Generator().manual_seed(0)
    table = band_power_table().channels["Fpz-Cz"]
    offsets = np.array([sample_night(sample_subject(generator), generator).power_offset[0] for _ in range(700)])
    for stage in range(5):
        expected = np.diag(table.night_effect_cov + table.night_by_stage_cov[stage])
        np.testing.assert_allclose(offsets[:, stage].var(0), expected, rtol=0.25)


def test_two_nights_of_a_subject_are_more_alike_than_two_subjects() -> None:
    generator = torch.Generator().manual_seed(1)
    subjects = [sample_subject(generator) for _ in range(150)]
    pairs = [(sample_night(s, generator), sample_night(s, generator)) for s in subjects]
    first, second = (np.array([n.power_offset[0].mean() for n in nights]) for nights in zip(*pairs, strict=True))
    assert np.corrcoef(first, second)[0, 1] > 0.5
    assert np.any(first != second)


def test_both_channels_drift_together() -> None:
    generator = torch.Generator().manual_seed(2)
    offsets = np.array([sample_subject(generator).power_offset for _ in range(400)])
    assert np.corrcoef(offsets[:, 0, 3], offsets[:, 1, 3])[0, 1] > 0.6


def test_with_age_spindles_slow_waves_and_deep_sleep_fade() -> None:
    generator = torch.Generator().manual_seed(3)
    subjects = [sample_subject(generator) for _ in range(400)]
    age = [s.age_z for s in subjects]
    for name in ("spindles_per_min", "slow_wave_gain", "n3_tilt", "alpha_hz"):
        assert np.corrcoef(age, [getattr(s, name) for s in subjects])[0, 1] < -0.15, name
    assert np.corrcoef(age, [s.wake_tilt for s in subjects])[0, 1] > 0.3
