import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N3, R, W
from mc2sleepnet.synth import derive_tables
from mc2sleepnet.synth.label_sequences import sample_hypnogram
from mc2sleepnet.synth.reference_tables import hypnogram_table
from mc2sleepnet.synth.traits import sample_night, sample_subject

Stages = NDArray[np.int8]


def draw(seed: int, n_epochs: int = 1500) -> Stages:
    generator = torch.Generator().manual_seed(seed)
    traits = sample_night(sample_subject(generator), generator)
    return sample_hypnogram(n_epochs, generator=generator, traits=traits)


def sleep_period(stage: Stages) -> Stages:
    asleep = np.flatnonzero(stage > W)
    return stage[asleep[0] : asleep[-1] + 1]


def bouts(stage: Stages) -> Iterator[tuple[int, int]]:
    start = 0
    for index in range(1, len(stage) + 1):
        if index == len(stage) or stage[index] != stage[start]:
            yield int(stage[start]), index - start
            start = index


@pytest.fixture(scope="module")
def nights() -> list[Stages]:
    return [sleep_period(draw(seed)) for seed in range(250)]


def test_shares_of_the_stages_are_those_of_real_nights_within_four_points(nights: list[Stages]) -> None:
    shares = np.array([np.bincount(night, minlength=5) / len(night) for night in nights])
    np.testing.assert_allclose(shares.mean(0), hypnogram_table().stage_share_mean, atol=0.04)


def test_nights_differ_from_each_other_about_as_much_as_real_ones(nights: list[Stages]) -> None:
    shares = np.array([np.bincount(night, minlength=5) / len(night) for night in nights])
    ratio = shares.std(0) / hypnogram_table().stage_share_sd
    assert np.all((ratio > 0.6) & (ratio < 1.5)), ratio


def test_transitions_are_those_of_real_nights_within_four_points(nights: list[Stages]) -> None:
    counts = np.zeros((5, 5))
    for night in nights:
        np.add.at(counts, (night[:-1], night[1:]), 1)
    np.testing.assert_allclose(counts / counts.sum(1, keepdims=True), hypnogram_table().epoch_transitions, atol=0.04)


def test_mean_bouts_last_as_long_as_real_ones_within_a_fifth(nights: list[Stages]) -> None:
    lengths: dict[int, list[int]] = {s: [] for s in range(5)}
    for night in nights:
        for stage, length in bouts(night):
            lengths[stage].append(length)
    found = np.array([np.mean(values) for values in lengths.values()])
    np.testing.assert_allclose(found, hypnogram_table().mean_bout_epochs, rtol=0.2)


def test_deep_sleep_comes_early_and_rem_late(nights: list[Stages]) -> None:
    thirds = [np.array_split(night, 3) for night in nights]
    deep = np.array([[np.mean(part == N3) for part in night] for night in thirds]).mean(0)
    rem = np.array([[np.mean(part == R) for part in night] for night in thirds]).mean(0)
    assert deep[0] > 2 * deep[2]
    assert rem[2] > 1.4 * rem[0]


def test_a_day_long_recording_holds_one_night_between_hours_of_wake() -> None:
    stage = draw(3, n_epochs=2400)
    asleep = np.flatnonzero(stage > W)
    assert asleep[0] > 120
    assert len(stage) - asleep[-1] > 120
    assert asleep[-1] - asleep[0] < hypnogram_table().sleep_period_epochs[-1]


@pytest.mark.parametrize("n_epochs", [1, 2, 5, 40, 120, 2880])
def test_every_length_gives_so_many_stages_that_begin_and_end_awake(n_epochs: int) -> None:
    stage = draw(n_epochs, n_epochs)
    assert stage.shape == (n_epochs,)
    assert stage.dtype == np.int8
    assert stage[0] == W
    assert stage[-1] == W
    assert set(stage.tolist()) <= {0, 1, 2, 3, 4}


def test_two_hours_already_hold_rem_in_most_nights() -> None:
    assert np.mean([R in draw(seed, 240) for seed in range(40)]) > 0.6


def test_one_seed_gives_one_hypnogram_and_another_seed_another() -> None:
    np.testing.assert_array_equal(draw(11), draw(11))
    assert np.any(draw(11) != draw(12))


def test_the_tables_are_what_their_script_derives_from_the_real_nights(real_data: Path, tmp_path: Path) -> None:
    shipped = Path(derive_tables.__file__).with_name("tables")
    derive_tables.main(real_data, tmp_path)
    for name in ("hypnogram.json", "band_powers.json"):
        derived = json.loads((tmp_path / name).read_text(encoding="utf-8"))
        assert_close(derived, json.loads((shipped / name).read_text(encoding="utf-8")))


def assert_close(found: object, expected: object) -> None:
    if isinstance(expected, dict):
        assert isinstance(found, dict)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_close(found[key], value)
    elif isinstance(expected, list) and expected and not isinstance(expected[0], str):
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), atol=2e-3)
    else:
        assert found == expected
