"""How much wake around the night's sleep belongs to a recording: the field's 30 minutes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import EPOCH_S, UNSCORED, W

WAKE_MINUTES: Final = 30
_WAKE_EPOCHS: Final = WAKE_MINUTES * 60 // EPOCH_S
TRIM_LIMITS: Final = ("scored_sleep", "any_non_wake")


def trim_wake(stage: NDArray[np.int8], trim_limits: str = "scored_sleep") -> slice:
    """Epochs from 30 minutes before the night's sleep to 30 minutes after it.

    The tail of unscored epochs, which Sleep-EDF's files carry to 24 h, is cut first. Two published totals differ
    by what then counts as sleep.

    Parameters
    ----------
    stage
        Shape ``[N]``, codes or -1.
    trim_limits
        ``"scored_sleep"``: N1, N2, N3 and R; ``"any_non_wake"``: whatever is not W, movement and ``?`` included.

    Returns
    -------
    slice
        Of the epochs to keep; without any sleep, all up to the unscored tail.

    Raises
    ------
    ValueError
        If `trim_limits` is neither.
    """
    if trim_limits not in TRIM_LIMITS:
        raise ValueError(f"trim_limits is one of {', '.join(TRIM_LIMITS)}, not {trim_limits!r}")
    scored = np.flatnonzero(stage != UNSCORED)
    end = int(scored[-1]) + 1 if len(scored) else 0
    is_sleep = stage[:end] != W
    if trim_limits == "scored_sleep":
        is_sleep &= stage[:end] != UNSCORED
    sleep = np.flatnonzero(is_sleep)
    if len(sleep) == 0:
        return slice(0, end)
    return slice(max(0, int(sleep[0]) - _WAKE_EPOCHS), min(end, int(sleep[-1]) + 1 + _WAKE_EPOCHS))
