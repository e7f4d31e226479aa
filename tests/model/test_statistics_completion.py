"""Statistics of a part become those of the whole: learned from examples, bounded, and blind to a recorder's quirks."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mc2sleepnet.core.recording_statistics import N_BINS, N_STATISTICS
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.statistics_completion import EDGES, StatisticsCompletion, bands_of_bins, bins_of_bands

Rows = NDArray[np.float32]
HZ = np.arange(1, N_BINS + 1) * 100 / 256


def examples(count: int, seed: int) -> tuple[Rows, Rows]:
    """Nights of one shape and any gain, and parts of them: the deeper the sleep, the steeper and the less varied."""
    rng = np.random.default_rng(seed)
    gain_db = rng.normal(0, 4, (count, 1))
    depth = rng.normal(0, 1, (count, 1))
    whole_db = 20 - 10 * np.log10(HZ) + gain_db
    part_db = whole_db + depth * (2 - 2 * np.log10(HZ))
    deviation_db = np.full((count, N_BINS), 4.0)
    uv = 10 ** (gain_db / 20)
    whole = np.concatenate([whole_db, deviation_db, np.zeros((count, 1)), 20 * uv], axis=1)
    part = np.concatenate(
        [part_db, deviation_db * np.exp(-0.3 * depth), np.zeros((count, 1)), 20 * uv * np.exp(0.2 * depth)], axis=1
    )
    return part.astype(np.float32), whole.astype(np.float32)


def taught() -> StatisticsCompletion:
    completion = StatisticsCompletion()
    completion.fit(*examples(2000, seed=0))
    return completion


def completed(completion: StatisticsCompletion, rows: Rows) -> Rows:
    with torch.no_grad():
        return completion(torch.from_numpy(rows)).numpy()


def test_untaught_it_changes_nothing() -> None:
    part, _ = examples(5, seed=1)
    np.testing.assert_allclose(completed(StatisticsCompletion(), part), part, rtol=1e-6)


def test_parts_it_never_saw_come_out_like_their_nights() -> None:
    part, whole = examples(200, seed=2)
    found = completed(taught(), part)
    for columns in (slice(0, N_BINS), slice(N_BINS, 2 * N_BINS), slice(N_STATISTICS - 1, N_STATISTICS)):
        before, after = (np.abs(rows - whole)[:, columns].mean() for rows in (part, found))
        assert after < 0.25 * before


def test_whole_nights_stay_what_they_are() -> None:
    part, whole = examples(2000, seed=3)
    completion = StatisticsCompletion()
    completion.fit(np.concatenate([part, whole]), np.concatenate([whole, whole]))
    assert np.abs(completed(completion, whole) - whole)[:, :N_BINS].mean() < 0.2


def test_a_line_of_the_mains_stays_where_it_is() -> None:
    part, _ = examples(1, seed=4)
    with_line = part.copy()
    with_line[0, 105] += 15.0
    plain, lined = (completed(taught(), rows)[0, :N_BINS] for rows in (part, with_line))
    change = lined - plain
    assert change.argmax() == 105
    assert change[105] > 12
    assert np.abs(np.delete(change, 105)).max() < 3


def test_far_outside_of_training_it_corrects_no_further() -> None:
    part, _ = examples(1, seed=5)
    completion = taught()
    far = part + np.float32(0)
    far[:, :N_BINS] += 1000.0 * np.log10(HZ).astype(np.float32)
    change = completed(completion, far)[:, :N_BINS] - far[:, :N_BINS]
    assert np.isfinite(change).all()
    assert np.abs(change).max() < 60


def test_what_counts_nothing_teaches_nothing() -> None:
    part, whole = examples(500, seed=6)
    wrong = np.concatenate([whole, whole + 50])
    counts = np.repeat([1.0, 0.0], 500)
    one, other = StatisticsCompletion(), StatisticsCompletion()
    one.fit(part, whole)
    other.fit(np.concatenate([part, part]), wrong, counts)
    np.testing.assert_allclose(completed(one, part), completed(other, part), rtol=1e-4, atol=1e-3)


def test_bands_cover_every_bin_once_and_lines_between_them_add_up() -> None:
    assert EDGES[0] == 0
    assert EDGES[-1] == N_BINS
    np.testing.assert_allclose(bands_of_bins().sum(axis=0), 1)
    assert ((bands_of_bins() > 0).sum(axis=1) == 1).all()
    np.testing.assert_allclose(bins_of_bands().sum(axis=0), 1)


@pytest.mark.parametrize(
    "options", [{}, {"signal_norm": "recording", "architecture": "concatenated"}], ids=["no statistics", "a rival"]
)
def test_it_needs_statistics_and_mc2sleepnet(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="statistics_completion"):
        NetworkConfig(statistics_completion="ridge", **options)  # type: ignore[arg-type]
