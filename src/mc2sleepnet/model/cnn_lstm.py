"""An outside rival: TinySleepNet's network, a small CNN per epoch and one LSTM over the sequence.

After Supratak, Guo, "TinySleepNet: An Efficient Deep Learning Model for Sleep Stage Scoring based on Raw
Single-Channel EEG", EMBC 2020: like it, not a reproduction. The sizes are those of the published design as we know it;
they were not compared with the paper or its code. Its training recipe (augmentation, weighted stages, sequences that
carry the LSTM's state through a night) is not imitated: rivals here share MC2SleepNet's loop, folds and sequences.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mc2sleepnet.core.shapes import Bool, Float
from mc2sleepnet.core.stages import N_STAGES, SAMPLES_PER_EPOCH, SAMPLING_HZ
from mc2sleepnet.model.batch_norm import BatchNorm1d
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.dropout import Dropout
from mc2sleepnet.model.staging_network import StagingNetwork

PAPER_FILTERS = 128
PAPER_HIDDEN = 128
FIRST_KERNEL = SAMPLING_HZ // 2
FIRST_STRIDE = SAMPLING_HZ // 16
LATER_KERNEL = 8
LATER_CONVOLUTIONS = 3
FIRST_POOL, LAST_POOL = 8, 4
DROPOUT = 0.5


class PaddedConvolution(nn.Module):
    """Convolution that gives ⌈T/stride⌉ samples, BatchNorm, ReLU.

    Shape: [M, C_in, T] → [M, C_out, ⌈T/stride⌉]
    """

    def __init__(self, width_in: int, width_out: int, *, kernel: int, stride: int, momentum: float) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.convolution = nn.Conv1d(width_in, width_out, kernel, stride, bias=False)
        self.norm = BatchNorm1d(width_out, momentum=momentum)

    def forward(self, x: Float[Tensor, "M C_in T"]) -> Float[Tensor, "M C_out S"]:
        normed: Tensor = self.norm(self.convolution(pad_to_cover(x, self.kernel, self.stride)))
        return F.relu(normed)


def pad_to_cover(x: Float[Tensor, "M C T"], kernel: int, stride: int) -> Float[Tensor, "M C P"]:
    """Zeros on both sides, the odd one right, so that ⌈T/stride⌉ kernels fit."""
    length = x.shape[2]
    missing = max(0, (-(-length // stride) - 1) * stride + kernel - length)
    return F.pad(x, (missing // 2, missing - missing // 2))


class CnnLstm(StagingNetwork):
    """Convolutions of ½ s, then three of 8 steps, pools of 8 and 4; an LSTM of 128, which looks back only.

    1,516,421 parameters at width 1.0 (1.3 million is the count usually printed; with which sizes is not known here).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.spectrogram = None
        filters, hidden = (max(1, round(size * config.width)) for size in (PAPER_FILTERS, PAPER_HIDDEN))
        momentum = config.batch_norm_momentum
        self.first = PaddedConvolution(1, filters, kernel=FIRST_KERNEL, stride=FIRST_STRIDE, momentum=momentum)
        self.later = nn.Sequential(
            *(
                PaddedConvolution(filters, filters, kernel=LATER_KERNEL, stride=1, momentum=momentum)
                for _ in range(LATER_CONVOLUTIONS)
            )
        )
        self.dropout = Dropout(DROPOUT, rows="epochs")
        self.answer_dropout = Dropout(DROPOUT, rows="sequences")
        samples = SAMPLES_PER_EPOCH
        for step in (FIRST_STRIDE, FIRST_POOL, LAST_POOL):
            samples = -(-samples // step)
        self.token_width = filters * samples
        self.lstm = nn.LSTM(self.token_width, hidden, batch_first=True)
        self.stage_head = nn.Linear(hidden, N_STAGES)

    @property
    def token_shape(self) -> tuple[int, int]:
        """One token an epoch: all that the CNN gives."""
        return 1, self.token_width

    def epoch_tokens(
        self, signal_uv: Float[Tensor, "M T"], statistics: Float[Tensor, "R C"] | None = None
    ) -> Float[Tensor, "M 1 D"]:
        """What the CNN makes of single epochs, laid flat."""
        x = F.max_pool1d(self.first(self.raw_input(signal_uv, statistics)[:, None]), FIRST_POOL, ceil_mode=True)
        x = F.max_pool1d(self.later(self.dropout(x)), LAST_POOL, ceil_mode=True)
        tokens: Tensor = self.dropout(x).flatten(1)
        return tokens[:, None]

    def predict(self, tokens: Float[Tensor, "B L 1 D"], is_valid: Bool[Tensor, "B L"]) -> Float[Tensor, "B L 5"]:
        """Logits of the stage head; what is not valid enters the LSTM as zeros."""
        hidden, _ = self.lstm(torch.where(is_valid[:, :, None], tokens[:, :, 0], 0.0))
        logits: Tensor = self.stage_head(self.answer_dropout(hidden))
        return logits

    def supervised_logits(self, tokens: Float[Tensor, "B L 1 D"], is_valid: Bool[Tensor, "B L"]) -> dict[str, Tensor]:
        """The one answer there is."""
        return {"stage": self.predict(tokens, is_valid)}

    def backbones(self) -> tuple[nn.Module, ...]:
        """The CNN."""
        return self.first, self.later
