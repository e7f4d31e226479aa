"""How much wake around the night's sleep belongs to a recording: 30 minutes, or what balances the stages."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import EPOCH_S, N_STAGES, UNSCORED, W

WAKE_MINUTES: Final = 30
_WAKE_EPOCHS: Final = WAKE_MINUTES * 60 // EPOCH_S
TRIM_LIMITS: Final = ("scored_sleep", "any_non_wake", "balanced_wake", "none")


def trim_wake(stage: NDArray[np.int8], trim_limits: str = "scored_sleep") -> slice:
    """Epochs of a recording that its protocol keeps.

    The tail of unscored epochs, which Sleep-EDF's files carry to 24 h, is always cut. Sleep-EDF's two published totals
    differ by what then sets the limits, 30 minutes of wake before and after it.

    Parameters
    ----------
    stage
        Shape ``[N]``, codes or -1.
    trim_limits
        ``"scored_sleep"``: 30 minutes around N1, N2, N3 and R; ``"any_non_wake"``: around whatever is not W, movement
        and ``?`` included; ``"balanced_wake"``: wake before and after sleep is cut, as evenly as it goes, until W is
        no larger than the largest other stage (SleepTransformer's rule for SHHS; which end to cut from is ours);
        ``"none"``: everything between the first and the last scored epoch.

    Returns
    -------
    slice
        Of the epochs to keep; without any sleep, all up to the unscored tail.

    Raises
    ------
    ValueError
        If `trim_limits` is none of these.
    """
    if trim_limits not in TRIM_LIMITS:
        raise ValueError(f"trim_limits is one of {', '.join(TRIM_LIMITS)}, not {trim_limits!r}")
    scored = np.flatnonzero(stage != UNSCORED)
    end = int(scored[-1]) + 1 if len(scored) else 0
    if trim_limits == "none":
        return slice(int(scored[0]) if len(scored) else 0, end)
    is_sleep = stage[:end] != W
    if trim_limits != "any_non_wake":
        is_sleep &= stage[:end] != UNSCORED
    sleep = np.flatnonzero(is_sleep)
    if len(sleep) == 0:
        return slice(0, end)
    first, after = int(sleep[0]), int(sleep[-1]) + 1
    if trim_limits == "balanced_wake":
        return _balanced(stage, first, after)
    return slice(max(0, first - _WAKE_EPOCHS), min(end, after + _WAKE_EPOCHS))


def _balanced(stage: NDArray[np.int8], first: int, after: int) -> slice:
    """Wake around the sleep from `first` to `after` as far as W is no larger than the largest other stage."""
    counts = np.bincount(stage[stage != UNSCORED], minlength=N_STAGES)
    before, behind = np.flatnonzero(stage[:first] == W), after + np.flatnonzero(stage[after:] == W)
    n_around = len(before) + len(behind)
    n_kept = n_around - min(n_around, max(0, int(counts[W] - counts[W + 1 :].max())))
    n_before = min(len(before), max(n_kept - len(behind), (n_kept + 1) // 2))
    n_behind = n_kept - n_before
    return slice(
        int(before[-n_before]) if n_before else first,
        int(behind[n_behind - 1]) + 1 if n_behind else after,
    )
