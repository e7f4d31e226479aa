"""Where a phase trains, and whether other processes train with it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.model.ranks import Ranks

Device = Literal["auto", "cpu", "cuda"]


def chosen_device(name: Device) -> torch.device:
    """``"auto"`` is the GPU where there is one; of several ranks on a machine each takes its own.

    Raises
    ------
    InputError
        If CUDA is asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--set", "device=cuda, and torch sees no GPU", "Choose device=cpu, or install torch for CUDA")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def joined_ranks(device: Device) -> Iterator[Ranks]:
    """Within the block this process is one of those that `torchrun` started; alone, where it was started alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or not {"RANK", "MASTER_ADDR"} <= os.environ.keys():
        yield Ranks()
        return
    on = chosen_device(device)
    if on.type == "cuda":
        torch.cuda.set_device(on)
    store, rank, world = next(rendezvous("env://"))
    # A restarted group meets in the same store, where the dead ranks' addresses still lie.
    attempt = PrefixStore(f"attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    backend = "nccl" if on.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=attempt, rank=rank, world_size=world)
    try:
        yield Ranks.current()
    finally:
        dist.destroy_process_group()
