"""Training epochs on the device, and read from the host: the same bits, the same weights, the same locked door."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import file_sha256
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.training import training_signals as module
from mc2sleepnet.training.cached_tokens import CachedTokens
from mc2sleepnet.training.finetune import finetune
from mc2sleepnet.training.finetuning import FinetuneOptions
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.leaks import LeakError
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.pretrain import pretrain
from mc2sleepnet.training.pretraining import PretrainOptions
from mc2sleepnet.training.training_signals import SignalsOnDevice, SignalsOnHost, training_signals

CPU = torch.device("cpu")


def some_epochs(data: FoldData) -> torch.Tensor:
    """Sequences in no order, with repeats, padding, and both ends of a recording."""
    epochs = np.random.default_rng(0).choice(data.epochs(data.training), size=(6, 5))
    epochs[0, :2] = -1
    epochs[1, 0], epochs[1, 1] = data.epochs(data.training)[0], data.epochs([data.training[0]])[-1]
    return torch.from_numpy(epochs)


@pytest.mark.parametrize("margin", [0, 50])
def test_epochs_gathered_and_scaled_on_the_device_are_the_stores_to_the_bit(fold_data: FoldData, margin: int) -> None:
    store = fold_data.store
    # Every recording in steps of its own.
    unlike = [replace(one, scale_uv=0.0061 / (number + 1)) for number, one in enumerate(store.recordings)]
    data = replace(fold_data, store=replace(store, recordings=tuple(unlike)))
    epochs = some_epochs(data)
    found = SignalsOnDevice(data, margin=margin, device=CPU).of(epochs)
    expected = torch.from_numpy(data.signal_uv(epochs.numpy(), "training", margin=margin))
    assert found.shape == (6, 5, 3000 + 2 * margin)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)
    assert torch.equal(SignalsOnHost(data, margin=margin, device=CPU).of(epochs), expected)


def test_the_device_holds_two_bytes_a_sample(fold_data: FoldData) -> None:
    signals = SignalsOnDevice(fold_data, margin=0, device=CPU)
    n_epochs = len(fold_data.epochs(fold_data.training))
    assert SignalsOnDevice.n_bytes(fold_data) == n_epochs * 6000
    assert signals.steps.nbytes == SignalsOnDevice.n_bytes(fold_data) + 6000


def test_an_epoch_of_another_side_does_not_come_from_the_device_either(fold_data: FoldData) -> None:
    signals = SignalsOnDevice(fold_data, margin=0, device=CPU)
    for side in (fold_data.validation, fold_data.store.recordings_of(fold_data.fold.test).tolist()):
        with pytest.raises(LeakError, match="was asked for training"):
            signals.of(torch.from_numpy(fold_data.epochs(side)[:1]))


@pytest.mark.parametrize(
    ("place", "free_gb", "is_on_device"),
    [("auto", 100.0, True), ("auto", 16.0, False), ("device", 100.0, True), ("host", 100.0, False)],
)
def test_auto_is_the_gpu_where_the_corpus_fits_beside_the_reserve(
    fold_data: FoldData, monkeypatch: pytest.MonkeyPatch, place: Any, free_gb: float, is_on_device: bool
) -> None:
    """The choice alone: there is no GPU in the tests, so that none is filled."""
    chosen: list[bool] = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (int(free_gb * 1e9), int(100e9)))
    monkeypatch.setattr(module, "SignalsOnHost", lambda *_, **__: chosen.append(False))

    class Chosen(SignalsOnDevice):
        def __init__(self, *_: object, **__: object) -> None:
            chosen.append(True)

    monkeypatch.setattr(module, "SignalsOnDevice", Chosen)
    training_signals(fold_data, margin=0, device=torch.device("cuda", 0), place=place, reserve_gb=16)
    assert chosen == [is_on_device]


def test_a_corpus_that_must_lie_on_the_gpu_and_does_not_fit_is_refused(
    fold_data: FoldData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (int(8e9), int(100e9)))
    with pytest.raises(InputError, match=r"corpus=device needs 0\.0 GB beside 16 GB"):
        training_signals(fold_data, margin=0, device=torch.device("cuda", 0), place="device", reserve_gb=16)


def test_without_a_gpu_auto_is_the_host(fold_data: FoldData) -> None:
    assert not training_signals(fold_data, margin=0, device=CPU, place="auto", reserve_gb=0).is_on_device


def test_cached_tokens_are_those_of_the_epochs_asked_for() -> None:
    tokens = torch.randn(7, 2, 3)
    cached = CachedTokens(tokens, device=CPU)
    epochs = torch.tensor([[3, 0], [6, -1]])
    assert cached.is_on_device
    assert torch.equal(cached.of(epochs)[0], tokens[[3, 0]])
    assert torch.equal(cached.of(epochs)[1, 0], tokens[6])


def test_where_the_corpus_lies_and_who_reads_it_changes_no_bit_of_the_weights(
    fold_data: FoldData, tmp_path: Path
) -> None:
    """In pre-training, and in fine-tuning whose backbones learn too."""
    shape = NetworkConfig(width=0.125, spectrogram_layers=1, sequence_layers=1)
    unfrozen = FinetuneOptions(backbones="trained", hole_probability=0.2)
    ways: list[dict[str, Any]] = [{}, {"read_ahead": 0}, {"corpus": "device"}]
    weights, learned = set(), set()
    for number, way in enumerate(ways):
        loop = LoopOptions(max_steps=3, validate_every_steps=3, batch_sequences=4, scoring_stride=16, **way)
        pre, fine = tmp_path / f"pre {number}", tmp_path / f"fine {number}"
        pretrain(fold_data, pre, network=shape, options=PretrainOptions(), loop=loop)
        finetune(fold_data, pre, fine, loop=loop, options=unfrozen, exports=False)
        weights.add(file_sha256(pre / "model.safetensors"))
        learned.add(file_sha256(fine / "model.safetensors"))
    assert len(weights) == len(learned) == 1
