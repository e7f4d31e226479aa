"""Weights between those a training started from and those it has reached, or those that several have reached.

A network that stages any night and then learns a few nights of one laboratory forgets some of what it knew; halfway
between both it mostly keeps the one and gains the other (Wortsman et al. 2022, Robust fine-tuning of zero-shot models).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of every weight, and of every running statistic, by name."""
    return {name: value.clone() for name, value in module.state_dict().items() if value.is_floating_point()}


@contextmanager
def averaged(module: nn.Module, start: Mapping[str, Tensor], share: float) -> Iterator[None]:
    """For the time of the context, w + share · (start − w) in the place of every weight w."""
    if share == 0:
        yield
        return
    reached = weights_of(module)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name in reached:
                value.lerp_(start[name], share)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, value in module.state_dict().items():
                if name in reached:
                    value.copy_(reached[name])


def take_mean_weights(network: nn.Module, others: Sequence[nn.Module]) -> None:
    """Give a network the mean of its own weights and of others that were trained from the same start.

    A short training reaches weights near its start, so their mean is as good as the mean of their answers, at the cost
    of one network (Wortsman et al. 2022, Model soups).
    """
    states = [weights_of(each) for each in (network, *others)]
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name in states[0]:
                value.copy_(torch.stack([state[name] for state in states]).mean(0))
