"""The raw backbone: SleePyCo's CNN, five blocks of convolutions from 3000 samples to one epoch token."""

import torch.nn.functional as F
from torch import Tensor, nn

from mc2sleepnet.core.shapes import Float
from mc2sleepnet.model.batch_norm import BatchNorm2d

BLOCK_WIDTHS = (64, 128, 192, 256, 256)
CONVOLUTIONS_PER_BLOCK = (2, 2, 3, 3, 3)
POOL = 5
GATE_REDUCTION = 16


class Gate(nn.Module):
    """Squeeze-and-excitation: one factor per width, from the average over time.

    Shape: [M, C, 1, T] → [M, C, 1, T]
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = max(1, width // GATE_REDUCTION)
        self.squeeze = nn.Linear(width, hidden)
        self.excite = nn.Linear(hidden, width)

    def forward(self, x: Float[Tensor, "M C 1 T"]) -> Float[Tensor, "M C 1 T"]:
        factor: Tensor = self.excite(F.relu(self.squeeze(x.mean(dim=(2, 3))))).sigmoid()
        return x * factor[:, :, None, None]


class Convolution(nn.Module):
    """Convolution of 3 samples, BatchNorm, optional gate, PReLU with one slope.

    Shape: [M, C_in, 1, T] → [M, C_out, 1, T]
    """

    def __init__(self, width_in: int, width_out: int, *, gated: bool, momentum: float) -> None:
        super().__init__()
        # Written in 2-D with one row: channels-last 2-D kernels are the fast ones on CPUs and GPUs alike.
        self.convolution = nn.Conv2d(width_in, width_out, kernel_size=(1, 3), padding=(0, 1))
        self.norm = BatchNorm2d(width_out, momentum=momentum)
        self.gate = Gate(width_out) if gated else nn.Identity()
        self.activation = nn.PReLU()

    def forward(self, x: Float[Tensor, "M C_in 1 T"]) -> Float[Tensor, "M C_out 1 T"]:
        activated: Tensor = self.activation(self.gate(self.norm(self.convolution(x))))
        return activated


class SignalBackbone(nn.Module):
    """CNN over one raw epoch [C], without the token layer.

    Shape: [M, T=3000] µV → [M, 256·width, 5]

    Parameters
    ----------
    width
        Scale of every width; 1.0 is the paper's: 1,543,621 parameters.
    momentum
        Momentum of the BatchNorms' running statistics.
    """

    def __init__(self, *, width: float = 1.0, momentum: float = 0.1) -> None:
        super().__init__()
        widths = [max(1, round(block_width * width)) for block_width in BLOCK_WIDTHS]
        self.width_out = widths[-1]
        blocks = []
        width_in = 1
        for width_out, depth in zip(widths, CONVOLUTIONS_PER_BLOCK, strict=True):
            convolutions = []
            for index in range(depth):
                gated = index == depth - 1
                convolutions.append(Convolution(width_in, width_out, gated=gated, momentum=momentum))
                width_in = width_out
            blocks.append(nn.Sequential(*convolutions))
        self.blocks = nn.ModuleList(blocks)

    def forward(self, signal_uv: Float[Tensor, "M T"]) -> Float[Tensor, "M C S"]:
        x = signal_uv[:, None, None, :]
        for index, block in enumerate(self.blocks):
            if index > 0:
                missing = -x.shape[3] % POOL  # 24 samples are padded to 25, on the right
                x = F.max_pool2d(F.pad(x, (0, missing)) if missing else x, kernel_size=(1, POOL))
            x = block(x)
        return x.squeeze(2)
