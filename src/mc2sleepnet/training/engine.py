"""How a phase's arithmetic is run on its device: compiled or as written, and by which kernel of Adam.

Nothing here changes what is learned, only how fast and to which last bits.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any, Literal

import torch
from torch import nn

from mc2sleepnet.model.masking import MaskingModule
from mc2sleepnet.model.sequence_stack import SequenceStack
from mc2sleepnet.model.signal_backbone import SignalBackbone
from mc2sleepnet.model.spectrogram import Spectrogram
from mc2sleepnet.model.spectrogram_backbone import SpectrogramBackbone

Compile = Literal["auto", "none", "default", "reduce-overhead"]
FusedAdam = Literal["auto", "on", "off"]

# Each is a graph without a break, called with few shapes. Between them stand the choice of valid epochs, whose number
# torch has to look up, and the draws of masks.
COMPILED_PARTS = (SignalBackbone, Spectrogram, SpectrogramBackbone, SequenceStack, MaskingModule)
# A CUDA graph is one for a shape. Sequences have the same one in every step; the number of valid epochs, which the
# backbones see, changes with the padding, and theirs would be recorded anew nearly every time.
GRAPHED_PARTS = (SequenceStack, MaskingModule)


def chosen_compile(name: Compile, device: torch.device) -> Compile:
    """``"auto"`` compiles for a GPU where its compiler is installed, and nowhere else."""
    if name != "auto":
        return name
    return "default" if device.type == "cuda" and find_spec("triton") is not None else "none"


def compile_parts(network: nn.Module, name: Compile, device: torch.device) -> None:
    """Have the parts of a network compiled when they are first called; weights, and their names, stay as they are."""
    mode = chosen_compile(name, device)
    if mode == "none":
        return
    for part in network.modules():
        if isinstance(part, COMPILED_PARTS):
            part.compile(mode=mode if mode != "default" and isinstance(part, GRAPHED_PARTS) else None)


def begin_step(name: Compile) -> None:
    """Tell CUDA graphs that what the step before has left in their memory may be overwritten."""
    if name == "reduce-overhead":
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]


def steps_behind(device: torch.device) -> int:
    """How many steps a GPU may be ahead of what the host has read of them, so that it never waits for the host."""
    return 1 if device.type == "cuda" else 0


def as_written() -> AbstractContextManager[None]:
    """Within the block nothing runs compiled: what validates is what scores."""
    stance: AbstractContextManager[None] = torch.compiler.set_stance("force_eager")
    return stance


def adam(
    parameters: Iterable[nn.Parameter], *, learning_rate: float, weight_decay: float, fused: FusedAdam
) -> torch.optim.Adam:
    """Adam; in one kernel for all parameters where `fused` says so, which ``"auto"`` does on a GPU."""
    given = list(parameters)
    is_fused = fused == "on" or (fused == "auto" and bool(given) and given[0].is_cuda)
    return torch.optim.Adam(given, lr=learning_rate, weight_decay=weight_decay, fused=is_fused or None)


def engine_used(device: torch.device, *, compiled: Compile, fused: FusedAdam, corpus: str) -> dict[str, Any]:
    """What ``"auto"`` became in this run, for provenance."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "compile": chosen_compile(compiled, device),
        "fused_adam": fused == "on" or (fused == "auto" and device.type == "cuda"),
        "corpus": corpus,
    }
