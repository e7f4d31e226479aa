"""What a step on a GPU must not do, shown without one: mix devices, or make the GPU's queue wait for the host.

The networks lie on torch's device `meta`, which computes shapes and no numbers: what asks for a number fails there, and
a spy sees every operation and where its tensors lie.
"""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.pretraining_network import PretrainingNetwork
from mc2sleepnet.training import engine, loop
from mc2sleepnet.training.cached_tokens import CachedTokens
from mc2sleepnet.training.engine import adam, compile_parts, steps_behind
from mc2sleepnet.training.finetuning import FinetuneOptions, Finetuning
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.pretrain import pretrain
from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
from mc2sleepnet.training.recording_parts import recording_parts
from mc2sleepnet.training.resume import RESUME_FILE
from mc2sleepnet.training.row_generator import keys_of_examples
from mc2sleepnet.training.seeding import keyed_generator
from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics
from mc2sleepnet.training.training_signals import SignalsOnDevice
from mc2sleepnet.training.watching import METRICS_FILE

META = torch.device("meta")
SMALL = NetworkConfig(width=0.125, spectrogram_layers=1, sequence_layers=1)
# On a GPU the host has to wait for what these give, since their shapes or values are not known before.
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "unique", "is_nonzero", "equal"}


class Spy(TorchDispatchMode):
    """Fails where tensors of two devices meet, or the host would wait; a number of the host's may meet any."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        name, devices = func.overloadpacket.__name__, {one.device.type for one in tensors if one.dim()}
        if name not in ("_to_copy", "copy_"):
            assert len(devices) <= 1, f"{name} mixes devices"
        if "meta" in devices:
            assert name not in WAITS, f"{name} waits for the device"
            assert (kwargs or {}).get("device", META).type == "meta", f"{name} fetches from the device"
        return func(*args, **(kwargs or {}))


def with_padding(data: FoldData) -> Tensor:
    indices = torch.from_numpy(data.sequences("training", length=16)[:3]).clone()
    indices[1, 9:] = -1
    return indices


def pretraining(data: FoldData, shape: NetworkConfig = SMALL, **options: Any) -> Pretraining:
    model = PretrainingNetwork(shape)
    statistics = None
    if shape.needs_statistics:
        statistics = recording_parts(data, data.training, kind="random", seed=0)
    chosen = PretrainOptions(**options)
    return Pretraining(model, data, chosen, loop=LoopOptions(), keep=lambda *_: None, parts=statistics)


def finetuning(data: FoldData, shape: NetworkConfig = SMALL, *, loop: LoopOptions | None = None, **options: Any) -> Any:
    network = PretrainingNetwork(shape).network
    chosen = FinetuneOptions(**options)
    return Finetuning(network, data, chosen, loop=loop or LoopOptions(), keep=lambda *_: None)


SIXFOLD = LoopOptions(augmentation="sleepyco")
PHASES: dict[str, Callable[[FoldData], Any]] = {
    "pre-training": pretraining,
    "pre-training without stages": lambda data: pretraining(
        data, pretrain_supervision="none", nce_skip_neighbours=True
    ),
    "pre-training, masked positions": lambda data: pretraining(data, recon_positions="masked", detach_targets=False),
    "pre-training by the recording": lambda data: pretraining(
        data, replace(SMALL, spectrogram_norm="recording+gain", signal_norm="recording")
    ),
    "pre-training, filtered": lambda data: pretraining(data, replace(SMALL, spectrogram_filter="recording")),
    "fine-tuning on cached tokens": finetuning,
    "fine-tuning, trained backbones": lambda data: finetuning(data, backbones="trained", hole_probability=0.2),
    "fine-tuning, augmented": lambda data: finetuning(data, loop=SIXFOLD),
}


@pytest.fixture
def _no_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none on this device that could be switched off."""
    for module in ("spectrogram", "losses"):
        monkeypatch.setattr(f"mc2sleepnet.model.{module}.full_precision", lambda _: nullcontext())


@pytest.mark.usefixtures("_no_autocast")
@pytest.mark.parametrize("name", PHASES)
def test_a_step_neither_mixes_devices_nor_waits_for_the_device(fold_data: FoldData, name: str) -> None:
    phase = PHASES[name](fold_data)
    masking = keyed_generator(0, "masking")
    indices = with_padding(fold_data)
    batch = phase.batch(indices, masking)._replace(
        keys=keys_of_examples(indices, seed=0, purpose="augmentation", step=0) if "augmented" in name else None
    )
    phase.module.to(META)
    phase.enter_training()
    on_device = batch.on(META)
    with Spy():
        loss, terms = phase.loss(on_device)
        loss.backward()
        nn.utils.clip_grad_norm_(phase.parameters(), 1.0)
        told = torch.stack([one.detach().double() for one in (loss, *terms.values())])
    assert told.device == META
    assert any(parameter.grad is not None for parameter in phase.parameters())


def test_the_spy_sees_what_it_is_there_for() -> None:
    here, there = torch.ones(3), torch.ones(3, device=META)
    with Spy():
        with pytest.raises(AssertionError, match="mixes devices"):
            torch.where(there > 0, there, here)
        with pytest.raises(AssertionError, match="nonzero waits"):
            there.nonzero()
        with pytest.raises(AssertionError, match="_local_scalar_dense waits"):
            there.sum(dim=0, keepdim=True).item()
        with pytest.raises(AssertionError, match="fetches"):
            there.to("cpu")


def test_signals_and_tokens_on_the_device_are_gathered_there(fold_data: FoldData) -> None:
    signals = SignalsOnDevice(fold_data, margin=50, device=META)
    tokens = CachedTokens(torch.randn(fold_data.store.n_epochs, 2, 8), device=META)
    indices = with_padding(fold_data)
    with Spy():
        assert signals.of(indices).device == META
        assert tokens.of(indices).device == META
    assert tokens.is_on_device
    assert tokens.tokens.device == META


@pytest.mark.usefixtures("_no_autocast")
def test_statistics_of_the_spectrogram_are_taken_where_the_network_lies(fold_data: FoldData) -> None:
    spectrogram = PretrainingNetwork(SMALL).network.spectrogram.to(META)
    with Spy():
        fit_spectrogram_statistics(spectrogram, fold_data)
    assert spectrogram.mean_db.device == META


def test_a_gpu_may_be_one_step_ahead_of_what_is_read_and_a_cpu_none() -> None:
    assert steps_behind(torch.device("cuda", 0)) == 1
    assert steps_behind(torch.device("cpu")) == 0


def test_how_late_losses_are_read_changes_no_row_no_weight_and_no_place(
    fold_data: FoldData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = LoopOptions(max_steps=5, validate_every_steps=2, batch_sequences=4, scoring_stride=16)
    found = []
    for behind in (0, 1, 9):
        monkeypatch.setattr(loop, "steps_behind", lambda _, behind=behind: behind)
        out = tmp_path / str(behind)
        pretrain(fold_data, out, network=SMALL, options=PretrainOptions(), loop=options)
        rows = [row.split('"epochs_per_s"')[0] for row in (out / METRICS_FILE).read_text().splitlines()]
        state = torch.load(out / RESUME_FILE, weights_only=True)
        del state["sums"]
        found.append((rows, state["module"], state["progress"], state["n_summed"]))
    for other in found[1:]:
        assert other[0] == found[0][0]
        assert all(torch.equal(weights, other[1][name]) for name, weights in found[0][1].items())
        assert other[2:] == found[0][2:]


@pytest.mark.parametrize("behind", [0, 1, 9])
def test_a_loss_that_is_not_finite_is_told_of_its_own_step_however_late_it_is_read_and_nothing_is_kept_of_it(
    fold_data: FoldData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    monkeypatch.setattr(loop, "steps_behind", lambda _: behind)
    whole, steps = Pretraining.loss, []

    def poisoned(phase: Pretraining, batch: Any) -> Any:
        steps.append(batch)
        total, terms = whole(phase, batch)
        return (total * math.nan if len(steps) == 3 else total), terms

    monkeypatch.setattr(Pretraining, "loss", poisoned)
    options = LoopOptions(max_steps=8, validate_every_steps=2, batch_sequences=4, scoring_stride=16)
    with pytest.raises(InputError, match=r"at step 3, in a batch of .*; the best network is of step 2"):
        pretrain(fold_data, tmp_path, network=SMALL, options=PretrainOptions(), loop=options)
    state = torch.load(tmp_path / RESUME_FILE, weights_only=True)
    assert state["progress"]["step"] == 2
    assert all(bool(weights.isfinite().all()) for weights in state["module"].values())


def test_only_parts_whose_shapes_stand_still_become_cuda_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    modes: dict[str, set[str | None]] = {}
    monkeypatch.setattr(nn.Module, "compile", lambda part, mode: modes.setdefault(type(part).__name__, set()).add(mode))
    compile_parts(PretrainingNetwork(SMALL), "reduce-overhead", torch.device("cuda", 0))
    assert modes == {
        **{name: {None} for name in ("SignalBackbone", "Spectrogram", "SpectrogramBackbone")},
        **{name: {"reduce-overhead"} for name in ("SequenceStack", "MaskingModule")},
    }
    assert set(modes) == {part.__name__ for part in engine.COMPILED_PARTS}


def test_adam_keeps_its_place_on_the_device() -> None:
    parameter = nn.Parameter(torch.ones(3, device=META))
    parameter.grad = torch.ones(3, device=META)
    optimizer = adam([parameter], learning_rate=0.1, weight_decay=0.0, fused="off")
    with Spy():
        optimizer.step()
    assert {one.device for one in optimizer.state[parameter].values() if one.dim()} == {META}
    assert np.isclose(optimizer.state[parameter]["step"].item(), 1)
