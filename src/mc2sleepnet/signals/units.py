"""From whatever unit a header names to microvolts."""

import math
import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.dead_stretches import RINGING_S
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.core.stages import EPOCH_S
from mc2sleepnet.signals.doubts import Doubt
from mc2sleepnet.signals.quality import FLAT_STEPS

# µ has two code points (micro sign, Greek mu), and is lost altogether where a header was made ASCII by force.
_MICROVOLTS: Final = frozenset(
    {"uv", "\u00b5v", "\u03bcv", "\u00b5volt", "uvolt", "microv", "microvolt", "microvolts", "\u00b5volts", "uvolts"}
)
_FACTOR_OF: Final = {"µV": 1.0, "mV": 1e3, "V": 1e6, "nV": 1e-3}
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
LARGEST_UV: Final = 1e9
# A share of the night, counted from the end at fault, that must be possible: one with the electrode off is neither
# too weak nor, full of artefacts, too strong.
_POSSIBLE_SHARE: Final = 0.1
# What moves by less than this share of the converter's step is the resampler's rounding.
_FLAT_SHARE_OF_STEP: Final = 0.1


def is_voltage(unit: str) -> bool:
    """Whether a header's unit is one that has a factor to microvolts."""
    return _factor_of(unit) is not None


def is_another_quantity(unit: str) -> bool:
    """Whether a header's unit is known to be that of something else than a voltage."""
    return not is_voltage(unit) and _ANOTHER_QUANTITY.fullmatch("".join(unit.split()).lower()) is not None


def factor_to_microvolts(unit: str) -> float | None:
    """Microvolts in one of the header's unit; None where it is no known voltage."""
    return _factor_of(unit)


def deviations(signal: NDArray[np.floating], sampling_hz: float, step: float = 0.0) -> NDArray[np.float64]:
    """Standard deviation of every 30-s stretch that holds signal.

    Parameters
    ----------
    signal
        Shape ``[samples]``; a stretch with NaN is left out.
    sampling_hz
        Samples per second.
    step
        The converter's step in units of the signal: what moves by less is flat and left out.

    Returns
    -------
    NDArray
        Shape ``[stretches]``; one 0 where there is none.
    """
    length = max(1, min(len(signal), round(EPOCH_S * sampling_hz)))
    whole = signal[: len(signal) // length * length].reshape(-1, length)
    # A gap's NaN leaves its stretch out; so does an electrode that was off.
    found = np.array([stretch.std(dtype=np.float64) for stretch in whole])
    # Beside signal, the resampler's filter rings into a stretch that is flat.
    margin = round(RINGING_S * sampling_hz) if length > 2 * math.ceil(RINGING_S * sampling_hz) else 0
    inner = np.array([stretch[margin : length - margin].std(dtype=np.float64) for stretch in whole])
    found = found[np.isfinite(found) & (inner > _FLAT_SHARE_OF_STEP * step)]
    return found if len(found) else np.zeros(1)


def check_voltage(where: Path, channel: str, unit: str, largest: float) -> None:
    """Refuse what no recorder of voltages gives, before anything is computed of it that would overflow.

    Parameters
    ----------
    where, channel
        Named in errors.
    unit
        The header's physical dimension.
    largest
        The signal's largest magnitude in it.

    Raises
    ------
    InputError
        If the unit is known to be no voltage, or the magnitude is not that of any recorder.
    """
    spelling = unit.strip()
    if is_another_quantity(spelling):
        fault = f"channel '{channel}' is in {spelling}, which is no voltage"
        raise InputError(where, fault, "Name an EEG channel with --channel, or correct the unit in the EDF header")
    largest_uv = largest * (_factor_of(spelling) or 1.0)
    if not largest_uv <= LARGEST_UV:
        fault = f"channel '{channel}' reaches {largest_uv:.3g} µV by its header, in {spelling or 'no unit'}"
        raise InputError(where, fault, "Correct the unit or the physical range in the EDF header")


def judge_unit(
    channel: str, unit: str, found: NDArray[np.float64], *, span_steps: float
) -> tuple[float, tuple[Finding, ...]]:
    """Find the factor that makes a signal that passed `check_voltage` microvolts, and what is to be said of it.

    Parameters
    ----------
    channel
        Named in findings.
    unit
        The header's physical dimension.
    found
        Shape ``[stretches]``: `deviations` of the signal in `unit`.
    span_steps
        Steps of the converter that it spans where it moves most; if they are few, it is flat, whatever its unit.

    Returns
    -------
    tuple
        The factor; and findings ``unit-converted`` or ``unit-assumed``, or doubts ``unit-unknown`` and
        ``amplitude-implausible``, each with the factor that holds if they are accepted.
    """
    spelling = unit.strip()
    factor = _factor_of(spelling)
    if factor is None:
        return _assumed(channel, spelling, float(np.median(found)), is_flat=span_steps <= FLAT_STEPS)
    findings = _converted(channel, spelling, factor)
    quiet_uv, lively_uv = np.quantile(found, [_POSSIBLE_SHARE, 1 - _POSSIBLE_SHARE]) * factor
    low, high = POSSIBLE_SD_UV
    if quiet_uv <= high and not (0 < lively_uv < low and span_steps > FLAT_STEPS):
        return factor, findings
    typical = float(np.median(found))
    message = (
        f"channel '{channel}' in {spelling} has a typical deviation of {typical * factor:.3g} µV, which no EEG has"
    )
    fitting = _fitting_unit(typical)
    if fitting:
        message += f"; in {fitting} it would have {typical * _FACTOR_OF[fitting]:.3g} µV"
    remedy = "Correct the unit in the EDF header, choose another with --channel"
    doubt = Doubt(id="amplitude-implausible", message=message, remedy=remedy)
    return (_FACTOR_OF[fitting] if fitting else factor), (*findings, doubt)


def _assumed(channel: str, spelling: str, deviation: float, *, is_flat: bool) -> tuple[float, tuple[Finding, ...]]:
    """What a blank or unknown unit is taken for."""
    named = f"the unknown unit '{spelling}'" if spelling else "no unit"
    low, high = PLAUSIBLE_SD_UV
    if low <= deviation <= high or (is_flat and deviation <= high):
        message = f"channel '{channel}' has {named}; µV assumed, as its typical deviation is {deviation:.3g}"
        return 1.0, (Finding(id="unit-assumed", message=message),)
    message = f"channel '{channel}' has {named} and a typical deviation of {deviation:.3g}, not that of EEG in µV"
    fitting = _fitting_unit(deviation)
    if fitting:
        message += f"; in {fitting} it would have {deviation * _FACTOR_OF[fitting]:.3g} µV"
    remedy = "Write the unit (uV, mV or V) into the EDF header"
    return _FACTOR_OF.get(fitting, 1.0), (Doubt(id="unit-unknown", message=message, remedy=remedy),)


def _converted(channel: str, spelling: str, factor: float) -> tuple[Finding, ...]:
    if factor == 1:
        return ()
    message = f"channel '{channel}' is in {spelling}; multiplied by {factor:g} to give µV"
    return (Finding(id="unit-converted", message=message),)


def _fitting_unit(deviation: float) -> str:
    """The unit in which a deviation is that of EEG; "" if there is none."""
    low, high = PLAUSIBLE_SD_UV
    return next((unit for unit, factor in _FACTOR_OF.items() if low <= deviation * factor <= high), "")


def _factor_of(unit: str) -> float | None:
    # Volts are spelled in both cases, but M is not milli.
    spelling = "".join(unit.split())
    if spelling.lower() in _MICROVOLTS:
        return 1.0
    return _FACTOR_OF.get(spelling[:-1] + "V" if spelling[-1:] in {"v", "V"} else spelling)
