"""The network: its size, its shapes, and which output depends on which input."""

from itertools import product

import pytest
import torch
from jaxtyping import TypeCheckError
from torch import Tensor, nn

from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH
from mc2sleepnet.model.config import HEADS, NetworkConfig
from mc2sleepnet.model.encoder_layer import EncoderLayer, sinusoidal_positions
from mc2sleepnet.model.network import MC2SleepNet, Tokens
from mc2sleepnet.model.pretraining_network import PretrainingNetwork
from mc2sleepnet.model.signal_backbone import SignalBackbone
from mc2sleepnet.model.spectrogram_backbone import SpectrogramBackbone

B, L, D = 2, 16, 128
SMALL = NetworkConfig(width=0.25)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def random_tokens(width: int = 32, batch: int = B) -> Tokens:
    generator = torch.Generator().manual_seed(1)
    return Tokens(*(torch.randn(batch, L, width, generator=generator) for _ in range(2)))


def all_valid(batch: int = B) -> Tensor:
    return torch.ones(batch, L, dtype=torch.bool)


@pytest.fixture(scope="module")
def paper() -> PretrainingNetwork:
    return PretrainingNetwork(NetworkConfig())


@pytest.fixture(scope="module")
def small() -> MC2SleepNet:
    return MC2SleepNet(SMALL).eval()


def test_the_raw_backbone_has_1543621_parameters(paper: PretrainingNetwork) -> None:
    assert parameters(paper.network.signal_backbone) == 1_543_621


def test_the_token_layer_adds_32896(paper: PretrainingNetwork) -> None:
    assert parameters(paper.network.signal_token) == 32_896


def test_a_sequence_layer_has_393984_parameters(paper: PretrainingNetwork) -> None:
    layers = [*paper.network.signal_stack.layers, *paper.network.spectrogram_stack.layers]
    assert [parameters(layer) for layer in layers] == 8 * [393_984]


def test_a_spectrogram_layer_has_328192_parameters(paper: PretrainingNetwork) -> None:
    assert [parameters(layer) for layer in paper.network.spectrogram_backbone.layers] == 4 * [328_192]


def test_the_whole_network_has_6051407_parameters_to_score_with(paper: PretrainingNetwork) -> None:
    assert parameters(paper.network) == 6_051_407


def test_pretraining_has_6745167_parameters_beside_the_restoration_layers(paper: PretrainingNetwork) -> None:
    restoration = parameters(paper.extra.signal_restoration) + parameters(paper.extra.spectrogram_restoration)
    assert parameters(paper) - restoration == 6_745_167
    assert restoration == 2 * (D * D + D)
    assert parameters(PretrainingNetwork(NetworkConfig(restoration_layer=False))) == 6_745_167


def test_shapes_at_every_arrow_of_the_raw_backbone() -> None:
    backbone, shapes = SignalBackbone(), []
    for block in backbone.blocks:
        block.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:])))
    with torch.no_grad():
        output = backbone(torch.randn(2, SAMPLES_PER_EPOCH))
    assert shapes == [(64, 1, 3000), (128, 1, 600), (192, 1, 120), (256, 1, 24), (256, 1, 5)]
    assert output.shape == (2, 256, 5)


def test_shapes_at_every_arrow_of_the_network(paper: PretrainingNetwork) -> None:
    network = paper.network.eval()
    with torch.no_grad():
        signal_uv = torch.randn(B, L, SAMPLES_PER_EPOCH)
        assert network.spectrogram(signal_uv[0]).shape == (L, 29, 128)
        assert network.spectrogram_backbone(network.spectrogram(signal_uv[0])).shape == (L, D)
        tokens = network.encode(signal_uv, all_valid())
        assert [token.shape for token in tokens] == 2 * [(B, L, D)]
        for view in (network.single_view, network.cross_view):
            assert [logits.shape for logits in view(tokens, all_valid())] == 3 * [(B, L, 5)]
        is_masked = torch.zeros(B, L, dtype=torch.bool)
        restored = paper.restore(tokens, is_masked, is_masked, all_valid())
        assert [token.shape for token in restored] == 2 * [(B, L, D)]
        assert network(signal_uv, all_valid()).shape == (B, L, 5)


@pytest.mark.parametrize("modality", ["signal", "spectrogram"])
def test_single_view_does_not_depend_on_the_other_modality(small: MC2SleepNet, modality: str) -> None:
    tokens = random_tokens()
    other_name = "spectrogram" if modality == "signal" else "signal"
    other = tokens._replace(**{other_name: getattr(tokens, other_name).flip(1)})
    before, after = (getattr(small.single_view(some, all_valid()), modality) for some in (tokens, other))
    assert torch.equal(before, after)


def test_restoration_reads_the_other_modality_whole_and_its_own_hidden_tokens_not_at_all() -> None:
    model = PretrainingNetwork(SMALL).eval()
    tokens, nothing = random_tokens(batch=1), torch.zeros(1, L, dtype=torch.bool)
    is_masked = nothing.clone()
    is_masked[0, 5] = True

    def restored_signal(changed: Tokens) -> Tensor:
        with torch.no_grad():
            return model.restore(changed, is_masked, is_masked, all_valid(1)).signal

    def with_epoch_5_changed(modality: Tensor) -> Tensor:
        changed = modality.clone()
        changed[0, 5] = torch.randn(32, generator=torch.Generator().manual_seed(9))
        return changed

    before = restored_signal(tokens)
    assert torch.equal(restored_signal(tokens._replace(signal=with_epoch_5_changed(tokens.signal))), before)
    other = tokens._replace(spectrogram=with_epoch_5_changed(tokens.spectrogram))
    assert (restored_signal(other) - before).abs().max() > 1e-3


@pytest.mark.parametrize("modality", ["signal", "spectrogram"])
def test_cross_view_depends_on_the_other_modality(small: MC2SleepNet, modality: str) -> None:
    tokens = random_tokens()
    other_name = "spectrogram" if modality == "signal" else "signal"
    other = tokens._replace(**{other_name: getattr(tokens, other_name).flip(1)})
    before, after = (getattr(small.cross_view(some, all_valid()), modality) for some in (tokens, other))
    assert (before - after).abs().max() > 1e-3


def test_padding_changes_nothing_for_the_epochs_beside_it(small: MC2SleepNet) -> None:
    is_valid = all_valid()
    is_valid[:, 10:] = False
    tokens = random_tokens()
    noisy = Tokens(*(torch.where(is_valid[:, :, None], modality, 100.0) for modality in tokens))
    for view in (small.single_view, small.cross_view):
        torch.testing.assert_close(view(noisy, is_valid).fusion[:, :10], view(tokens, is_valid).fusion[:, :10])


def test_encoding_keeps_every_epoch_in_its_place_and_padding_at_zero(small: MC2SleepNet) -> None:
    signal_uv = torch.randn(B, L, SAMPLES_PER_EPOCH)
    is_valid = torch.rand(B, L, generator=torch.Generator().manual_seed(2)) > 0.4
    with torch.no_grad():
        tokens = small.encode(signal_uv, is_valid)
        for b, place in product(range(B), range(L)):
            for found, alone in zip(tokens, small.encode_epochs(signal_uv[b, place][None]), strict=True):
                expected = alone[0] if is_valid[b, place] else torch.zeros_like(alone[0])
                torch.testing.assert_close(found[b, place], expected, atol=1e-4, rtol=1e-4)


def test_layer_normalised_tokens_have_no_mean_and_unit_deviation(small: MC2SleepNet) -> None:
    with torch.no_grad():
        for tokens in small.encode_epochs(50 * torch.randn(3, SAMPLES_PER_EPOCH)):
            torch.testing.assert_close(tokens.mean(1), torch.zeros(3), atol=1e-5, rtol=0)
            torch.testing.assert_close(tokens.std(1, correction=0), torch.ones(3), atol=3e-3, rtol=0)


def test_with_nothing_hidden_the_restored_order_is_the_inputs() -> None:
    """Restoration that had shuffled places would answer a change of epoch 3 most loudly somewhere else."""
    model = PretrainingNetwork(NetworkConfig(width=0.25, sequence_layers=1)).eval()
    tokens, nothing = random_tokens(batch=1), torch.zeros(1, L, dtype=torch.bool)
    change = 3 * torch.randn(32, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        before = model.restore(tokens, nothing, nothing, all_valid(1))
        for place in range(L):
            changed = tokens.signal.clone()
            changed[0, place] += change
            after = model.restore(tokens._replace(signal=changed), nothing, nothing, all_valid(1))
            assert (after.signal - before.signal).abs().sum(dim=2).argmax() == place


def test_the_authors_loop_lets_only_the_last_layer_of_a_stack_learn_from_the_single_view() -> None:
    model = PretrainingNetwork(NetworkConfig(width=0.25, single_view_restarts=True))
    model.single_view(random_tokens(), all_valid()).fusion.square().sum().backward()
    learned = [
        layer.self_attention.query.weight.grad is not None and bool(layer.self_attention.query.weight.grad.any())
        for layer in model.network.signal_stack.layers
    ]
    assert learned == [False, False, False, True]


def test_an_encoder_layer_equals_the_formula_in_float64() -> None:
    torch.manual_seed(0)
    layer = EncoderLayer(width=16, heads=4, feed_forward=32, dropout=0.1, has_cross=True).double().eval()
    x, memory = torch.randn(2, 5, 16, dtype=torch.float64), torch.randn(2, 5, 16, dtype=torch.float64)
    is_valid = torch.tensor([[True] * 5, [True, True, True, False, False]])

    def attend(attention: nn.Module, queries: Tensor, keys: Tensor) -> Tensor:
        heads = []
        for h in range(4):
            q, k, v = (
                tokens @ projection.weight.T[:, 4 * h : 4 * h + 4]
                for tokens, projection in (
                    (queries, attention.query),
                    (keys, attention.key),
                    (keys, attention.value),
                )
            )
            score = (q @ k.transpose(1, 2) / 4**0.5).masked_fill(~is_valid[:, None, :], -torch.inf)
            heads.append(score.softmax(dim=2) @ v)
        return torch.cat(heads, dim=2) @ attention.output.weight.T

    y = layer.self_norm(x + attend(layer.self_attention, x, x))
    y = layer.cross_norm(y + attend(layer.cross_attention, y, memory))
    feed_forward = nn.functional.gelu(y @ layer.feed_forward[0].weight.T) @ layer.feed_forward[3].weight.T
    expected = layer.feed_forward_norm(y + feed_forward)
    torch.testing.assert_close(layer(x, is_valid, memory, is_valid), expected, atol=1e-10, rtol=0)


def test_only_layer_norms_of_the_encoders_have_biases(paper: PretrainingNetwork) -> None:
    for layer in paper.network.signal_stack.layers:
        with_bias = {name.rsplit(".", 2)[-2] for name, _ in layer.named_parameters() if name.endswith("bias")}
        assert with_bias == {"self_norm", "cross_norm", "feed_forward_norm"}


def test_sinusoidal_positions_equal_the_double_loop() -> None:
    positions = sinusoidal_positions(7, 8)
    for place, pair in product(range(7), range(4)):
        angle = torch.tensor(place / 10_000 ** (2 * pair / 8))
        torch.testing.assert_close(positions[place, 2 * pair], angle.sin())
        torch.testing.assert_close(positions[place, 2 * pair + 1], angle.cos())


@pytest.mark.parametrize("width", [0.1, 0.25, 0.33, 0.5, 0.7, 1.0, 1.5])
def test_every_width_keeps_the_heads_whole_and_runs(width: float) -> None:
    config = NetworkConfig(width=width)
    assert config.token_width % HEADS == 0
    with torch.no_grad():
        logits = MC2SleepNet(config).eval()(torch.randn(1, L, SAMPLES_PER_EPOCH), all_valid(1))
    assert logits.shape == (1, L, 5)


def test_the_spectrogram_encoder_has_an_entrance_only_where_widths_differ() -> None:
    def entrance(width: int) -> nn.Module:
        options = {"heads": 8, "feed_forward": 64, "layers": 1, "dropout": 0.1, "pooling": 8}
        return SpectrogramBackbone(width=width, **options).entrance

    assert isinstance(entrance(128), nn.Identity)
    assert isinstance(entrance(64), nn.Linear)


def test_the_config_survives_json() -> None:
    config = NetworkConfig(width=0.5, token_norm="none", single_view_restarts=True)
    assert NetworkConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("change", [{"surprise": 1}, {"width": None}])
def test_a_config_of_another_version_is_refused(change: dict[str, object]) -> None:
    options = {name: value for name, value in (NetworkConfig().to_json() | change).items() if value is not None}
    with pytest.raises(ValueError, match="differ"):
        NetworkConfig.from_json(options)


@pytest.mark.parametrize(
    "bad",
    [{"width": 0.0}, {"dropout": 1.0}, {"sequence_length": 0}, {"batch_norm_momentum": 0.0}],
)
def test_impossible_options_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        NetworkConfig(**bad)  # type: ignore[arg-type]


def test_shapes_in_signatures_are_checked_while_tests_run(small: MC2SleepNet) -> None:
    with pytest.raises(TypeCheckError):
        small.encode(torch.zeros(2, 16), all_valid())
