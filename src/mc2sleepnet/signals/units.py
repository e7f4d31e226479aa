"""From whatever unit a header names to microvolts."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.core.stages import EPOCH_S

# µ has two code points (micro sign, Greek mu); volts are spelled in both cases, but M is not milli.
_MICROVOLTS: Final = frozenset({"uv", "\u00b5v", "\u03bcv", "microvolt", "microvolts"})
_FACTOR_UV: Final = {"nV": 1e-3, "nv": 1e-3, "mV": 1e3, "mv": 1e3, "V": 1e6, "v": 1e6}
# Scalp EEG asleep lies well within these; volts or millivolts taken for microvolts, and z-scores, do not.
PLAUSIBLE_SD_UV: Final = (2.0, 300.0)


def to_microvolts(
    where: Path, channel: str, unit: str, signal: NDArray[np.floating], sampling_hz: float
) -> tuple[NDArray[np.float32], tuple[Finding, ...]]:
    """Convert a signal to microvolts; say what was converted or assumed.

    Parameters
    ----------
    where, channel
        Named in the error.
    unit
        The header's physical dimension.
    signal
        Shape ``[samples]``, in `unit`.
    sampling_hz
        Samples per second.

    Returns
    -------
    tuple
        Shape ``[samples]`` in µV, and findings ``unit-converted`` or ``unit-assumed``.

    Raises
    ------
    InputError
        If the unit is blank or unknown and the amplitude is not that of EEG in µV.
    """
    spelling = unit.strip()
    if spelling.lower() in _MICROVOLTS:
        return signal.astype(np.float32), ()
    if spelling in _FACTOR_UV:
        factor = _FACTOR_UV[spelling]
        message = f"channel '{channel}' is in {spelling}; multiplied by {factor:g} to give µV"
        return (signal * factor).astype(np.float32), (Finding(id="unit-converted", message=message),)
    deviation = typical_deviation(signal, sampling_hz)
    named = f"the unknown unit '{spelling}'" if spelling else "no unit"
    low, high = PLAUSIBLE_SD_UV
    if not low <= deviation <= high:
        fault = f"channel '{channel}' has {named} and a typical deviation of {deviation:.3g}, not that of EEG in µV"
        raise InputError(where, fault, "Write the unit (uV, mV or V) into the EDF header")
    message = f"channel '{channel}' has {named}; µV assumed, as its typical deviation is {deviation:.3g}"
    return signal.astype(np.float32), (Finding(id="unit-assumed", message=message),)


def typical_deviation(signal: NDArray[np.floating], sampling_hz: float) -> float:
    """Median over the 30-s stretches that are not flat of their standard deviation; 0 where all are flat."""
    length = max(1, round(EPOCH_S * sampling_hz))
    n_stretches = max(1, len(signal) // length)
    deviations = np.array([part.std() for part in np.array_split(signal, n_stretches)])
    # A gap's NaN leaves its stretch out; so does an electrode that was off.
    deviations = deviations[np.isfinite(deviations) & (deviations > 0)]
    return float(np.median(deviations)) if len(deviations) else 0.0
