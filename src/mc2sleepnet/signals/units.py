"""From whatever unit a header names to microvolts."""

import re
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
# What sensors beside the EEG measure in. Whatever else stands in a header may yet be a voltage.
_ANOTHER_QUANTITY: Final = re.compile(
    r"%|°[cf]?|deg[cf]?|rad|[ckgswh]|ms|min|hz|bpm|rpm|lpm|(?:1|events|beats|breaths|tr)?/min|[km]?(?:ohms?|ω)"
    r"|mg|m/s2|g/s|v/s|lux|lx|db|[hk]?pa|m?bar|mmhg|cmh2o|m?l(?:/(?:s|m|min))?|[mµμ]?a"
)
# Scalp EEG asleep lies well within these; volts or millivolts taken for microvolts, and z-scores, do not.
PLAUSIBLE_SD_UV: Final = (2.0, 300.0)
# Where the header names the unit, only what cannot be true is refused: a thousandfold error in either direction.
POSSIBLE_SD_UV: Final = (0.1, 1000.0)
# A kilovolt: no recorder's range, and its square still fits into single precision.
_LARGEST_UV: Final = 1e9
# A share of the night, counted from the end at fault, that must be possible: one with the electrode off is neither
# too weak nor, full of artefacts, too strong.
_POSSIBLE_SHARE: Final = 0.1
# What an electrode that is off leaves of the converter's steps; such a channel is flat, whatever its unit.
_FLAT_STEPS: Final = 16


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
        If the unit is not one of voltage, if no EEG has such an amplitude in that unit, or if the unit is blank or
        unknown and the amplitude is not that of EEG in µV.
    """
    spelling = unit.strip()
    if is_another_quantity(spelling):
        fault = f"channel '{channel}' is in {spelling}, which is no voltage"
        raise InputError(where, fault, "Name an EEG channel with --channel, or correct the unit in the EDF header")
    if is_voltage(spelling):
        factor = 1.0 if spelling.lower() in _MICROVOLTS else _FACTOR_UV[spelling]
        _refuse_beyond_range(where, channel, spelling, signal, factor)
        signal_uv = signal * factor
        _refuse_impossible(where, channel, spelling, signal_uv, sampling_hz)
        if factor == 1:
            return signal_uv.astype(np.float32), ()
        message = f"channel '{channel}' is in {spelling}; multiplied by {factor:g} to give µV"
        return signal_uv.astype(np.float32), (Finding(id="unit-converted", message=message),)
    _refuse_beyond_range(where, channel, spelling, signal, 1.0)
    deviation = typical_deviation(signal, sampling_hz)
    named = f"the unknown unit '{spelling}'" if spelling else "no unit"
    low, high = PLAUSIBLE_SD_UV
    if not low <= deviation <= high:
        fault = f"channel '{channel}' has {named} and a typical deviation of {deviation:.3g}, not that of EEG in µV"
        raise InputError(where, fault, "Write the unit (uV, mV or V) into the EDF header")
    message = f"channel '{channel}' has {named}; µV assumed, as its typical deviation is {deviation:.3g}"
    return signal.astype(np.float32), (Finding(id="unit-assumed", message=message),)


def is_voltage(unit: str) -> bool:
    """Whether a header's unit is one that `to_microvolts` converts."""
    return unit.strip().lower() in _MICROVOLTS or unit.strip() in _FACTOR_UV


def is_another_quantity(unit: str) -> bool:
    """Whether a header's unit is known to be that of something else than a voltage."""
    return not is_voltage(unit) and _ANOTHER_QUANTITY.fullmatch("".join(unit.split()).lower()) is not None


def typical_deviation(signal: NDArray[np.floating], sampling_hz: float) -> float:
    """Median over the 30-s stretches that are not flat of their standard deviation; 0 where all are flat."""
    return float(np.median(_deviations(signal, sampling_hz)))


def _deviations(signal: NDArray[np.floating], sampling_hz: float) -> NDArray[np.float64]:
    """Standard deviation of every 30-s stretch that is whole and not flat; one 0 where there is none."""
    length = max(1, round(EPOCH_S * sampling_hz))
    n_stretches = max(1, len(signal) // length)
    deviations = np.array([part.std() for part in np.array_split(signal, n_stretches)], dtype=np.float64)
    # A gap's NaN leaves its stretch out; so does an electrode that was off.
    deviations = deviations[np.isfinite(deviations) & (deviations > 0)]
    return deviations if len(deviations) else np.zeros(1)


def _refuse_impossible(
    where: Path, channel: str, unit: str, signal_uv: NDArray[np.floating], sampling_hz: float
) -> None:
    """Refuse a signal that no electrode on a scalp can give if its header's unit is true."""
    deviations_uv = _deviations(signal_uv, sampling_hz)
    quiet_uv, lively_uv = np.quantile(deviations_uv, [_POSSIBLE_SHARE, 1 - _POSSIBLE_SHARE])
    low, high = POSSIBLE_SD_UV
    is_weak = 0 < lively_uv < low and len(np.unique(signal_uv[np.isfinite(signal_uv)])) > _FLAT_STEPS
    if is_weak or quiet_uv > high:
        typical_uv = float(np.median(deviations_uv))
        fault = f"channel '{channel}' in {unit} has a typical deviation of {typical_uv:.3g} µV, which no EEG has"
        raise InputError(where, fault, "Correct the unit in the EDF header, or choose another with --channel")


def _refuse_beyond_range(where: Path, channel: str, unit: str, signal: NDArray[np.floating], factor: float) -> None:
    """Refuse what does not stay finite as microvolts in single precision, before anything is computed from it."""
    largest_uv = max(abs(float(np.nanmin(signal))), abs(float(np.nanmax(signal)))) * factor
    if not largest_uv <= _LARGEST_UV:
        fault = f"channel '{channel}' reaches {largest_uv:.3g} µV by its header, in {unit or 'no unit'}"
        raise InputError(where, fault, "Correct the unit or the physical range in the EDF header")
