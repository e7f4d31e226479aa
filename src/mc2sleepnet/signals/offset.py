"""Electrode offsets of recorders that amplify direct current: millivolts, on which the EEG rides."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.recording import Finding

# Recorders with a high-pass leave less than a tenth of this.
_LARGE_UV: Final = 500.0
_BLOCK_S: Final = 10


def without_large_offset(
    signal_uv: NDArray[np.float32], sampling_hz: float, channel: str
) -> tuple[NDArray[np.float32], tuple[Finding, ...]]:
    """Take a large electrode offset and its drift out of a signal, in place.

    The drift is the line through the means of 10-s blocks, so that what is slower than about 0.05 Hz goes and the rest
    stays.

    Parameters
    ----------
    signal_uv
        Shape ``[samples]``, µV, NaN in gaps.
    sampling_hz
        Samples per second.
    channel
        Named in the finding.

    Returns
    -------
    tuple
        The signal, and finding ``offset-removed`` if half of its blocks lie beyond ±500 µV; otherwise it is untouched.
    """
    length = max(1, round(_BLOCK_S * sampling_hz))
    begins = range(0, len(signal_uv), length)
    means = np.array([_mean(signal_uv[at : at + length]) for at in begins])
    is_known = np.isfinite(means)
    typical_uv = float(np.median(np.abs(means[is_known]))) if is_known.any() else 0.0
    if typical_uv <= _LARGE_UV:
        return signal_uv, ()
    centres = np.array([(at + min(at + length, len(signal_uv))) / 2 for at in begins])[is_known]
    for at in begins:
        part = signal_uv[at : at + length]
        part -= np.interp(np.arange(at, at + len(part)), centres, means[is_known]).astype(np.float32)
    message = f"channel '{channel}' lies {typical_uv:.3g} µV off zero; this offset and its drift were removed"
    return signal_uv, (Finding(id="offset-removed", message=message),)


def _mean(part: NDArray[np.float32]) -> float:
    """Mean of what was recorded; NaN where nothing was."""
    recorded = part[np.isfinite(part)]
    return float(recorded.mean(dtype=np.float64)) if len(recorded) else float("nan")
