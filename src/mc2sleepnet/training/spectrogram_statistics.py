"""Mean and deviation of the spectrogram's bins, from the training epochs of a fold and from nothing else."""

import numpy as np
import torch
from numpy.typing import NDArray

from mc2sleepnet.core.progress import Advance
from mc2sleepnet.core.slow_drift import drift_free
from mc2sleepnet.model.spectrogram import Spectrogram
from mc2sleepnet.training.fold_data import FoldData

EPOCHS_PER_CALL = 256


def fit_spectrogram_statistics(
    spectrogram: Spectrogram,
    data: FoldData,
    advance: Advance = lambda *_: None,
    *,
    removes_drift: bool = False,
    epochs: NDArray[np.int64] | None = None,
) -> list[str]:
    """Set mean and deviation per frequency bin.

    Parameters
    ----------
    spectrogram
        Gets them.
    data
        Store and fold.
    advance
        Told how many epochs are done.
    removes_drift
        Whether the network reads epochs without slow drift.
    epochs
        Which training epochs; None for all that are readable.

    Returns
    -------
    list of str
        The subjects they came from, for provenance.

    Raises
    ------
    LeakError
        If an epoch is not of a training subject.
    """
    if epochs is None:
        epochs = data.epochs(data.training)
        epochs = epochs[data.store.is_readable[epochs]]
    n_frames, total, total_of_squares = (
        0,
        torch.zeros((), dtype=torch.float64),
        torch.zeros((), dtype=torch.float64),
    )
    for start in range(0, len(epochs), EPOCHS_PER_CALL):
        indices = epochs[start : start + EPOCHS_PER_CALL]
        own_uv = data.signal_uv(indices, "training", margin=spectrogram.margin_samples)
        signal_uv = torch.from_numpy(drift_free(own_uv) if removes_drift else own_uv)
        decibels = spectrogram.decibels(signal_uv.to(spectrogram.cosines.device)).double().flatten(0, 1)
        n_frames += len(decibels)
        total = total + decibels.sum(dim=0)
        total_of_squares = total_of_squares + decibels.square().sum(dim=0)
        advance(start + len(indices), len(epochs), "statistics of the training epochs")
    mean = total / n_frames
    spectrogram.mean_db.copy_(mean)
    spectrogram.deviation_db.copy_((total_of_squares / n_frames - mean.square()).clamp(min=0).sqrt())
    recordings = np.unique(data.store.recording_of(epochs)).tolist()
    return sorted({data.store.recordings[index].subject for index in recordings})
