"""Statistics of random parts: each sequence gets those of one that has its epochs, and holes where it has not."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mc2sleepnet.core.recording_statistics import recording_statistics
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.recipes import finetune_fold, pretrain_fold
from mc2sleepnet.store import Store
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.recording_parts import N_STRETCHES, SHORTEST_EPOCHS, recording_parts
from mc2sleepnet.training.seeding import keyed_generator


@pytest.fixture(scope="module")
def data(store_dir: Path) -> FoldData:
    fold = Fold(name="test", train=("0", "1", "2", "3"), validation=("4", "5"), test=("6", "7"))
    return FoldData(store=Store.open(store_dir), fold=fold)


def test_the_whole_recording_gives_what_scoring_computes(data: FoldData) -> None:
    parts = recording_parts(data, [1], kind="recording", seed=0)
    epochs = data.store.epochs_of(1)
    own = recording_statistics(data.store.signal_uv(epochs[data.store.is_readable[epochs]]))
    indices = torch.from_numpy(epochs[None, :16])
    kept, drawn = parts.draw(indices, keyed_generator(0, "test"))
    np.testing.assert_array_equal(drawn[0].numpy(), own)
    assert torch.equal(kept, indices)


def test_stretches_have_the_whole_sequence_and_choices_of_stages_leave_holes(data: FoldData) -> None:
    parts = recording_parts(data, [0, 2], kind="random", seed=0)
    assert (parts.is_in[2].sum(1) >= SHORTEST_EPOCHS).all()
    first = int(data.store.first_epoch[2])
    sequence = np.r_[np.arange(first + 50, first + 60), [-1] * 6]
    kept, drawn = parts.draw(torch.from_numpy(sequence[None].repeat(300, 0)), keyed_generator(1, "test"))
    seen = set()
    for row, statistics in zip(kept.numpy(), drawn.numpy(), strict=True):
        part = int(np.flatnonzero((parts.statistics[2] == statistics).all(1))[0])
        seen.add(part)
        expected = np.where(parts.is_in[2][part, 50:60], sequence[:10], -1)
        np.testing.assert_array_equal(row, np.r_[expected, [-1] * 6])
        if part <= N_STRETCHES:
            assert (row[:10] >= 0).all()
    assert len(seen) > 1
    assert 0 in seen


def test_both_phases_train_and_score_with_recording_statistics(store_dir: Path, tmp_path: Path) -> None:
    loop = ["max_steps=4", "validate_every_steps=2", "batch_sequences=8", "statistics_window=random"]
    shape = ["width=0.125", "spectrogram_layers=1", "sequence_layers=1"]
    norm = ["spectrogram_norm=recording+gain+training", "signal_norm=recording"]
    options = {"fold": 1, "preset": "paper", "resume": False}
    pretrain_fold(store_dir, tmp_path / "pretrain", assignments=loop + shape + norm, **options)
    finetune_fold(store_dir, tmp_path / "pretrain", tmp_path / "model", assignments=loop, **options)
    assert (tmp_path / "model" / "encoder.onnx").exists()
