"""One stage per epoch, tied to the clock."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import EPOCH_S, N_STAGES, UNSCORED

# EDF's own date for "unknown", also of anonymised files; what begins on it has a time of day, and no date.
UNKNOWN_DATE: Final = date(1985, 1, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Hypnogram:
    """One stage per 30-s epoch.

    Attributes
    ----------
    stage
        Shape ``[N]``, int8: 0–4 are W, N1, N2, N3, R; -1 is unscored. May be given as any whole numbers.
    start
        Local clock time of the first epoch; None where unknown.
    scorer
        Who or what scored it: a file's stem, a model's name.
    notes
        What had to be assumed in reading it, one sentence each; empty where the file said it all.
    """

    stage: NDArray[np.int8]
    start: datetime | None = None
    scorer: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        stage = np.asarray(self.stage)
        is_whole = stage.dtype.kind in "iu" or not stage.size
        if stage.ndim != 1 or not is_whole or bool(np.any((stage < UNSCORED) | (stage >= N_STAGES))):
            fault = f"{stage.dtype} of shape {list(stage.shape)} is no stages, one an epoch"
            raise InputError("Hypnogram", fault, "Give whole numbers, shape [N]: 0 to 4 for W, N1, N2, N3, R, else -1")
        object.__setattr__(self, "stage", stage.astype(np.int8, copy=False))

    def __len__(self) -> int:
        return len(self.stage)

    def __repr__(self) -> str:
        by = f" by {self.scorer}" if self.scorer else ""
        start = f" from {self.start.isoformat()}" if self.start else ""
        return f"<Hypnogram{by}: {len(self)} epochs{start}, {self.is_scored.sum()} scored>"

    @property
    def is_scored(self) -> NDArray[np.bool_]:
        """Shape ``[N]``: True where an epoch has one of the five stages."""
        return np.not_equal(self.stage, UNSCORED)

    def clock_time(self, epoch: int) -> datetime | None:
        """Local clock time at which an epoch begins; None where the start is unknown."""
        return None if self.start is None else self.start + timedelta(seconds=EPOCH_S * epoch)
