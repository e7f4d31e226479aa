"""Fine-tuning: the sequence stacks and heads learn on, on frozen backbones, from all five stage predictions."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mc2sleepnet.core.model_folder import Calibration
from mc2sleepnet.core.progress import Advance, Step, silent
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.metrics.calibration import fit_temperature
from mc2sleepnet.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mc2sleepnet.model.losses import stage_cross_entropy
from mc2sleepnet.model.network import MC2SleepNet, Tokens
from mc2sleepnet.training.fold_data import FoldData, figures_of
from mc2sleepnet.training.loop import LoopOptions, TrainingResult, train
from mc2sleepnet.training.model_folder import write_model_folder
from mc2sleepnet.training.provenance import made_by
from mc2sleepnet.training.stager import TorchStager

PHASE = "fine-tuning"


class Finetuning:
    """The phase of `loop.train` that trains stacks and heads on tokens which stand still.

    Backbones are frozen and in eval mode, so every epoch is encoded once, before the first step, and not once a pass.
    """

    def __init__(
        self,
        network: MC2SleepNet,
        data: FoldData,
        *,
        scoring_stride: int,
        keep: Callable[[dict[str, float], int], None],
        advance: Advance = lambda *_: None,
    ) -> None:
        self.module: nn.Module = network
        self.network = network
        self.data = data
        self.scoring_stride = scoring_stride
        self.save = keep
        freeze_backbones(network)
        self.stager = TorchStager(network, view=network.cross_view)
        encoded = data.encode(self.stager, [*data.validation, *data.training], advance)
        self.validation_tokens = {recording: encoded[recording] for recording in data.validation}
        width = network.config.token_width
        self.tokens = torch.zeros(data.store.n_epochs, 2, width)
        for recording in data.training:
            epochs = data.epochs([recording])
            if data.store.is_readable[epochs].any():
                self.tokens[torch.from_numpy(epochs)] = torch.from_numpy(encoded[recording])

    def parameters(self) -> list[nn.Parameter]:
        """Those of the sequence stacks and heads."""
        return [parameter for parameter in self.network.parameters() if parameter.requires_grad]

    def enter_training(self) -> None:
        """Stacks train; the backbones' BatchNorm statistics and dropout stand still."""
        self.network.train()
        for part in backbones(self.network):
            part.eval()

    def loss(self, indices: Tensor, masking: torch.Generator) -> tuple[Tensor, dict[str, float]]:  # noqa: ARG002
        """Sum of the five cross-entropies. Shape: [B, L] → scalar"""
        device = next(self.network.parameters()).device
        is_valid = (indices >= 0).to(device)
        both = self.tokens[indices.clamp(min=0)].to(device)
        tokens = Tokens(both[:, :, 0], both[:, :, 1])
        stage_of = self.data.store.stage
        stage = torch.from_numpy(np.where(indices >= 0, stage_of[indices], UNSCORED)).long().to(device)

        single, cross = self.network.single_view(tokens, is_valid), self.network.cross_view(tokens, is_valid)
        terms = {
            "ce_fusion": stage_cross_entropy(cross.fusion, stage),
            "ce_cross_signal": stage_cross_entropy(cross.signal, stage),
            "ce_cross_spectrogram": stage_cross_entropy(cross.spectrogram, stage),
            "ce_single_signal": stage_cross_entropy(single.signal, stage),
            "ce_single_spectrogram": stage_cross_entropy(single.spectrogram, stage),
        }
        total = torch.stack(list(terms.values())).sum()
        return total, {name: term.item() for name, term in terms.items()}

    def recordings_of(self, indices: Tensor) -> list[str]:
        """Names of the recordings whose epochs are in a batch."""
        return self.data.names_of(indices.numpy())

    def validate(self) -> dict[str, float]:
        """Figures of the cross-view fusion head on the validation recordings."""
        return figures_of(*self.data.relate(self.stager, self.validation_tokens, stride=self.scoring_stride))


def backbones(network: MC2SleepNet) -> tuple[nn.Module, ...]:
    """What turns an epoch into its two tokens, and is frozen in fine-tuning."""
    return network.signal_backbone, network.signal_token, network.spectrogram_backbone


def freeze_backbones(network: MC2SleepNet) -> None:
    """No gradient, and eval mode, for everything before the epoch tokens."""
    for part in backbones(network):
        part.requires_grad_(False).eval()


def finetune(
    data: FoldData,
    start: Path,
    out: Path,
    *,
    loop: LoopOptions,
    resume: bool = False,
    step: Step = silent,
) -> TrainingResult:
    """Fine-tune a pre-trained network on one fold; `out` then is a model folder that `score` takes.

    Parameters
    ----------
    data
        Store and fold.
    start
        Folder of the network to start from.
    out
        Folder of the run.
    loop
        Limits and rates.
    resume
        Go on where an interrupted run in `out` stopped.
    step
        Shows how far it is.

    Raises
    ------
    InputError
        If `start` holds no network, or one that has learned from this fold's held-out subjects; or see `loop.train`.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM between two steps, with everything saved.
    """
    parent = load_checkpoint(start)
    data.refuse_leak_from(parent.provenance, start)
    network = parent.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    loop.check_against(network.config.sequence_length)
    is_synthetic = parent.is_synthetic or data.store.is_synthetic
    fingerprint: dict[str, Any] = {
        "phase": PHASE,
        "network": network.config.to_json(),
        "loop": asdict(loop),
        "parent_weights_sha256": parent.weights_sha256,
        **data.describe(),
    }

    def keep(figures: dict[str, float], step: int) -> None:
        provenance = made_by() | fingerprint | {"parent": parent.provenance, "best": {"step": step, **figures}}
        save_checkpoint(Checkpoint(network=network, phase=PHASE, is_synthetic=is_synthetic, provenance=provenance), out)

    with step("encoding") as advance:
        phase = Finetuning(network, data, scoring_stride=loop.scoring_stride, keep=keep, advance=advance)
    training_sequences = data.training_sequences(length=network.config.sequence_length, stride=loop.sequence_stride)
    with step(PHASE) as advance:
        result = train(phase, training_sequences, loop, out, fingerprint=fingerprint, resume=resume, advance=advance)

    best = load_checkpoint(out)
    stager = TorchStager(best.network, view=best.network.cross_view)
    log_probabilities, stage = data.relate(stager, phase.validation_tokens, stride=loop.scoring_stride)
    is_read = ~np.isnan(log_probabilities).any(axis=1)
    calibration = Calibration(
        temperature=fit_temperature(log_probabilities[is_read], stage[is_read]),
        n_epochs=int(np.count_nonzero(stage[is_read] != UNSCORED)),
        scoring_stride=loop.scoring_stride,
    )
    with step("exporting") as advance:
        advance(0, 1, "graphs")
        write_model_folder(best, calibration, out)
        advance(1, 1, "graphs")
    return result
