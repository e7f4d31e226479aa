"""Which generator draws the dropout of which rows of a batch (model/dropout.py)."""

from itertools import pairwise

import torch
from torch import Tensor

from mc2sleepnet.model.dropout import Block, Rows
from mc2sleepnet.model.ranks import Ranks, Share
from mc2sleepnet.training.seeding import keyed_seed


def dropout_blocks(
    seen: Tensor, n_blocks: int, device: torch.device, *, seed: int, step: int, ranks: Ranks | None = None
) -> list[Block]:
    """The blocks of a batch that this rank's rows lie in.

    Parameters
    ----------
    seen
        Shape ``[B, L]``: the whole batch, -1 where padded.
    n_blocks
        Into how many the batch is cut; at the most one a row.
    device
        Of training: a generator draws where it lives.
    seed, step
        Key the generators, with the number of the block.
    ranks
        None for the group this process has joined.
    """
    ranks = ranks or Ranks.current()
    n_rows, each = len(seen), Share(ranks, len(seen)).rows_each
    first, end = ranks.rank * each, (ranks.rank + 1) * each
    epochs_before = torch.cat([torch.zeros(1, dtype=torch.long), (seen >= 0).sum(dim=1).cumsum(0)]).tolist()
    bounds = [n_rows * block // n_blocks for block in range(n_blocks + 1)]
    blocks = []
    for number, (start, stop) in enumerate(pairwise(bounds)):
        own_start, own_stop = max(start, first), min(stop, end)
        if own_start >= own_stop:
            continue
        generator = torch.Generator(device).manual_seed(keyed_seed(seed, f"dropout of block {number}", step))
        blocks.append(
            Block(
                generator,
                {"sequences": stop - start, "epochs": epochs_before[stop] - epochs_before[start]},
                {
                    "sequences": slice(own_start - start, own_stop - start),
                    "epochs": slice(
                        epochs_before[own_start] - epochs_before[start], epochs_before[own_stop] - epochs_before[start]
                    ),
                },
            )
        )
    filled = end - max(first, min(end, n_rows))
    if filled:  # rows that only fill a rank's share: nobody reads what comes of them
        generator = torch.Generator(device).manual_seed(0)
        own: dict[Rows, slice] = {"sequences": slice(None), "epochs": slice(0)}
        blocks.append(Block(generator, {"sequences": filled, "epochs": 0}, own))
    return blocks
