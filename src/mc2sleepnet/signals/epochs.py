"""A recording at 100 Hz, cut into rows of 30 s of which none is lost."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.recording import EpochedRecording, Finding, Recording, Source
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH, SAMPLING_HZ

# A living scalp never keeps still to half a microvolt for 30 s: the noise of an amplifier alone is as large.
FLAT_UV: Final = 0.5
# Resampling rings where a flat stretch begins or ends, up to this far into the flat epoch beside it.
_RINGING_S: Final = 0.5


def cut_epochs(recording: Recording, source_sampling_hz: float | None = None) -> EpochedRecording:
    """Cut a recording into 30-s epochs, on the grid of its first sample.

    An epoch is ``PARTIAL`` if the recording ends within it, else ``GAP`` if any of its samples was not recorded,
    else ``FLAT`` if all of it but half a second at either end spans less than 0.5 µV, else ``MODEL``: a stager can
    read it.

    Parameters
    ----------
    recording
        At 100 Hz, shape ``[samples]``, NaN in gaps.
    source_sampling_hz
        Rate of the file before it was converted; None if it was 100 Hz.

    Returns
    -------
    EpochedRecording
        Shape ``[ceil(samples / 3000), 3000]``; zeros where nothing was recorded. Finding ``flat`` tells how many
        epochs are.
    """
    assert recording.sampling_hz == SAMPLING_HZ
    n_samples = len(recording.signal_uv)
    n_epochs = -(-n_samples // SAMPLES_PER_EPOCH)
    signal_uv = np.zeros((n_epochs, SAMPLES_PER_EPOCH), dtype=np.float32)
    signal_uv.reshape(-1)[:n_samples] = recording.signal_uv
    is_gap = np.any(np.isnan(signal_uv), axis=1)
    np.nan_to_num(signal_uv, copy=False, nan=0.0)
    source = [
        Source.GAP if gap else Source.FLAT if flat else Source.MODEL
        for gap, flat in zip(is_gap.tolist(), is_flat(signal_uv).tolist(), strict=True)
    ]
    if n_samples % SAMPLES_PER_EPOCH:
        source[-1] = Source.PARTIAL
    findings = list(recording.findings)
    if n_flat := source.count(Source.FLAT):
        message = f"{n_flat} epochs are flat" if n_flat > 1 else "1 epoch is flat"
        findings.append(Finding(id="flat", message=message))
    return EpochedRecording(
        signal_uv=signal_uv,
        source=tuple(source),
        name=recording.name,
        channel=recording.channel,
        channel_reason=recording.channel_reason,
        source_sampling_hz=source_sampling_hz or recording.sampling_hz,
        start=recording.start,
        findings=tuple(findings),
        is_synthetic=recording.is_synthetic,
    )


def is_flat(signal_uv: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Shape ``[N, 3000]`` → ``[N]``: True where an epoch holds no signal, by `cut_epochs`'s rule."""
    margin = round(_RINGING_S * SAMPLING_HZ)
    inner = signal_uv[:, margin:-margin]
    span_uv = np.max(inner, axis=1) - np.min(inner, axis=1)
    return np.asarray(span_uv < FLAT_UV, dtype=np.bool_)
