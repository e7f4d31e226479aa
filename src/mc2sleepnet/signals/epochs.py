"""A recording at 100 Hz, cut into rows of 30 s of which none is lost."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.dead_stretches import DEAD_SAMPLES, can_be_bridged, is_dead, mostly_dead
from mc2sleepnet.core.recording import EpochedRecording, Finding, Recording, Source
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH, SAMPLING_HZ
from mc2sleepnet.signals.doubts import Doubt

# More flat epochs than this share of those recorded, and the electrode was hardly on.
_MOST: Final = 0.5


def cut_epochs(recording: Recording, source_sampling_hz: float | None = None) -> EpochedRecording:
    """Cut a recording into 30-s epochs, on the grid of its first sample.

    An epoch is ``PARTIAL`` if the recording ends within it, else ``GAP`` if any of its samples was not recorded,
    else ``FLAT`` if more than half of it lies within two seconds that span less than 0.5 µV, else ``MODEL``: a stager
    can read it, dead stretches of half a second and more bridged.

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
        epochs are, ``dead-stretches`` how many others hold some.
    """
    assert recording.sampling_hz == SAMPLING_HZ
    n_samples = len(recording.signal_uv)
    rows = np.full((-(-n_samples // SAMPLES_PER_EPOCH), SAMPLES_PER_EPOCH), np.nan, dtype=np.float32)
    rows.reshape(-1)[:n_samples] = recording.signal_uv
    return label_epochs(recording, rows, source_sampling_hz or recording.sampling_hz)


def label_epochs(recording: Recording, rows: NDArray[np.float32], source_sampling_hz: float) -> EpochedRecording:
    """Say of each epoch whether it can be scored, as `cut_epochs` does.

    Parameters
    ----------
    recording
        At 100 Hz.
    rows
        Shape ``[N, 3000]``: its samples, NaN in gaps and beyond the end; gaps become zeros in place.
    source_sampling_hz
        Rate of the file.
    """
    n_samples = len(recording.signal_uv)
    is_gap = np.isnan(rows.min(axis=1))
    n_beyond = rows.size - n_samples
    # Infinite samples are no signal either; an array may hold them.
    np.nan_to_num(rows, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    is_flat = mostly_dead(rows)
    source = [
        Source.GAP if gap else Source.FLAT if flat else Source.MODEL
        for gap, flat in zip(is_gap.tolist(), is_flat.tolist(), strict=True)
    ]
    if n_beyond:
        source[-1] = Source.PARTIAL
    findings = list(recording.findings)
    n_flat, n_recorded = source.count(Source.FLAT), source.count(Source.FLAT) + source.count(Source.MODEL)
    message = f"{n_flat} epochs are flat" if n_flat > 1 else "1 epoch is flat"
    # Where all are flat nothing is left to accept.
    if n_recorded > n_flat > _MOST * n_recorded:
        message = f"channel '{recording.channel}' is flat in {n_flat} of its {n_recorded} epochs"
        findings.append(Doubt(id="mostly-flat", message=message, remedy="Choose another with --channel"))
    elif n_flat:
        findings.append(Finding(id="flat", message=message))
    findings += _dead_stretches(rows, [here is Source.MODEL for here in source])
    return EpochedRecording(
        signal_uv=rows,
        source=tuple(source),
        name=recording.name,
        channel=recording.channel,
        channel_reason=recording.channel_reason,
        source_sampling_hz=source_sampling_hz,
        start=recording.start,
        findings=tuple(findings),
        is_synthetic=recording.is_synthetic,
        after_header_s=recording.after_header_s,
    )


def _dead_stretches(rows: NDArray[np.float32], is_scored: list[bool]) -> list[Finding]:
    """The finding of that name, if epochs that are scored hold any. Shape: [N, T] µV, N"""
    dead = is_dead(rows) & np.array(is_scored)[:, None]
    # Half of the shortest such stretch: of one across a border the epoch that holds more, none that is merely touched.
    has_dead = np.count_nonzero(dead, axis=1) >= DEAD_SAMPLES // 2
    n, n_left = np.count_nonzero(has_dead), np.count_nonzero(has_dead & ~can_be_bridged(rows, dead))
    if not n:
        return []
    seconds = np.count_nonzero(dead[has_dead]) / SAMPLING_HZ
    message = f"{n} epochs hold" if n > 1 else "1 epoch holds"
    message += f" dead stretches, {f'{seconds:.0f}' if seconds >= 2 else f'{seconds:.1f}'} s in all, and "
    if n_left < n:
        message += f"{'are' if n > 1 else 'is'} scored by the rest of {'their' if n > 1 else 'its'} 30 s"
        message += f", {n_left} of them as recorded, with less than 5 s that are not dead" if n_left else ""
    else:
        message += "hardly anything else: scored as recorded, worthless unless the recorder's steps are coarse"
    return [Finding(id="dead-stretches", message=message)]
