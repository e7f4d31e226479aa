"""BatchNorm whose statistics are those of the whole batch, also where several ranks share it."""

import torch
from torch import Tensor, nn

from mc2sleepnet.model.ranks import Ranks


class _AcrossRanks(nn.modules.batchnorm._BatchNorm):
    """On one rank torch's own; on several, means and variances come from all ranks' rows, however many each has.

    torch's SyncBatchNorm does the same on CUDA only.
    """

    def forward(self, x: Tensor) -> Tensor:
        ranks = Ranks.current()
        if ranks.world == 1 or not self.training:
            return super().forward(x)
        spread = [dimension for dimension in range(x.dim()) if dimension != 1]
        shape = [-1 if dimension == 1 else 1 for dimension in range(x.dim())]
        n = ranks.sum(x.new_tensor([x.numel() // x.shape[1]], dtype=torch.float64)).to(x.dtype)
        mean = ranks.sum(x.sum(dim=spread)) / n
        centred = x - mean.view(shape)
        variance = ranks.sum(centred.square().sum(dim=spread)) / n
        self._remember(mean.detach(), variance.detach() * n / (n - 1))
        scaled = centred * (variance + self.eps).rsqrt().view(shape)
        return scaled * self.weight.view(shape) + self.bias.view(shape)

    @torch.no_grad()
    def _remember(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(unbiased_variance.to(self.running_var.dtype), self.momentum)
        self.num_batches_tracked += 1


class BatchNorm1d(_AcrossRanks, nn.BatchNorm1d):
    """Shape: [M, C, T] → [M, C, T]."""


class BatchNorm2d(_AcrossRanks, nn.BatchNorm2d):
    """Shape: [M, C, H, W] → [M, C, H, W]."""
