"""Named options: presets, and `--set key=value`."""

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.presets import PRESETS, build, chosen_options
from mc2sleepnet.training.pretraining import PretrainOptions

KNOWN = (NetworkConfig, PretrainOptions, LoopOptions)


def test_the_paper_preset_is_the_defaults() -> None:
    assert chosen_options("paper", [], KNOWN) == {}
    assert (PretrainOptions().mask_ratio, NetworkConfig().sequence_length, NetworkConfig().width) == (0.5, 16, 1.0)
    assert (LoopOptions().learning_rate, LoopOptions().weight_decay, LoopOptions().batch_sequences) == (5e-4, 1e-4, 64)


def test_author_code_differs_by_named_options_only() -> None:
    values = chosen_options("author_code", [], KNOWN)
    assert values == dict(PRESETS["author_code"])
    network, options = build(NetworkConfig, values), build(PretrainOptions, values)
    assert (network.token_norm, network.restoration_layer, network.single_view_restarts) == ("none", False, True)
    assert (options.mask_ratio, options.recon_reduction, options.detach_targets) == (0.25, "sum", False)


def test_assignments_win_over_the_preset_and_are_typed() -> None:
    assignments = ["mask_ratio=0.75", "seed=7", "detach_targets=true", "token_norm=layer"]
    values = chosen_options("author_code", assignments, KNOWN)
    assert (values["mask_ratio"], values["seed"], values["detach_targets"]) == (0.75, 7, True)
    assert values["token_norm"] == "layer"


@pytest.mark.parametrize(
    ("assignment", "fault"),
    [
        ("nonsense", "no option in 'nonsense'"),
        ("depth=3", "no option in 'depth=3'"),
        ("seed=1.5", "not a whole number"),
        ("width=wide", "not a number"),
        ("weight_decay=nan", "not a number"),
        ("learning_rate=inf", "not a number"),
        ("token_norm=batch", "Choose from layer, none"),
        ("detach_targets=maybe", "Choose from true, false"),
    ],
)
def test_a_wrong_assignment_names_its_remedy(assignment: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        chosen_options("paper", [assignment], KNOWN)


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="paper, author_code"):
        chosen_options("nature", [], KNOWN)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (NetworkConfig, {"width": 0.0}),
        (PretrainOptions, {"mask_ratio": 1.0}),
        (PretrainOptions, {"nce_temperature": 0.0}),
        (PretrainOptions, {"recon_positions": "some"}),
        (PretrainOptions, {"lambda_nce": -1.0}),
        (LoopOptions, {"learning_rate": 0.0}),
        (LoopOptions, {"batch_sequences": 0}),
        (LoopOptions, {"seed": -1}),
    ],
)
def test_an_impossible_value_is_refused_by_name(kind: type, values: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(values))):
        build(kind, values)
