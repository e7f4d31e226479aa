"""Random numbers by row: SplitMix64 to the bit, and rows that do not know of each other."""

import numpy as np
import pytest
import torch

from mc2sleepnet.training.row_generator import RowGenerator, keys_of_examples


def splitmix64(key: int, n: int) -> list[int]:
    """The published algorithm, in numbers that cannot overflow."""
    words, word_of_64 = [], (1 << 64) - 1
    for _ in range(n):
        key = (key + 0x9E3779B97F4A7C15) & word_of_64
        word = key
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & word_of_64
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & word_of_64
        words.append(word ^ (word >> 31))
    return words


def test_a_rows_numbers_are_those_of_splitmix64() -> None:
    keys = [0, 1, 1234567, 2**62 - 1]
    generator = RowGenerator(torch.tensor(keys))
    found = torch.cat([generator.bits(3), generator.bits(4)], dim=1).numpy().astype(np.uint64)
    assert found.tolist() == [splitmix64(key, 7) for key in keys]
    assert splitmix64(1234567, 2) == [6457827717110365317, 3203168211198807973]  # as other implementations print


def test_a_row_draws_the_same_whatever_rows_are_beside_it_and_however_it_is_asked() -> None:
    keys = torch.randint(2**62, (9,), generator=torch.Generator().manual_seed(1))
    whole, part = RowGenerator(keys), RowGenerator(keys[[7, 2]])
    for _ in range(2):
        assert whole.normal(5)[[7, 2]].equal(part.normal(5))
        assert whole.uniform(3)[[7, 2]].equal(part.uniform(3))


def test_uniform_and_normal_numbers_are_what_they_are_called() -> None:
    generator = RowGenerator(torch.arange(200))  # neighbouring keys, the hardest
    uniform, normal = generator.uniform(1000).double(), generator.normal(1001).double()
    assert bool(((uniform >= 0) & (uniform < 1)).all())
    for numbers, mean, variance, fourth in ((uniform, 0.5, 1 / 12, 1 / 80), (normal, 0, 1, 3)):
        centred = numbers - mean
        assert float(centred.mean()) == pytest.approx(0, abs=0.01)
        assert float(centred.square().mean()) == pytest.approx(variance, rel=0.02)
        assert float(centred.pow(4).mean()) == pytest.approx(fourth, rel=0.05)
        between_rows, between_draws = torch.corrcoef(centred), torch.corrcoef(centred[:, :300].T)
        for found, n in ((between_rows, numbers.shape[1]), (between_draws, 200)):
            others = found[~torch.eye(len(found), dtype=torch.bool)]
            assert float(others.square().mean()) == pytest.approx(1 / n, rel=0.1)  # as of independent numbers


def test_keys_are_of_the_seed_and_the_step() -> None:
    like = torch.zeros(3, 4)

    def keys(seed: int, step: int) -> torch.Tensor:
        return keys_of_examples(like, seed=seed, purpose="augmentation", step=step)

    assert keys(1, 2).equal(keys(1, 2))
    together = torch.cat([keys(1, 2), keys(1, 3), keys(2, 2)]).flatten().tolist()
    assert len(set(together)) == 36
