"""A random generator for every row of a batch, on the device of the batch.

What a row draws depends on its key alone: not on the other rows, so that ranks may share a batch in any way, and not on
the device. Torch's own generators give one stream to a whole tensor.
"""

import math

import torch
from torch import Tensor

from mc2sleepnet.training.seeding import keyed_generator


def _signed(word: int) -> int:
    """A 64-bit word as torch's int64 holds it."""
    return word - (1 << 64) if word >> 63 else word


# SplitMix64: the step of its counter, and the multipliers of its mixing. Source: Steele, Lea, Flood, "Fast splittable
# pseudorandom number generators", OOPSLA 2014.
STEP = _signed(0x9E3779B97F4A7C15)
FIRST_MULTIPLIER, SECOND_MULTIPLIER = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)
UNIFORM_BITS = 24


def keys_of_examples(like: Tensor, *, seed: int, purpose: str, step: int) -> Tensor:
    """A key for every epoch of a batch in a step. Shape: [B, L] → [B, L], int64, on the CPU"""
    return torch.randint(2**62, like.shape, generator=keyed_generator(seed, purpose, step))


class RowGenerator:
    """As many streams of random numbers as there are keys: SplitMix64, its n-th number computed from n.

    Parameters
    ----------
    keys
        Shape ``[N]``, int64: equal keys draw equal numbers.
    """

    def __init__(self, keys: Tensor) -> None:
        self._keys, self._n_drawn = keys, 0

    def bits(self, n: int = 1) -> Tensor:
        """The next `n` numbers of every row. Shape: [] → [N, n], int64, all 64 bits random"""
        place = torch.arange(self._n_drawn + 1, self._n_drawn + n + 1, device=self._keys.device)
        self._n_drawn += n
        word = self._keys[:, None] + place * STEP
        word = (word ^ _shifted(word, 30)) * FIRST_MULTIPLIER
        word = (word ^ _shifted(word, 27)) * SECOND_MULTIPLIER
        return word ^ _shifted(word, 31)

    def uniform(self, n: int = 1) -> Tensor:
        """Numbers in [0, 1). Shape: [] → [N, n], float32"""
        return _shifted(self.bits(n), 64 - UNIFORM_BITS).float() * 2.0**-UNIFORM_BITS

    def normal(self, n: int = 1) -> Tensor:
        """Standard normal numbers, by Box and Muller's transform; none beyond 5.8. Shape: [] → [N, n], float32"""
        half = -(-n // 2)
        radius = (-2 * torch.log(1 - self.uniform(half))).sqrt()
        angle = 2 * math.pi * self.uniform(half)
        return torch.cat([radius * angle.cos(), radius * angle.sin()], dim=1)[:, :n]


def _shifted(word: Tensor, by: int) -> Tensor:
    """Shifted right, zeros coming in: torch's own shift brings in the sign."""
    return (word >> by) & ((1 << (64 - by)) - 1)
