"""One fold of the shared store, and narrow networks on it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mc2sleepnet.core.model_folder import ENCODER_FILE, SEQUENCE_FILE
from mc2sleepnet.corpora import Fold
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.model.pretraining_network import PretrainingNetwork
from mc2sleepnet.store import Store
from mc2sleepnet.training.finetuning import FinetuneOptions, Finetuning
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
from mc2sleepnet.training.seeding import seeded_torch
from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics

SMALL = NetworkConfig(width=0.125, spectrogram_layers=2, sequence_layers=2)


@pytest.fixture(scope="session")
def fold_data(store_dir: Path) -> FoldData:
    fold = Fold(name="test", train=("0", "1", "2", "3"), validation=("4", "5"), test=("6", "7"))
    return FoldData(store=Store.open(store_dir), fold=fold)


@pytest.fixture(scope="session")
def make_pretraining(fold_data: FoldData) -> Callable[..., Pretraining]:
    def make(config: NetworkConfig = SMALL, **options: object) -> Pretraining:
        with seeded_torch(0, "test"):
            model = PretrainingNetwork(config)
        fit_spectrogram_statistics(model.network.spectrogram, fold_data)
        chosen = PretrainOptions(**options)  # type: ignore[arg-type]
        return Pretraining(model, fold_data, chosen, loop=LoopOptions(batch_sequences=8), keep=lambda *_: None)

    return make


@pytest.fixture(scope="session")
def copying_graphs(trained: Path) -> Callable[[pytest.MonkeyPatch], None]:
    """Give every model folder the graphs of `trained`: for tests of all else, since an export takes ten seconds."""

    def copy(_: object, folder: Path) -> None:
        for name in (ENCODER_FILE, SEQUENCE_FILE):
            shutil.copy(trained / "model" / name, folder / name)

    return lambda patch: patch.setattr("mc2sleepnet.training.model_folder.export_graphs", copy)


@pytest.fixture
def _copied_graphs(copying_graphs: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    copying_graphs(monkeypatch)


@pytest.fixture(scope="session")
def make_finetuning(fold_data: FoldData, make_pretraining: Callable[..., Pretraining]) -> Callable[..., Finetuning]:
    def make(**options: object) -> Finetuning:
        network = make_pretraining().model.network
        chosen = FinetuneOptions(**options)  # type: ignore[arg-type]
        return Finetuning(network, fold_data, chosen, loop=LoopOptions(batch_sequences=8), keep=lambda *_: None)

    return make
