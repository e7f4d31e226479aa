"""On a fixed seed the loss of a batch falls, in every phase, for every preset and every rival."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from mc2sleepnet.model.architectures import build_network
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.training.finetuning import FinetuneOptions, Finetuning
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions, Phase
from mc2sleepnet.training.presets import PRESETS, build, chosen_options
from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
from mc2sleepnet.training.seeding import keyed_generator, seeded_torch
from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics

SMALL = NetworkConfig(width=0.125, spectrogram_layers=1, sequence_layers=2)
Make = Callable[..., Phase]


@pytest.fixture(scope="module")
def phase_of(fold_data: FoldData, make_pretraining: Make, make_finetuning: Make) -> Callable[[str], Phase]:
    def from_scratch(config: NetworkConfig) -> Finetuning:
        with seeded_torch(0, "test"):
            network = build_network(config)
        if network.spectrogram is not None:
            fit_spectrogram_statistics(network.spectrogram, fold_data)
        options = FinetuneOptions(backbones="trained")
        return Finetuning(network, fold_data, options, loop=LoopOptions(), keep=lambda *_: None)

    def author_code() -> Phase:
        values = chosen_options("author_code", [], (NetworkConfig, PretrainOptions))
        own = {name: values[name] for name in ("token_norm", "restoration_layer", "single_view_restarts")}
        others = {name: value for name, value in PRESETS["author_code"].items() if name not in own}
        assert build(PretrainOptions, values) == PretrainOptions(**others)
        return make_pretraining(replace(SMALL, **own), **others)

    makers: dict[str, Callable[[], Phase]] = {
        "pre-training": lambda: make_pretraining(SMALL),
        "author_code": author_code,
        "self-supervised": lambda: make_pretraining(SMALL, pretrain_supervision="none"),
        "layerwise": lambda: make_pretraining(replace(SMALL, cross_memory="layerwise")),
        "fine-tuning": make_finetuning,
        "unfrozen": lambda: make_finetuning(backbones="trained"),
        "with holes": lambda: make_finetuning(hole_probability=0.2),
    }
    return lambda name: makers[name]() if name in makers else from_scratch(replace(SMALL, architecture=name))


@pytest.mark.parametrize(
    "name",
    [
        *("pre-training", "author_code", "self-supervised", "layerwise", "fine-tuning", "unfrozen", "with holes"),
        *("mc2sleepnet", "signal_only", "spectrogram_only", "concatenated", "cnn_lstm"),
    ],
)
def test_the_loss_of_a_batch_falls_when_it_is_learned(
    fold_data: FoldData, phase_of: Callable[[str], Phase], name: str
) -> None:
    phase = phase_of(name)
    assert isinstance(phase, Pretraining | Finetuning)
    indices = torch.from_numpy(fold_data.sequences("training", length=16)[:3])
    optimizer = torch.optim.Adam(phase.parameters(), lr=1e-3)
    losses = []
    for step in range(8):
        phase.enter_training()
        with seeded_torch(step, "dropout"):
            masking = keyed_generator(step, "masking")
            loss, _ = phase.loss(phase.batch(indices, masking))
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-3:]) < 0.95 * sum(losses[:3])
