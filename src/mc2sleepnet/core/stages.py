"""The five AASM stages, their order, and the geometry of an epoch."""

from typing import Final

STAGES: Final = ("W", "N1", "N2", "N3", "R")
N_STAGES: Final = len(STAGES)
W, N1, N2, N3, R = range(N_STAGES)
UNSCORED: Final = -1
UNSCORED_NAME: Final = "UNS"

EPOCH_S: Final = 30
SAMPLING_HZ: Final = 100
SAMPLES_PER_EPOCH: Final = EPOCH_S * SAMPLING_HZ


def stage_name(stage: int) -> str:
    """Name of a stage code: ``"W"``, ``"N1"``, ``"N2"``, ``"N3"``, ``"R"``, or ``"UNS"`` for ``UNSCORED``."""
    return UNSCORED_NAME if stage == UNSCORED else STAGES[stage]


def stage_code(name: str) -> int:
    """Code of a stage name as `stage_name` writes it.

    Raises
    ------
    ValueError
        If the name is none of W, N1, N2, N3, R, UNS.
    """
    return UNSCORED if name == UNSCORED_NAME else STAGES.index(name)
