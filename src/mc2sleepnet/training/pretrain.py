"""Pre-training: stages, InfoNCE over epochs and cross-masking over sequences, all at once."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from mc2sleepnet.core.progress import Advance, Step, silent
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.model.checkpoint import Checkpoint, save_checkpoint
from mc2sleepnet.model.losses import info_nce, negative_pairs, restoration_l1, stage_cross_entropy
from mc2sleepnet.model.masking import sample_is_masked
from mc2sleepnet.model.network import NetworkConfig, PretrainingNetwork, Tokens
from mc2sleepnet.model.spectrogram import Spectrogram
from mc2sleepnet.training.fold_data import FoldData, figures_of
from mc2sleepnet.training.loop import LoopOptions, TrainingResult, train
from mc2sleepnet.training.provenance import made_by
from mc2sleepnet.training.seeding import seeded_torch
from mc2sleepnet.training.stager import TorchStager

PHASE = "pre-training"
STATISTICS_EPOCHS_PER_CALL = 256


@dataclass(frozen=True, kw_only=True)
class PretrainOptions:
    """What pre-training asks for; the defaults are the preset ``paper``.

    Attributes
    ----------
    mask_ratio
        M, share of a sequence's valid epochs hidden in each modality.
    nce_temperature
        τ of InfoNCE.
    nce_skip_neighbours
        Whether the epochs right before and after are no negatives.
    lambda_nce, lambda_recon
        Weights of InfoNCE and of the restoration beside the three cross-entropies.
    recon_positions
        ``"all"`` valid epochs of a sequence, or the ``"masked"`` ones only.
    recon_reduction
        ``"mean"`` or ``"sum"`` of the absolute errors, over epochs and over the two modalities.
    detach_targets
        Whether no gradient flows into the tokens to be restored.
    """

    mask_ratio: float = 0.5
    nce_temperature: float = 0.07
    nce_skip_neighbours: bool = False
    lambda_nce: float = 0.1
    lambda_recon: float = 1.0
    recon_positions: Literal["all", "masked"] = "all"
    recon_reduction: Literal["mean", "sum"] = "mean"
    detach_targets: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.mask_ratio < 1:
            raise ValueError(f"mask_ratio must lie in (0, 1), not {self.mask_ratio}")
        if not self.nce_temperature > 0:
            raise ValueError(f"nce_temperature must be positive, not {self.nce_temperature}")
        if self.lambda_nce < 0 or self.lambda_recon < 0:
            raise ValueError("lambda_nce and lambda_recon must not be negative")
        if self.recon_positions not in ("all", "masked"):
            raise ValueError(f"recon_positions must be 'all' or 'masked', not {self.recon_positions!r}")
        if self.recon_reduction not in ("mean", "sum"):
            raise ValueError(f"recon_reduction must be 'mean' or 'sum', not {self.recon_reduction!r}")


class Pretraining:
    """The phase of `loop.train` that trains everything."""

    def __init__(
        self,
        model: PretrainingNetwork,
        data: FoldData,
        options: PretrainOptions,
        *,
        scoring_stride: int,
        keep: Callable[[dict[str, float], int], None],
    ) -> None:
        self.module: nn.Module = model
        self.model = model
        self.data = data
        self.options = options
        self.scoring_stride = scoring_stride
        self.save = keep

    def parameters(self) -> list[nn.Parameter]:
        """All of them."""
        return list(self.model.parameters())

    def enter_training(self) -> None:
        """Everything trains."""
        self.model.train()

    def loss(self, indices: Tensor, masking: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """The pre-training loss (docs/method.md) of sequences of epochs. Shape: [B, L] → scalar"""
        store = self.data.store
        device = next(self.model.parameters()).device
        is_valid = (indices >= 0).to(device)
        signal_uv = torch.from_numpy(store.signal_uv(indices.numpy())).to(device)
        stage = torch.from_numpy(np.where(indices >= 0, store.stage[indices], UNSCORED)).long().to(device)
        recording = torch.from_numpy(store.recording_of(indices.clamp(min=0).numpy())).to(device)

        tokens = self.model.network.encode(signal_uv, is_valid)
        terms = self.stage_terms(tokens, stage, is_valid)
        terms["nce"] = self.options.lambda_nce * self.nce_term(tokens, indices.to(device), recording, is_valid)
        terms["recon"] = self.options.lambda_recon * self.restoration_term(tokens, is_valid, masking)
        total = torch.stack(list(terms.values())).sum()
        return total, {name: term.item() for name, term in terms.items()}

    def stage_terms(self, tokens: Tokens, stage: Tensor, is_valid: Tensor) -> dict[str, Tensor]:
        """Cross-entropies of the single views and of their fusion."""
        logits = self.model.single_view(tokens, is_valid)
        return {f"ce_{head}": stage_cross_entropy(of_head, stage) for head, of_head in logits._asdict().items()}

    def nce_term(self, tokens: Tokens, epoch: Tensor, recording: Tensor, is_valid: Tensor) -> Tensor:
        """InfoNCE between both modalities' projected tokens of the batch's valid epochs."""
        project = self.model.extra.projector
        return info_nce(
            project(tokens.signal[is_valid]).float(),
            project(tokens.spectrogram[is_valid]).float(),
            negative_pairs(epoch[is_valid], recording[is_valid], skip_neighbours=self.options.nce_skip_neighbours),
            temperature=self.options.nce_temperature,
        )

    def restoration_term(self, tokens: Tokens, is_valid: Tensor, masking: torch.Generator) -> Tensor:
        """Cross-masking: each modality's masked epochs restored from the other."""
        ratio = self.options.mask_ratio
        is_masked = Tokens(*(sample_is_masked(is_valid, ratio, masking) for _ in tokens))
        restored = self.model.restore(tokens, is_masked.signal, is_masked.spectrogram, is_valid)
        losses = []
        for found, target, hidden in zip(restored, tokens, is_masked, strict=True):
            # A sequence of fewer than two epochs has nothing hidden and takes no part.
            takes_part = hidden if self.options.recon_positions == "masked" else is_valid & hidden.any(1, True)
            wanted = target.detach() if self.options.detach_targets else target
            losses.append(restoration_l1(found, wanted, takes_part, reduction=self.options.recon_reduction))
        return torch.stack(losses).sum() if self.options.recon_reduction == "sum" else torch.stack(losses).mean()

    def recordings_of(self, indices: Tensor) -> list[str]:
        """Names of the recordings whose epochs are in a batch."""
        return self.data.names_of(indices.numpy())

    def validate(self) -> dict[str, float]:
        """Figures of the single-view fusion head on the validation recordings."""
        stager = TorchStager(self.model.network, view=self.model.single_view)
        tokens = self.data.encode(stager, self.data.validation)
        return figures_of(*self.data.relate(stager, tokens, stride=self.scoring_stride))


def fit_spectrogram_statistics(spectrogram: Spectrogram, data: FoldData, advance: Advance = lambda *_: None) -> None:
    """Set mean and deviation per frequency bin from the fold's readable training epochs, and from no others."""
    epochs = data.epochs(data.training)
    epochs = epochs[data.store.is_readable[epochs]]
    n_frames, total, total_of_squares = (
        0,
        torch.zeros((), dtype=torch.float64),
        torch.zeros((), dtype=torch.float64),
    )
    for start in range(0, len(epochs), STATISTICS_EPOCHS_PER_CALL):
        indices = epochs[start : start + STATISTICS_EPOCHS_PER_CALL]
        decibels = spectrogram.decibels(torch.from_numpy(data.store.signal_uv(indices))).double().flatten(0, 1)
        n_frames += len(decibels)
        total = total + decibels.sum(dim=0)
        total_of_squares = total_of_squares + decibels.square().sum(dim=0)
        advance(start + len(indices), len(epochs), "statistics of the training epochs")
    mean = total / n_frames
    spectrogram.mean_db.copy_(mean)
    spectrogram.deviation_db.copy_((total_of_squares / n_frames - mean.square()).clamp(min=0).sqrt())


def pretrain(
    data: FoldData,
    out: Path,
    *,
    network: NetworkConfig,
    options: PretrainOptions,
    loop: LoopOptions,
    resume: bool = False,
    step: Step = silent,
) -> TrainingResult:
    """Pre-train a network on one fold; `out` then holds the best one by validation macro-F1.

    Parameters
    ----------
    data
        Store and fold.
    out
        Folder of the run.
    network, options, loop
        Shape, losses, limits.
    resume
        Go on where an interrupted run in `out` stopped.
    step
        Shows how far it is.

    Raises
    ------
    InputError
        See `loop.train`.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM between two steps, with everything saved.
    """
    loop.check_against(network.sequence_length)
    with seeded_torch(loop.seed, "initialisation"):
        model = PretrainingNetwork(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with step("spectrogram") as advance:
        fit_spectrogram_statistics(model.network.spectrogram, data, advance)
    fingerprint: dict[str, Any] = {
        "phase": PHASE,
        "network": network.to_json(),
        "options": asdict(options),
        "loop": asdict(loop),
        **data.describe(),
    }

    def keep(figures: dict[str, float], step: int) -> None:
        provenance = made_by() | fingerprint | {"best": {"step": step, **figures}}
        save_checkpoint(
            Checkpoint(
                network=model.network,
                phase=PHASE,
                is_synthetic=data.store.is_synthetic,
                provenance=provenance,
            ),
            out,
        )

    phase = Pretraining(model, data, options, scoring_stride=loop.scoring_stride, keep=keep)
    training_sequences = data.training_sequences(length=network.sequence_length, stride=loop.sequence_stride)
    with step(PHASE) as advance:
        return train(phase, training_sequences, loop, out, fingerprint=fingerprint, resume=resume, advance=advance)
