"""A corpus of Sleep-EDF-78's size that lies in memory only: noise made on the device that is measured."""

from pathlib import Path

import numpy as np
import torch

from mc2sleepnet.core.stages import N_STAGES, SAMPLES_PER_EPOCH
from mc2sleepnet.corpora.folds import Fold, sleep_edf_78_fold
from mc2sleepnet.store import Store, StoredRecording
from mc2sleepnet.store.layout import encode_stages
from mc2sleepnet.training.fold_data import FoldData

# The published total, and about what 153 recordings of 78 subjects come to each.
EPOCHS_PER_RECORDING = 195_479 // 153
SCALE_UV, DEVIATION_UV = 0.01, 20.0


def noise_corpus(device: torch.device, *, is_tiny: bool) -> FoldData:
    """Fold 1's training and validation subjects with two nights each, every epoch readable and scored at random."""
    fold = sleep_edf_78_fold(1)
    n_epochs = EPOCHS_PER_RECORDING
    if is_tiny:
        fold = Fold(name="tiny", train=fold.train[:2], validation=fold.validation[:1], test=fold.test[:1])
        n_epochs = 24
    recordings, maps = [], {}
    draw = np.random.default_rng(0)
    for number, (subject, night) in enumerate((s, n) for s in (*fold.train, *fold.validation) for n in (1, 2)):
        uv = torch.randn(n_epochs, SAMPLES_PER_EPOCH, device=device) * DEVIATION_UV
        maps[number] = (uv / SCALE_UV).round().short().cpu().numpy()
        recordings.append(_recording(number, subject, night, draw.integers(0, N_STAGES, n_epochs).astype(np.int8)))
    # The signals are put where the store's memory maps would be: nothing is on a disk.
    store = Store(path=Path("nowhere"), corpus="sleep-edf-78", recordings=tuple(recordings), _maps=maps)
    return FoldData(store=store, fold=fold)


def _recording(number: int, subject: str, night: int, stage: np.ndarray) -> StoredRecording:
    return StoredRecording(
        name=f"noise {number}",
        subject=subject,
        night=night,
        n_epochs=len(stage),
        scale_uv=SCALE_UV,
        n_clipped=0,
        stage=encode_stages(stage),
        is_readable="1" * len(stage),
        start="",
        source_sha256="",
        hypnogram_sha256="",
        signal_sha256=f"noise {number}",
        channel="noise",
        protocol={},
        is_synthetic=True,
        findings=(),
    )
