"""Teach a network what whole nights' statistics are like, from parts of the training recordings.

Parts are stretches of five lengths, 20 min to the whole recording, one behind the other, and the epochs of some stages
only: what short records and broken nights are.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mc2sleepnet.core.completion import FAMILIAR_RMS, FOREIGN_RMS, NIGHT_EPOCHS, PART_EPOCHS, Completion, Ridge
from mc2sleepnet.core.progress import Advance, Step
from mc2sleepnet.core.stages import N3, N_STAGES, W
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.training.fit_stage_levels import fit_stage_levels
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.recording_parts import SHORTEST_EPOCHS, thinned_recordings
from mc2sleepnet.training.seeding import keyed_generator

N_LENGTHS, N_SELECTIONS = 5, 3


def completing(config: NetworkConfig) -> dict[str, Any]:
    """What a run whose network reads completed statistics needs in common with one that goes on."""
    if config.statistics_completion == "none":
        return {}
    return {
        "statistics_completed": {
            "in_full_up_to_epochs": PART_EPOCHS,
            "none_from_epochs": NIGHT_EPOCHS,
            "in_full_up_to_deviations": FAMILIAR_RMS,
            "none_from_deviations": FOREIGN_RMS,
        }
    }


def fit_completion(config: NetworkConfig, data: FoldData, *, seed: int, step: Step) -> Completion | None:
    """What a network's option `statistics_completion` asks for, learned from all training recordings; None for none."""
    if config.statistics_completion == "none":
        return None
    with step("completion of statistics") as advance:
        ridge = fit_ridge(data, seed=seed, removes_drift=config.removes_drift, advance=advance)
    levels = None
    if config.statistics_completion == "ridge+stages":
        with step("levels of stages") as advance:
            levels = fit_stage_levels(data, removes_drift=config.removes_drift, advance=advance)
    return Completion(ridge=ridge, levels=levels)


def fit_ridge(
    data: FoldData,
    *,
    seed: int,
    strength: float = 1.0,
    removes_drift: bool = False,
    advance: Advance = lambda *_: None,
) -> Ridge:
    """Fit it on parts of all training recordings, every kind of part counting as much.

    Parameters
    ----------
    data
        Whose training recordings.
    seed
        Of the parts' draws.
    strength
        Share of the learned change that is made: less than 1 for networks that learned with statistics as they are.
    removes_drift
        Whether the network reads epochs without slow drift.
    advance
        Told recordings done, all of them, and the last one's name.
    """
    part, whole, kind = [], [], []
    for night in thinned_recordings(data, data.training, removes_drift=removes_drift, advance=advance):
        of_whole = night.statistics(np.ones(len(night.decibels), np.bool_))
        generator = keyed_generator(seed, "completion", night.recording)
        for own, is_in in parts_of(data.stage(night.epochs, "training"), generator):
            chosen = is_in[night.is_readable]
            if chosen.sum() >= min(SHORTEST_EPOCHS, len(chosen)):
                part.append(night.statistics(chosen))
                whole.append(of_whole)
                kind.append(own)
    kinds = np.array(kind)
    counts = 1 / np.bincount(kinds)[kinds]
    return Ridge.of_parts(np.stack(part), np.stack(whole), counts / counts.mean(), strength=strength)


def parts_of(stage: NDArray[np.int8], generator: torch.Generator) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Kinds of parts and their epochs: 0 the whole, then stretches from short to long, then choices of stages.

    Shape: [N] → [N] each
    """
    n_epochs, place = len(stage), np.arange(len(stage))
    shortest = min(SHORTEST_EPOCHS, n_epochs)
    yield 0, np.ones(n_epochs, np.bool_)
    for index, (share, offset) in enumerate(torch.rand(N_LENGTHS, 2, generator=generator).tolist()):
        # Log-uniform: half of the lengths are below two hours.
        length = round(shortest * (n_epochs / shortest) ** ((index + share) / N_LENGTHS))
        hop = max(1, length // 2)
        for start in np.unique(np.arange(-int(offset * hop), n_epochs, hop).clip(0, n_epochs - length)).tolist():
            yield 1 + index, (place >= start) & (place < start + length)
    for index, draws in enumerate(torch.rand(N_SELECTIONS - 1, N_STAGES, generator=generator).tolist()):
        yield 1 + N_LENGTHS + index, np.isin(stage, np.flatnonzero(np.array(draws) < 0.5))
    # Wake and deep sleep alone: what is left where only sure epochs are kept, and hardest for relative views.
    yield N_LENGTHS + N_SELECTIONS, np.isin(stage, (W, N3))
