"""Dropout that is keyed by where an example stands in the batch, not by which rank computes it.

A batch of sequences is cut into blocks of neighbouring rows, each with a generator of its own. A rank draws for the
blocks its rows lie in and keeps what is its own; so the numbers are the same however many ranks there are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

Rows = Literal["epochs", "sequences"]


@dataclass(frozen=True)
class Block:
    """Neighbouring rows of a batch that share a generator.

    Attributes
    ----------
    generator
        On the device of training.
    n_rows
        Rows of the block, of each kind: sequences, and valid epochs within them.
    own
        Which of them are this rank's, of each kind.
    """

    generator: torch.Generator
    n_rows: dict[Rows, int]
    own: dict[Rows, slice] = field(default_factory=dict)


_blocks: ContextVar[list[Block] | None] = ContextVar("dropout blocks", default=None)


@contextmanager
def dropout_draws_from(blocks: list[Block]) -> Iterator[None]:
    """Within the block `Dropout` draws from these generators instead of torch's own."""
    token = _blocks.set(blocks)
    try:
        yield
    finally:
        _blocks.reset(token)


class Dropout(nn.Module):
    """Dropout on rows that are epochs, or sequences.

    Shape: [M, ...] → [M, ...]

    Parameters
    ----------
    p
        Share of elements set to zero; the others are scaled by 1 / (1 − p).
    rows
        What the first dimension counts.
    """

    def __init__(self, p: float, *, rows: Rows) -> None:
        super().__init__()
        self.p, self.rows = p, rows

    def forward(self, x: Tensor) -> Tensor:
        # A generator that is given as an argument would break a compiled graph: there torch's own draws.
        if not self.training or self.p == 0 or torch.compiler.is_compiling():
            return nn.functional.dropout(x, self.p, self.training)
        blocks = _blocks.get()
        if blocks is None:
            return nn.functional.dropout(x, self.p, self.training)
        is_kept = torch.cat([self._draw(x, block) for block in blocks])
        assert len(is_kept) == len(x)
        return x * is_kept.mul_(1 / (1 - self.p))

    def _draw(self, x: Tensor, block: Block) -> Tensor:
        drawn = torch.empty(block.n_rows[self.rows], *x.shape[1:], dtype=x.dtype, device=x.device)
        return drawn.bernoulli_(1 - self.p, generator=block.generator)[block.own[self.rows]]
