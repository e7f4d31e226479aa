"""Networks joined: each member answers as it did alone, and the answer is the mean of their probabilities."""

from pathlib import Path

import torch

from mc2sleepnet.model.architectures import build_network
from mc2sleepnet.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.ensemble import Ensemble, joined
from mc2sleepnet.model.network import MC2SleepNet

CONFIG = NetworkConfig(
    width=0.125, spectrogram_layers=1, sequence_layers=1, spectrogram_norm="recording+gain", signal_norm="recording"
)


def networks() -> list[MC2SleepNet]:
    made = []
    for seed in range(3):
        torch.manual_seed(seed)
        made.append(MC2SleepNet(CONFIG).eval())
    return made


def test_the_answer_is_the_mean_of_the_members_probabilities(tmp_path: Path) -> None:
    members = networks()
    ensemble = joined(members)
    signal_uv = 30 * torch.randn(2, 16, 3000, generator=torch.Generator().manual_seed(0))
    is_valid = torch.ones(2, 16, dtype=torch.bool)
    is_valid[1, 12:] = False
    statistics = torch.rand(2, 258, generator=torch.Generator().manual_seed(1)) + 10
    save_checkpoint(Checkpoint(network=ensemble, phase="fine-tuning", is_synthetic=True), tmp_path)
    restored = load_checkpoint(tmp_path).network
    assert isinstance(restored, Ensemble)
    with torch.no_grad():
        apart = torch.stack([network(signal_uv, is_valid, statistics).softmax(2) for network in members]).mean(0)
        for network in (ensemble, restored):
            together = network(signal_uv, is_valid, statistics).softmax(2)
            torch.testing.assert_close(together[is_valid], apart[is_valid])


def test_every_member_can_learn_and_the_front_end_is_one() -> None:
    ensemble = build_network(CONFIG.__class__(**{**CONFIG.to_json(), "members": 2}))
    assert isinstance(ensemble, Ensemble)
    tokens = torch.randn(2, 16, *ensemble.token_shape)
    logits = ensemble.supervised_logits(tokens, torch.ones(2, 16, dtype=torch.bool))
    assert len(logits) == 10
    assert len({id(member.spectrogram) for member in ensemble.members}) == 1
