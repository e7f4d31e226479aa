"""Networks side by side: the same tokens and the same answers as each network by itself, whatever its options."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from mc2sleepnet.core.recording_statistics import N_STATISTICS
from mc2sleepnet.model.architectures import build_network
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.ensemble import joined
from mc2sleepnet.model.network import MC2SleepNet
from mc2sleepnet.model.side_by_side import SideBySideEncoder, SideBySideRelator, members_side_by_side
from mc2sleepnet.model.staging_network import StagingNetwork

OWN = {"spectrogram_norm": "recording+gain+training", "signal_norm": "recording", "drift": "removed"}


def trained(members: int, **options: Any) -> StagingNetwork:
    """Networks whose BatchNorms, LayerNorms and slopes are not those that they began with."""
    config = NetworkConfig(width=0.125, spectrogram_layers=2, sequence_layers=2, **options)
    networks = []
    for seed in range(members):
        torch.manual_seed(seed)
        network = MC2SleepNet(config).eval()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
            for name, buffer in network.named_buffers():
                if name.endswith(("running_mean", "running_var")):
                    buffer.add_(0.3 * torch.rand_like(buffer))
        networks.append(network)
    return joined(networks)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        OWN,
        {"spectrogram_filter": "recording"},
        {"token_norm": "none", "cross_memory": "layerwise"},
        {"prediction_view": "single"},
        {"prediction_head": "signal", "cross_memory": "layerwise"},
        {"prediction_view": "single", "prediction_head": "spectrogram"},
    ],
)
@torch.no_grad()
def test_side_by_side_is_one_after_the_other(members: int, options: dict[str, Any]) -> None:
    network = trained(members, **options)
    together = members_side_by_side(network)
    assert len(together) == members
    draw = torch.Generator().manual_seed(9)
    signal_uv = 30 * torch.randn(5, 3000 + 2 * network.config.margin_samples, generator=draw)
    statistics = 10 + torch.rand(1, N_STATISTICS, generator=draw) if network.config.needs_statistics else None
    tokens = network.epoch_tokens(signal_uv, statistics)
    torch.testing.assert_close(SideBySideEncoder(together)(signal_uv, statistics), tokens, rtol=1e-4, atol=1e-4)

    tokens = torch.randn(3, network.config.sequence_length, *network.token_shape, generator=draw)
    is_valid = torch.rand(tokens.shape[:2], generator=draw) < 0.7
    is_valid[:, 3] = True
    expected = F.log_softmax(network.predict(tokens, is_valid), dim=2)
    found = SideBySideRelator(together)(tokens, is_valid)
    torch.testing.assert_close(found[is_valid], expected[is_valid], rtol=1e-4, atol=1e-4)
    # What is padding is looked at by nobody.
    tokens[~is_valid] = 100.0
    torch.testing.assert_close(SideBySideRelator(together)(tokens, is_valid)[is_valid], found[is_valid])


def test_rivals_are_exported_as_they_are() -> None:
    for architecture in ("signal_only", "spectrogram_only", "concatenated", "cnn_lstm"):
        config = NetworkConfig(architecture=architecture, width=0.0625, spectrogram_layers=1, sequence_layers=1)
        assert members_side_by_side(build_network(config)) == []
