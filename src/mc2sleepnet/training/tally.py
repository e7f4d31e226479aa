"""What the steps since the last validation have told, read as late as may be: a GPU should not wait for the host."""

import math
from collections import Counter, deque
from typing import NamedTuple

from torch import Tensor

from mc2sleepnet.training.update import Told


class Taken(NamedTuple):
    """A step that was taken: its number, from 1, its batch's epochs [B, L], and what it tells."""

    step: int
    indices: Tensor
    told: Told


class Tally:
    """Sums of losses and times since the last validation.

    Attributes
    ----------
    sums, n_summed
        By name, over so many steps; complete only where every step is read.
    loss
        Of the last step that was read.
    """

    def __init__(self, sums: Counter[str], n_summed: int) -> None:
        self.sums, self.n_summed, self.loss = sums, n_summed, math.nan
        self._unread: deque[Taken] = deque()

    def add(self, taken: Taken) -> None:
        """Remember a step."""
        self._unread.append(taken)

    def spent(self, seconds: float) -> None:
        """On the step in hand."""
        self.sums.update({"seconds": seconds})

    def read(self, n_left: int) -> Taken | None:
        """Read all but the last `n_left` steps; the first whose loss or gradient was not finite, and no more."""
        while len(self._unread) > n_left:
            taken = self._unread.popleft()
            self.loss, terms = taken.told.read()
            if not math.isfinite(self.loss):
                return taken
            self.sums.update(terms | {"loss": self.loss})
            self.n_summed += 1
        return None

    def means(self) -> dict[str, float]:
        """Over the steps; begins anew."""
        means = {name: total / self.n_summed for name, total in self.sums.items()}
        self.sums, self.n_summed = Counter(), 0
        return means
