"""From a file to epochs, the way every night goes."""

from pathlib import Path

from mc2sleepnet.core.recording import EpochedRecording
from mc2sleepnet.signals.conditioning import check_sampling, to_100_hz
from mc2sleepnet.signals.edf import read_recording
from mc2sleepnet.signals.epochs import cut_epochs


def read_epochs(path: Path, channel: str | None = None) -> EpochedRecording:
    """Read one channel of an EDF file, convert it to 100 Hz and cut it into 30-s epochs.

    Parameters
    ----------
    path
        An EDF or EDF+ file.
    channel
        Its label; None chooses the best EEG channel there is.

    Returns
    -------
    EpochedRecording
        Shape ``[N, 3000]``, µV, a row for every 30 s, a last partial one included.

    Raises
    ------
    InputError
        As `read_recording` and `to_100_hz` do.
    """
    recording = read_recording(path, channel)
    check_sampling(path, recording.channel, recording.sampling_hz)
    return cut_epochs(to_100_hz(recording), recording.sampling_hz)
