"""The figures a sleep report opens with."""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import EPOCH_S, N1, N2, STAGES, UNSCORED, R, W

EPOCH_MIN = EPOCH_S / 60
SLEEP_STAGES = range(N1, R + 1)
STATISTICS = (
    *("tib_min", "tst_min", "se_percent", "sol_min", "spt_min", "sme_percent", "waso_min", "final_wake_min"),
    *("rem_latency_onset_min", "rem_latency_n2_min"),
    *(f"{name.lower()}_min" for name in STAGES),
    *("w_percent_of_tib", *(f"{STAGES[code].lower()}_percent_of_tst" for code in SLEEP_STAGES)),
    *("unscored_min", "transitions"),
)


def sleep_statistics(
    hypnogram: Hypnogram, *, lights_off_epoch: int = 0, lights_on_epoch: int | None = None
) -> dict[str, float | int | None]:
    """Sleep statistics between lights off and lights on.

    Definitions are the AASM manual's as YASA computes them (Vallat and Walker 2021), in minutes or percent:

    ========================== ==========================================================================
    ``tib_min``                time in bed: lights off to lights on, unscored and partial epochs included
    ``tst_min``                total sleep time: N1 + N2 + N3 + R
    ``se_percent``             sleep efficiency: TST / TIB
    ``sol_min``                sleep onset latency: lights off to the first epoch of any sleep
    ``spt_min``                sleep period: first to last epoch of sleep
    ``sme_percent``            sleep maintenance efficiency: TST / sleep period
    ``waso_min``               wake within the sleep period
    ``final_wake_min``         wake after it; the AASM manual's WASO is ``waso_min + final_wake_min``
    ``rem_latency_onset_min``  first sleep to first R
    ``rem_latency_n2_min``     first N2 to first R; None where R came before N2
    ``w_min`` ... ``r_min``    minutes of each stage
    ``w_percent_of_tib``       share of wake in TIB
    ``n1_percent_of_tst`` ...  share of each sleep stage in TST
    ``unscored_min``           time in bed without a stage
    ``transitions``            changes of stage between neighbouring scored epochs, a count
    ========================== ==========================================================================

    Parameters
    ----------
    hypnogram
        The night.
    lights_off_epoch
        First epoch in bed.
    lights_on_epoch
        First epoch after lights on; None for the end of the hypnogram.

    Returns
    -------
    statistics
        In the order of the table. None where undefined: everything but ``tib_min`` and ``unscored_min`` where
        no epoch is scored; latencies, sleep period, wake around it and shares of TST where there is no sleep;
        REM latencies where there is no R.
    """
    stage = hypnogram.stage[lights_off_epoch:lights_on_epoch]
    minutes = {code: float(np.count_nonzero(stage == code)) * EPOCH_MIN for code in range(len(STAGES))}
    tib_min = len(stage) * EPOCH_MIN
    tst_min = sum(minutes[code] for code in SLEEP_STAGES)
    is_scored = np.not_equal(stage, UNSCORED)
    onset, last_sleep = _first_and_last(stage > W)
    first_n2, _ = _first_and_last(stage == N2)
    first_r, _ = _first_and_last(stage == R)
    spt_min = waso_min = final_wake_min = None
    if onset is not None and last_sleep is not None:
        spt_min = (last_sleep + 1 - onset) * EPOCH_MIN
        waso_min = float(np.count_nonzero(stage[onset:last_sleep] == W)) * EPOCH_MIN
        final_wake_min = float(np.count_nonzero(stage[last_sleep:] == W)) * EPOCH_MIN
    statistics: dict[str, float | int | None] = {
        "tib_min": tib_min,
        "tst_min": tst_min,
        "se_percent": _percent(tst_min, tib_min),
        "sol_min": _minutes_between(0, onset),
        "spt_min": spt_min,
        "sme_percent": _percent(tst_min, spt_min),
        "waso_min": waso_min,
        "final_wake_min": final_wake_min,
        "rem_latency_onset_min": _minutes_between(onset, first_r),
        "rem_latency_n2_min": _minutes_between(first_n2, first_r),
        **{f"{name.lower()}_min": minutes[code] for code, name in enumerate(STAGES)},
        "w_percent_of_tib": _percent(minutes[W], tib_min),
        **{f"{STAGES[code].lower()}_percent_of_tst": _percent(minutes[code], tst_min) for code in SLEEP_STAGES},
        "unscored_min": float(np.count_nonzero(~is_scored)) * EPOCH_MIN,
        "transitions": int(np.count_nonzero(np.diff(stage)[is_scored[1:] & is_scored[:-1]])),
    }
    assert tuple(statistics) == STATISTICS
    if not is_scored.any():
        return {key: statistics[key] if key in {"tib_min", "unscored_min"} else None for key in statistics}
    return statistics


def _first_and_last(is_wanted: NDArray[np.bool_]) -> tuple[int, int] | tuple[None, None]:
    """Indices of the first and last True."""
    where = np.flatnonzero(is_wanted)
    return (int(where[0]), int(where[-1])) if len(where) else (None, None)


def _minutes_between(earlier: int | None, later: int | None) -> float | None:
    """Minutes from one epoch's start to another's; None where either is missing or the order is wrong."""
    if earlier is None or later is None or later < earlier:
        return None
    return (later - earlier) * EPOCH_MIN


def _percent(part: float, whole: float | None) -> float | None:
    """100 x part / whole; None where whole is missing or zero."""
    return 100 * part / whole if whole else None
