"""Where in the night an epoch stands: how far sleep has come, and how long REM has been waiting."""

from bisect import bisect_right
from typing import Final

# Sixths of the sleep period: about 80 min each, the length of a sleep cycle.
CLOCK_EDGES: Final = (1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6)
N_CLOCK_BINS: Final = len(CLOCK_EDGES) + 1

# Epochs since REM last ended, or since sleep onset: 5 min, 30 min, 60 min, 90 min.
PRESSURE_EDGES: Final = (10, 60, 120, 180)
N_PRESSURE_BINS: Final = len(PRESSURE_EDGES) + 1


def clock_bin(share_of_sleep_period: float) -> int:
    """Sixth of the sleep period, 0–5, that a moment belongs to."""
    return bisect_right(CLOCK_EDGES, share_of_sleep_period)


def pressure_bin(epochs_since_rem: float) -> int:
    """Class 0–4 of the time since REM last ended (sleep onset counts as its end)."""
    return bisect_right(PRESSURE_EDGES, epochs_since_rem)
