"""Odds of stages: the factor asked for, on every epoch, and nothing else."""

from typing import Any

import pytest
import torch

from mc2sleepnet.core.stages import N3
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.network import MC2SleepNet
from mc2sleepnet.model.stage_odds import with_odds

VALID = torch.ones(2, 16, dtype=torch.bool)


@pytest.mark.parametrize("options", [{}, {"prediction_view": "single"}, {"prediction_head": "signal"}])
def test_the_odds_of_a_stage_are_multiplied_on_every_epoch(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = MC2SleepNet(NetworkConfig(width=0.125, spectrogram_layers=1, sequence_layers=1, **options)).eval()
    tokens = torch.randn(2, 16, *network.token_shape)
    with torch.no_grad():
        before = network.predict(tokens, VALID).softmax(2)
        after = with_odds(network, {"N3": 1.5}).predict(tokens, VALID).softmax(2)
        unchanged = network.predict(tokens, VALID).softmax(2)
    odds = [p[..., N3] / (1 - p[..., N3]) for p in (before, after)]
    torch.testing.assert_close(odds[1], 1.5 * odds[0])
    others = [torch.cat([p[..., :N3], p[..., N3 + 1 :]], dim=2) for p in (before, after)]
    torch.testing.assert_close(others[1] / others[1].sum(2, keepdim=True), others[0] / others[0].sum(2, keepdim=True))
    assert torch.equal(unchanged, before)
