"""How readily a trained network answers a stage: the odds of its answers, changed by known factors.

What a network takes to be rare it answers late. Where those that it is for have more of a stage than its training had,
or it misses the stage there, the odds of that stage can be raised without training anew: the logit moves by the
factor's logarithm, the order of a night's epochs by that stage stays (logit adjustment; Menon et al. 2021, ICLR).
"""

from collections.abc import Mapping
from copy import deepcopy

import torch

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.model.network import MC2SleepNet


@torch.no_grad()
def with_odds(network: MC2SleepNet, factors: Mapping[str, float]) -> MC2SleepNet:
    """A copy of a network of which the prediction's odds of stages are multiplied.

    Parameters
    ----------
    network
        Stays as it is.
    factors
        By the stage's name, above 0; a stage that is not named keeps its odds against the others that are not.

    Returns
    -------
    MC2SleepNet
        In eval mode. Heads that are not its prediction answer as before.
    """
    changed = deepcopy(network).eval()
    bias = changed.prediction_layer.bias
    for stage, factor in factors.items():
        bias[STAGES.index(stage)] += torch.tensor(factor).log()
    return changed
