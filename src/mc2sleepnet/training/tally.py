"""What the steps since the last validation have told, read as late as may be: a GPU should not wait for the host."""

import math
from collections import Counter, deque
from typing import NamedTuple

from torch import Tensor

from mc2sleepnet.training.update import Told

SMOOTHING = 0.2


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
    loss, terms
        Of the last step that was read.
    seconds_a_step
        Smoothed over the last steps; not a number before the first.
    """

    def __init__(self, sums: Counter[str], n_summed: int) -> None:
        self.sums, self.n_summed, self.loss = sums, n_summed, math.nan
        self.terms: dict[str, float] = {}
        self.seconds_a_step = math.nan
        self._unread: deque[Taken] = deque()

    def add(self, taken: Taken) -> None:
        """Remember a step."""
        self._unread.append(taken)

    def spent(self, seconds: float) -> None:
        """On the step in hand."""
        self.sums.update({"seconds": seconds})
        before = seconds if math.isnan(self.seconds_a_step) else self.seconds_a_step
        self.seconds_a_step = before + SMOOTHING * (seconds - before)

    def read(self, n_left: int) -> Taken | None:
        """Read all but the last `n_left` steps; the first whose loss or gradient was not finite, and no more."""
        while len(self._unread) > n_left:
            taken = self._unread.popleft()
            self.loss, self.terms = taken.told.read()
            if not math.isfinite(self.loss):
                return taken
            self.sums.update(self.terms | {"loss": self.loss})
            self.n_summed += 1
        return None

    def means(self) -> dict[str, float]:
        """Over the steps; begins anew."""
        means = {name: total / self.n_summed for name, total in self.sums.items()}
        self.sums, self.n_summed = Counter(), 0
        return means

    def to_text(self, judged: str, n_epochs: int) -> str:
        """The last step's loss, the judged figure, epochs/s, and what the loss is made of if it is of several kinds.

        The last is cut where a terminal is narrow. Cross-entropies are told as one.
        """
        kinds = Counter[str]()
        for name, value in self.terms.items():
            kinds[name.partition("_")[0]] += value  # type: ignore[assignment]
        made_of = " ".join(f"{kind} {value:.2f}" for kind, value in kinds.items()) if len(kinds) > 1 else ""
        told = (f"loss {self.loss:.2f}", judged, f"{n_epochs / self.seconds_a_step:,.0f} epochs/s", made_of)
        return " · ".join(part for part in told if part)
