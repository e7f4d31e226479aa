"""Where a synthetic night's numbers come from: a generator of its own, one thread, a version."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator

# Changes whenever the same seed gives other nights, so that half-made cohorts of two versions never mix.
GENERATOR_VERSION = 1


def night_generator(seed: int, *keys: float | str, device: str = "cpu") -> Generator:
    """Source of randomness that depends on a seed and on what it is for, and on nothing else."""
    digest = hashlib.sha256(repr((seed, *keys)).encode()).digest()
    return torch.Generator(device=device).manual_seed(int.from_bytes(digest[:7], "big"))


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums come out the same to the last bit whatever the number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
