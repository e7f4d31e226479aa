"""A linear probe: what frozen tokens know of the stages, read by the simplest reader there is.

It is fitted on scored training epochs, told on validation epochs, and decides nothing.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mc2sleepnet.core.dead_stretches import bridged
from mc2sleepnet.core.shapes import Float, Int
from mc2sleepnet.core.stages import N_STAGES, UNSCORED
from mc2sleepnet.inference import EPOCHS_PER_CALL, Stager, statistics_read
from mc2sleepnet.metrics.agreement import agreement
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.seeding import keyed_seed

MOST_EPOCHS = 2048
RIDGE = 1e-3
MOST_ITERATIONS = 100


def fit_linear(tokens: Float[Tensor, "M D"], stage: Int[Tensor, "M"]) -> Float[Tensor, "K 5"]:
    """Weights of a ridge-penalised multinomial regression; the last row is the bias.

    Shape: [M, D], [M] → [D + 1, 5]
    """
    weight = tokens.new_zeros(tokens.shape[1] + 1, N_STAGES).requires_grad_()
    optimizer = torch.optim.LBFGS([weight], max_iter=MOST_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        total = F.cross_entropy(with_bias(tokens) @ weight, stage) + RIDGE * weight[:-1].square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach()


def with_bias(tokens: Float[Tensor, "M D"]) -> Float[Tensor, "M K"]:
    """A one behind every token."""
    return torch.cat([tokens, tokens.new_ones(len(tokens), 1)], dim=1)


def linear_probe(
    data: FoldData, stager: Stager, validation_tokens: dict[int, NDArray[np.float32]], *, seed: int
) -> dict[str, float]:
    """Agreement of a linear reader of both tokens with the validation subjects' stages.

    Parameters
    ----------
    data
        Store and fold.
    stager
        Encodes at most 2048 scored training epochs, the same ones for a seed.
    validation_tokens
        By recording, each [N, S, D].
    seed
        Of the draw.

    Returns
    -------
    dict
        ``probe_accuracy``, ``probe_macro_f1``, ``probe_kappa``; empty where a side has no scored epochs.
    """
    epochs = data.epochs(data.training)
    epochs = epochs[data.store.is_readable[epochs] & (data.stage(epochs, "training") != UNSCORED)]
    judged = data.epochs(list(validation_tokens))
    reference = data.stage(judged, "validation")
    is_judged = data.store.is_readable[judged] & (reference != UNSCORED)
    if len(epochs) == 0 or not is_judged.any():
        return {}
    order = np.random.default_rng(keyed_seed(seed, "probe")).permutation(len(epochs))
    chosen = np.sort(epochs[order[:MOST_EPOCHS]])
    learned = np.concatenate([_encoded(data, stager, piece) for piece in _by_recording(data, chosen)])
    tokens, wanted = (
        torch.from_numpy(part.reshape(len(part), -1)).double()
        for part in (learned, np.concatenate(list(validation_tokens.values()))[is_judged])
    )
    mean, deviation = tokens.mean(dim=0), tokens.std(dim=0).clamp(min=1e-6)
    stage = torch.from_numpy(data.stage(chosen, "training")).long()
    with torch.enable_grad():
        weight = fit_linear((tokens - mean) / deviation, stage)
    found = (with_bias((wanted - mean) / deviation) @ weight).argmax(dim=1).numpy().astype(np.int8)
    figures = agreement(reference[is_judged], found)
    return {
        "probe_accuracy": figures.accuracy,
        "probe_macro_f1": figures.macro_f1,
        "probe_kappa": figures.kappa,
    }


def _by_recording(data: FoldData, epochs: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Epochs, in order, cut where another recording begins and into what one call encodes."""
    own = np.split(epochs, np.flatnonzero(np.diff(data.store.recording_of(epochs))) + 1)
    return [part[start : start + EPOCHS_PER_CALL] for part in own for start in range(0, len(part), EPOCHS_PER_CALL)]


def _encoded(data: FoldData, stager: Stager, epochs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Tokens of epochs of one training recording. Shape: [M] → [M, S, D]"""
    signal_uv = data.signal_uv(epochs, "training", margin=stager.margin_samples)
    if not stager.needs_statistics:
        return stager.encode(signal_uv)
    recording = data.epochs([int(data.store.recording_of(epochs[:1])[0])])
    whole_uv = bridged(data.signal_uv(recording[data.store.is_readable[recording]], "training"))
    return stager.encode(bridged(signal_uv), statistics_read(stager, whole_uv, np.ones(len(whole_uv), np.bool_)))
