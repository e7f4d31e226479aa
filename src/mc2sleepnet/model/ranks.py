"""Several processes that train one network: which rows of a batch are whose, and how they come together.

Every rank of a `torch.distributed` group draws the same batch, computes its own rows of it, and gathers what comes out,
so that every rank takes the same losses over the whole batch. Gradients of parameters are then *summed* over ranks:
the backward pass of a gather hands each rank the gradient of its own rows, which is its part of the whole gradient.
So two ranks train as one does (docs/decisions/0007-many-ranks.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; alone, all of it costs nothing.

    Attributes
    ----------
    rank
        From 0; rank 0 writes files and speaks.
    world
        How many there are.
    """

    rank: int = 0
    world: int = 1

    @staticmethod
    def current() -> "Ranks":
        """Those of the group this process has joined."""
        if not (dist.is_available() and dist.is_initialized()):
            return Ranks()
        return Ranks(dist.get_rank(), dist.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0

    def sum(self, x: Tensor) -> Tensor:
        """The sum over ranks, with gradients."""
        if self.world == 1:
            return x
        summed: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]
        return summed

    def add_up_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """The gradient of the whole batch on every rank, from each rank's part of it, in one message."""
        if self.world == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def told_by_first(self, what: Any) -> Any:
        """What rank 0 has, on every rank."""
        if self.world == 1:
            return what
        box = [what]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def any(self, answer: bool) -> bool:
        """Whether any rank says yes."""
        if self.world == 1:
            return answer
        answers: list[Any] = [None] * self.world
        dist.all_gather_object(answers, answer)
        return any(answers)

    def wait(self) -> None:
        """Until all ranks have come here."""
        if self.world > 1:
            dist.barrier()


@dataclass(frozen=True)
class Share:
    """A batch of `n_rows` sequences, shared by the ranks in the order of its rows."""

    ranks: Ranks
    n_rows: int

    @property
    def rows_each(self) -> int:
        """Rows of every rank: as many as the rank with the most has."""
        return -(-self.n_rows // self.ranks.world)

    def own(self, rows: Tensor, *, fill: bool | int) -> Tensor:
        """This rank's rows; where the batch does not divide evenly, `fill` in the place of missing ones.

        Shape: [B, ...] → [⌈B / world⌉, ...]
        """
        if self.ranks.world == 1:
            return rows
        first = self.ranks.rank * self.rows_each
        mine = rows[first : first + self.rows_each]
        return torch.cat([mine, rows.new_full((self.rows_each - len(mine), *rows.shape[1:]), fill)])

    def whole(self, own: Tensor) -> Tensor:
        """All ranks' rows, with gradients; filled ones are dropped. Shape: [⌈B / world⌉, ...] → [B, ...]"""
        if self.ranks.world == 1:
            return own
        gathered: Tensor = _Gather.apply(own, self.ranks)  # type: ignore[no-untyped-call]
        return gathered[: self.n_rows]


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, ranks: Ranks) -> Tensor:
        ctx.rank, ctx.n_rows = ranks.rank, len(own)
        parts = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in range(ranks.world)]
        dist.all_gather(parts, own.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        # All ranks hold the same loss of the same gathered rows: nothing has to be sent.
        return gradients[0][ctx.rank * ctx.n_rows : (ctx.rank + 1) * ctx.n_rows], None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        summed = x.clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:  # noqa: ARG004
        # Every rank's outputs depend on every rank's term.
        gradient = gradients[0].clone()
        dist.all_reduce(gradient)
        return gradient
