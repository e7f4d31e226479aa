"""Randomness as an argument: every draw of a run is keyed by the seed and by what it is for.

A run that was interrupted and resumed draws the same numbers as one that was not, because no draw depends on how
many came before it.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

SEED_BITS = 63


def keyed_seed(seed: int, purpose: str, index: int = 0) -> int:
    """A 63-bit seed for the `index`-th draw made for `purpose` in the run seeded with `seed`."""
    words = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), index]).generate_state(1, np.uint64)
    return int(words[0]) >> (64 - SEED_BITS)


def keyed_generator(seed: int, purpose: str, index: int = 0) -> torch.Generator:
    """A CPU generator seeded by `keyed_seed`."""
    return torch.Generator().manual_seed(keyed_seed(seed, purpose, index))


@contextmanager
def seeded_torch(seed: int, purpose: str, index: int = 0) -> Iterator[None]:
    """Within the block torch's own generators are seeded by `keyed_seed`; afterwards they are as they were.

    Dropout and initialisation accept no generator as an argument; this is how they get one all the same.
    """
    # Of several GPUs of a machine a process uses one; forking the generators of all would warn.
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(keyed_seed(seed, purpose, index))
        yield
