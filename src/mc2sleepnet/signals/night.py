"""From a file to epochs, the way every night goes."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.recording import EpochedRecording, Recording
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH, SAMPLING_HZ
from mc2sleepnet.signals.channels import Channel
from mc2sleepnet.signals.doubts import check_accepted, settle
from mc2sleepnet.signals.edf import OpenFile, open_file, read_lines
from mc2sleepnet.signals.epochs import label_epochs


def read_epochs(path: Path, channel: str | None = None, *, accept: Collection[str] = ()) -> EpochedRecording:
    """Read one channel of an EDF or BDF file, convert it to 100 Hz and cut it into 30-s epochs.

    Parameters
    ----------
    path
        An EDF, EDF+, BDF or BDF+ file.
    channel
        Its label; None chooses the best EEG channel there is.
    accept
        Ids of the doubts to pass over (`doubts.ACCEPTABLE`).

    Returns
    -------
    EpochedRecording
        Shape ``[N, 3000]``, µV, a row for every 30 s, a last partial one included.

    Raises
    ------
    InputError
        If the file cannot be opened, is not EDF, lacks the channel, or is shorter than an epoch.
    DoubtError
        If it is doubtful in a way that would change stages, and that is not among `accept`.
    """
    return read_channels(path, () if channel is None else (channel,), accept=accept)[0]


def read_channels(
    path: Path, channels: Sequence[str] = (), *, accept: Collection[str] = ()
) -> tuple[EpochedRecording, ...]:
    """Read several channels of a file in one walk through it.

    Parameters
    ----------
    path
        An EDF, EDF+, BDF or BDF+ file.
    channels
        Their labels; none for the best EEG channel there is.
    accept
        Ids of the doubts to pass over (`doubts.ACCEPTABLE`).

    Returns
    -------
    tuple
        One `EpochedRecording` for each channel, in the order asked for, on the same grid of epochs.

    Raises
    ------
    InputError, DoubtError
        As `read_epochs`, at the first channel at fault.
    """
    check_accepted(accept)
    file = open_file(path)
    chosen = [file.channel(wanted) for wanted in dict.fromkeys(channels)] or [file.channel(None)]
    return tuple(replace(epochs, findings=settle(path, epochs.findings, accept)) for epochs in epochs_of(file, chosen))


def epochs_of(file: OpenFile, channels: Sequence[Channel]) -> tuple[EpochedRecording, ...]:
    """Epochs of channels of an open file, doubts among their findings."""
    recordings = read_lines(file, channels, to_hz=Fraction(SAMPLING_HZ))
    signals = file.header.ordinary
    return tuple(
        label_epochs(recording, _rows(recording), float(signals[channel.plus].sampling_hz))
        for recording, channel in zip(recordings, channels, strict=True)
    )


def _rows(recording: Recording) -> NDArray[np.float32]:
    """A recording's samples in rows of epochs: where they lie, if their memory has room for whole ones."""
    signal, n_samples = recording.signal_uv, len(recording.signal_uv)
    size = -(-n_samples // SAMPLES_PER_EPOCH) * SAMPLES_PER_EPOCH
    base = signal.base
    if isinstance(base, np.ndarray) and base.ndim == 1 and base.size == size:
        return base.reshape(-1, SAMPLES_PER_EPOCH)
    rows = np.full(size, np.nan, np.float32)
    rows[:n_samples] = signal
    return rows.reshape(-1, SAMPLES_PER_EPOCH)
