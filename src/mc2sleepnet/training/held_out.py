"""The test subjects of a fold, scored once by the finished network, through the path that validates and that scores."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import atomic_path
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.evaluation.tested import HeldOutRecording
from mc2sleepnet.inference import Aggregation, Stager, score_night, stages_of
from mc2sleepnet.metrics.agreement import confusion_matrix
from mc2sleepnet.store import Store

HYPNODENSITIES_FILE = "hypnodensities.npz"
_LOG_PROBABILITIES, _REFERENCE = "log_probabilities/", "reference/"


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredNight:
    """One held-out recording's hypnodensity beside its reference.

    Attributes
    ----------
    name, subject
        As the store names them.
    log_probabilities
        Shape ``[N, 5]``, float32, before calibration; NaN where nothing was recorded.
    reference
        Shape ``[N]``, int8: 0-4, or -1 where unscored.
    """

    name: str
    subject: str
    log_probabilities: NDArray[np.float32]
    reference: NDArray[np.int8]

    def counted(self, fold: int) -> HeldOutRecording:
        """Its counts: the likeliest stage of every epoch against the reference."""
        return HeldOutRecording(
            name=self.name,
            subject=self.subject,
            fold=fold,
            n_epochs=len(self.reference),
            n_reference_scored=int(np.count_nonzero(self.reference != UNSCORED)),
            confusion=confusion_matrix(self.reference, stages_of(self.log_probabilities.astype(np.float64))),
        )


def score_held_out(
    stager: Stager,
    store: Store,
    subjects: Sequence[str],
    *,
    stride: int,
    aggregation: Aggregation = "average",
    advance: Advance = lambda *_: None,
) -> list[ScoredNight]:
    """Score every epoch of some subjects' recordings."""
    indices = store.recordings_of(subjects).tolist()
    nights = []
    for done, index in enumerate(indices, start=1):
        epochs, recording = store.epochs_of(index), store.recordings[index]
        log_probabilities = score_night(
            stager, store.signal_uv(epochs), store.is_readable[epochs], stride=stride, aggregation=aggregation
        )
        nights.append(
            ScoredNight(
                name=recording.name,
                subject=recording.subject,
                log_probabilities=log_probabilities.astype(np.float32),
                reference=store.stage[epochs],
            )
        )
        advance(done, len(indices), recording.name)
    return nights


def write_hypnodensities(nights: Sequence[ScoredNight], path: Path) -> None:
    """Write all of them, all or nothing, so that later tests need no training."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for night in nights:
        arrays[_LOG_PROBABILITIES + night.name] = night.log_probabilities
        arrays[_REFERENCE + night.name] = night.reference
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def read_hypnodensities(path: Path) -> dict[str, tuple[NDArray[np.float32], NDArray[np.int8]]]:
    """Log-probabilities [N, 5] and reference [N] by recording, as `write_hypnodensities` left them.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = [key.removeprefix(_REFERENCE) for key in arrays.files if key.startswith(_REFERENCE)]
            return {name: (arrays[_LOG_PROBABILITIES + name], arrays[_REFERENCE + name]) for name in names}
    except Exception as error:
        raise InputError(path, "is damaged, or cannot be opened", "Run the experiment again with --resume") from error
