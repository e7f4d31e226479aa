"""In which order training meets its sequences, and what is drawn for each step."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mc2sleepnet.training.batch import Batch
from mc2sleepnet.training.loop_options import LoopOptions
from mc2sleepnet.training.row_generator import keys_of_examples
from mc2sleepnet.training.seeding import keyed_generator, keyed_seed
from mc2sleepnet.training.update import Phase


def batches(sequences: NDArray[np.int64], size: int, seed: int, first_step: int) -> Iterator[tuple[int, Tensor]]:
    """Endless batches in an order that each pass draws anew, from `first_step` on.

    Yields the pass and indices [B, L]. The last batch of a pass is dropped where it would be smaller.
    """
    size = min(size, len(sequences))
    steps_per_pass = len(sequences) // size
    current_pass, within = divmod(first_step, steps_per_pass)
    while True:
        order = np.random.default_rng(keyed_seed(seed, "order", current_pass)).permutation(len(sequences))
        for step in range(within, steps_per_pass):
            yield current_pass, torch.from_numpy(sequences[order[step * size : (step + 1) * size]])
        current_pass, within = current_pass + 1, 0


class Drawn(NamedTuple):
    """All that a step needs and that no step before it has changed."""

    in_pass: int
    indices: Tensor
    batch: Batch


def drawn(phase: Phase, sequences: NDArray[np.int64], options: LoopOptions, first_step: int) -> Iterator[Drawn]:
    """Endless batches with what the network reads of them, from `first_step` on, each keyed by its step."""
    stream = batches(sequences, options.batch_sequences, options.seed, first_step)
    for step, (in_pass, indices) in enumerate(stream, start=first_step):
        masking = keyed_generator(options.seed, "masking", step)
        batch = phase.batch(indices, masking)
        if options.augmentation != "none":
            batch = batch._replace(keys=keys_of_examples(indices, seed=options.seed, purpose="augmentation", step=step))
        yield Drawn(in_pass, indices, batch)
