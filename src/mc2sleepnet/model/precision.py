"""Reduced precision: which steps may round to bfloat16, and which never do."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn


def autocast(device: torch.device, precision: Literal["float32", "bf16"]) -> AbstractContextManager[None]:
    """Matrix products and convolutions within the block run in bfloat16, where `precision` says so."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def full_precision(device: torch.device) -> AbstractContextManager[None]:
    """Nothing within the block is rounded to bfloat16, whatever stands around it."""
    if not torch.is_autocast_enabled(device.type):
        return nullcontext()  # exporters do not follow the switch, and need not
    return torch.autocast(device.type, enabled=False)


def at_least_float32(x: Tensor) -> Tensor:
    """Widen bfloat16 and float16; leave float32 and float64 as they are."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


class LayerNorm(nn.LayerNorm):
    """LayerNorm that never computes below float32: sums of squares over a token do not survive bfloat16."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(at_least_float32(x))
