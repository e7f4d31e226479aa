"""Statistics of a part become those of the whole: learned from examples, bounded, and blind to a recorder's quirks."""

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from completions import some_levels
from mc2sleepnet.core.completion import (
    FAMILIAR_RMS,
    FOREIGN_RMS,
    N_FEATURES,
    NIGHT_EPOCHS,
    PART_EPOCHS,
    Completion,
    Ridge,
    familiarity,
    features,
)
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording_statistics import N_BINS, N_STATISTICS, recording_statistics
from mc2sleepnet.core.spectral_bands import EDGES, bands_of_bins, bins_of_bands
from mc2sleepnet.core.stage_levels import StageLevels
from mc2sleepnet.model.config import NetworkConfig

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


def as_parts(completion: Completion, statistics: Rows) -> Rows:
    return completion.of_parts(statistics, np.full(len(statistics), PART_EPOCHS))


def taught() -> Completion:
    return Completion(ridge=Ridge.of_parts(*examples(2000, seed=0)))


def test_parts_it_never_saw_come_out_like_their_nights() -> None:
    part, whole = examples(200, seed=2)
    found = as_parts(taught(), part)
    for columns in (slice(0, N_BINS), slice(N_BINS, 2 * N_BINS), slice(N_STATISTICS - 1, N_STATISTICS)):
        before, after = (np.abs(rows - whole)[:, columns].mean() for rows in (part, found))
        assert after < 0.25 * before


def test_of_wholes_among_the_parts_it_learns_to_leave_them() -> None:
    part, whole = examples(2000, seed=3)
    ridge = Ridge.of_parts(np.concatenate([part, whole]), np.concatenate([whole, whole]))
    assert np.abs(as_parts(Completion(ridge=ridge), whole) - whole)[:, :N_BINS].mean() < 0.2


def test_a_part_is_completed_as_learned_a_night_not_at_all_and_between_them_by_its_epochs() -> None:
    part, _ = examples(4, seed=3)
    completion, between = taught(), (PART_EPOCHS + NIGHT_EPOCHS) // 2
    as_part, halfway, night, longer = completion.of_parts(
        np.repeat(part[:1], 4, axis=0), np.array([PART_EPOCHS, between, NIGHT_EPOCHS, 10 * NIGHT_EPOCHS])
    )
    shortest = completion.of_parts(part[:1], np.array([1]))[0]
    np.testing.assert_array_equal(as_part, shortest)
    assert np.abs(as_part - part[0])[:N_BINS].max() > 1
    np.testing.assert_allclose((halfway - part[0])[:N_BINS], (as_part - part[0])[:N_BINS] / 2, atol=1e-3)
    np.testing.assert_array_equal(night, part[0])
    np.testing.assert_array_equal(longer, part[0])


def test_a_line_of_the_mains_stays_where_it_is() -> None:
    part, _ = examples(1, seed=4)
    with_line = part.copy()
    with_line[0, 105] += 15.0
    plain, lined = (as_parts(taught(), rows)[0, :N_BINS] for rows in (part, with_line))
    change = lined - plain
    assert change.argmax() == 105
    assert change[105] > 12
    assert np.abs(np.delete(change, 105)).max() < 3


def test_what_is_unlike_all_parts_of_training_stays_as_it_is() -> None:
    part, _ = examples(1, seed=5)
    far = part.copy()
    far[:, :N_BINS] += 1000.0 * np.log10(HZ).astype(np.float32)
    np.testing.assert_array_equal(as_parts(taught(), far), far)


def test_the_further_from_training_the_less_is_changed() -> None:
    spread = np.array([0.0, FAMILIAR_RMS, (FAMILIAR_RMS + FOREIGN_RMS) / 2, FOREIGN_RMS, 1e9])
    np.testing.assert_allclose(familiarity(spread[:, None] * np.ones(N_FEATURES)), [1, 1, 0.5, 0, 0])
    # A line of the mains, or one band of noise, does not make a night unlike all others.
    one_band = np.zeros((1, N_FEATURES))
    one_band[0, 7] = 1e9
    assert familiarity(one_band) == 1


def test_the_change_is_the_regression_s_as_far_as_the_part_is_familiar() -> None:
    part, _ = examples(200, seed=8)
    ridge = taught().ridge
    z = (features(part) - ridge.middle) / ridge.scale
    share = familiarity(z)
    assert (share == 1).any()
    naive = np.concatenate([np.clip(z, -4, 4), np.ones((200, 1))], axis=1) @ ridge.weight
    np.testing.assert_allclose(ridge.change(part), share[:, None] * naive)


def test_what_counts_nothing_teaches_nothing() -> None:
    part, whole = examples(500, seed=6)
    wrong = np.concatenate([whole, whole + 50])
    counts = np.repeat([1.0, 0.0], 500)
    one, other = Ridge.of_parts(part, whole), Ridge.of_parts(np.concatenate([part, part]), wrong, counts)
    np.testing.assert_allclose(one.change(part), other.change(part), rtol=1e-4, atol=1e-3)


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


@pytest.mark.parametrize("levels", [None, some_levels()], ids=["ridge", "ridge and levels"])
def test_it_comes_back_from_a_file_as_it_was(levels: StageLevels | None, tmp_path: Path) -> None:
    completion = Completion(ridge=taught().ridge, levels=levels)
    completion.save(tmp_path / "completion.npz")
    found = Completion.load(tmp_path / "completion.npz")
    part, _ = examples(3, seed=7)
    np.testing.assert_array_equal(as_parts(found, part), as_parts(completion, part))
    assert (found.levels is None) == (levels is None)
    if found.levels is not None and levels is not None:
        np.testing.assert_array_equal(found.levels.covariance, levels.covariance)


def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "completion.npz"
    with pytest.raises(InputError, match=str(path)):
        Completion.load(path)
    taught().save(path)
    whole = path.read_bytes()
    for content in (b"no arrays at all", b"", whole[:100], whole[:-100], whole[:200] + b"?" + whole[201:]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="cannot be read"):
            Completion.load(path)


@pytest.mark.parametrize("removes_drift", [True, False])
def test_of_a_short_recording_bands_follow_the_levels_as_far_as_asked_and_all_else_the_ridge(
    removes_drift: bool,
) -> None:
    completion = Completion(ridge=taught().ridge, levels=some_levels())
    assert completion.levels is not None
    rng = np.random.default_rng(8)
    signal_uv = (rng.normal(0, 20, (60, 3000)) + 0.01 * np.arange(3000)).astype(np.float32)
    probabilities = rng.dirichlet(np.ones(5), 60)
    own = recording_statistics(signal_uv, removes_drift=removes_drift)
    by_ridge = as_parts(completion, own[None])[0]
    bands = bands_of_bins()
    known = {"removes_drift": removes_drift}
    none, half, full = (
        completion.of_short_recording(own, 60, signal_uv, probabilities, share=share, **known)
        for share in (0.0, 0.5, 1.0)
    )
    np.testing.assert_array_equal(none, by_ridge)
    np.testing.assert_array_equal(full[N_BINS:], by_ridge[N_BINS:])
    np.testing.assert_allclose(half, (none + full) / 2, rtol=1e-5, atol=1e-4)
    assert np.abs((full - none)[:N_BINS] @ bands).max() > 1


def test_the_same_completion_is_the_same_file_whenever_it_is_written(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.npz", "other.npz")]
    for path in paths:
        Completion(ridge=taught().ridge, levels=some_levels()).save(path)
        time.sleep(2.1)  # a zip file's clock knows every other second
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("name", ["ridge.weight", "levels.mean"])
@pytest.mark.parametrize("change", ["missing", "of another shape"])
def test_a_file_of_other_arrays_is_refused(name: str, change: str, tmp_path: Path) -> None:
    path = tmp_path / "completion.npz"
    Completion(ridge=taught().ridge, levels=some_levels()).save(path)
    arrays = dict(np.load(path))
    if change == "missing":
        del arrays[name]
    else:
        arrays[name] = arrays[name][:-1]
    np.savez(path, **arrays)
    with pytest.raises(InputError, match="cannot be read"):
        Completion.load(path)
