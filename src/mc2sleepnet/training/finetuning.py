"""The phase that learns stages alone: what it freezes, hides and weighs, and the loss of its sequences."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mc2sleepnet.core.options import check_choices
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.core.stages import N_STAGES, UNSCORED
from mc2sleepnet.model.losses import stage_cross_entropy
from mc2sleepnet.model.ranks import Ranks, Share
from mc2sleepnet.model.staging_network import StagingNetwork
from mc2sleepnet.model.valid_epochs import places_of
from mc2sleepnet.training.augmentation import augmented_batch
from mc2sleepnet.training.averaged_weights import averaged, weights_of
from mc2sleepnet.training.batch import Batch
from mc2sleepnet.training.cached_tokens import CachedTokens, encode_training
from mc2sleepnet.training.engine import as_written
from mc2sleepnet.training.fold_data import FoldData, figures_of
from mc2sleepnet.training.kept_tokens import KeptTokens
from mc2sleepnet.training.leaks import SameNames
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.recording_parts import RecordingParts
from mc2sleepnet.training.stager import TorchStager
from mc2sleepnet.training.training_signals import Inputs, SignalsOnHost


@dataclass(frozen=True, kw_only=True)
class FinetuneOptions:
    """What fine-tuning does; the defaults are the preset ``paper``.

    Attributes
    ----------
    backbones
        ``"frozen"``, in eval mode, so that without augmentation every epoch is encoded once; or ``"trained"``, with
        the rest.
    hole_probability
        Share of a sequence's epochs hidden in every step as if they could not be read, so that the network meets
        the holes of real nights; no stage is asked for there.
    stage_weight_power
        p: an epoch of a stage whose share of the scored training epochs is s weighs s⁻ᵖ in the cross-entropies. 0: all
        epochs weigh alike; 1: all stages do, however rare.
    start_share
        What is validated and kept is an average of the weights: of those it started from by this share, of those it
        has reached by the rest.
    same_names
        Of two stores of folders of one's own: whether a subject of this one that has the name of a subject of the
        store the start learned from is that person, or somebody else. Within one store it always is.
    """

    backbones: Literal["frozen", "trained"] = "frozen"
    hole_probability: float = 0.0
    stage_weight_power: float = 0.0
    start_share: float = 0.0
    same_names: SameNames = "same_people"

    def __post_init__(self) -> None:
        check_choices(self)
        if not 0 <= self.hole_probability < 1:
            raise ValueError(f"hole_probability must lie in [0, 1), not {self.hole_probability}")
        if not 0 <= self.stage_weight_power <= 1:
            raise ValueError(f"stage_weight_power must lie in [0, 1], not {self.stage_weight_power}")
        if not 0 <= self.start_share < 1:
            raise ValueError(f"start_share must lie in [0, 1), not {self.start_share}")


class Finetuning:
    """The phase of `loop.train` that learns stages alone.

    Where backbones are frozen and in eval mode, every epoch is encoded once, before the first step, and not once a
    pass; but with augmentation in every step.
    """

    def __init__(
        self,
        network: StagingNetwork,
        data: FoldData,
        options: FinetuneOptions | None = None,
        *,
        loop: LoopOptions,
        keep: Callable[[dict[str, float], int], None],
        advance: Advance = lambda *_: None,
        parts: RecordingParts | None = None,
        signals: Inputs | None = None,
        kept: KeptTokens | None = None,
    ) -> None:
        self.module: nn.Module = network
        self.parts = parts
        self.network = network
        self.data = data
        self.options = options or FinetuneOptions()
        self.loop = loop
        self._keep = keep
        self._start = weights_of(network)
        self.stager = TorchStager(network)
        device = next(network.parameters()).device
        self.stage_weight = stage_weight(data, self.options.stage_weight_power)
        self._validation_tokens: dict[int, NDArray[np.float32]] | None = None
        if self.options.backbones == "frozen":
            freeze_backbones(network)
            self._validation_tokens = data.encode(self.stager, data.validation, advance, kept=kept)
        # What is augmented is another signal in every step, and encoded there.
        self.encodes_once = self.options.backbones == "frozen" and loop.augmentation == "none"
        if self.encodes_once:
            tokens = encode_training(data, self.stager, network.token_shape, advance, parts=parts, kept=kept)
            self.inputs: Inputs = CachedTokens(
                tokens, device=device, place=loop.corpus, reserve_gb=loop.device_reserve_gb
            )
        else:
            self.inputs = signals or SignalsOnHost(data, margin=network.config.margin_samples, device=device)

    @property
    def is_on_device(self) -> bool:
        """Whether tokens, or signals where backbones learn, lie where the network does."""
        return self.inputs.is_on_device

    def parameters(self) -> list[nn.Parameter]:
        """Those that are not frozen."""
        return [parameter for parameter in self.network.parameters() if parameter.requires_grad]

    def enter_training(self) -> None:
        """Stacks train; frozen backbones' BatchNorm statistics and dropout stand still."""
        self.network.train()
        if self.options.backbones == "frozen":
            for part in self.network.backbones():
                part.eval()

    def batch(self, indices: Tensor, masking: torch.Generator) -> Batch:
        """The sequences, with holes where `hole_probability` asks for them; with statistics as in pre-training."""
        indices = with_holes(indices, self.options.hole_probability, masking)
        statistics = None
        if self.parts is not None:
            indices, statistics = self.parts.draw(indices, masking)
        share = Share(Ranks.current(), len(indices))
        own = share.own(indices, fill=-1)
        return Batch(
            indices,
            statistics=None if statistics is None else share.own(statistics, fill=0),
            inputs=self.inputs.of(own),
            stage=torch.from_numpy(self.data.stage(indices.numpy(), "training")).long(),
            own_places=places_of(own >= 0),
        )

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum of the network's cross-entropies. Shape: [B, L] → scalar"""
        share, like = Share(Ranks.current(), len(batch.indices)), next(self.network.parameters())
        is_valid, stage = share.own(batch.indices, fill=-1) >= 0, batch.stage
        assert batch.inputs is not None
        assert stage is not None
        inputs = batch.inputs.to(like)
        if self.encodes_once:
            tokens = inputs
        else:
            if batch.keys is not None:
                own_keys = share.own(batch.keys, fill=0)
                inputs = augmented_batch(inputs, own_keys, self.loop.augmentation_probability)
            statistics = None if batch.statistics is None else batch.statistics.to(like)
            tokens = self.network.sequence_tokens(inputs, is_valid, statistics, batch.own_places)
        answers = self.network.supervised_logits(tokens, is_valid)
        terms = {
            f"ce_{name}": stage_cross_entropy(share.whole(logits), stage, self.stage_weight)
            for name, logits in answers.items()
        }
        total = torch.stack(list(terms.values())).sum()
        return total, {name: term.detach() for name, term in terms.items()}

    def recordings_of(self, indices: Tensor) -> list[str]:
        """Names of the recordings whose epochs are in a batch."""
        return self.data.names_of(indices.numpy())

    def validation_tokens(self) -> dict[int, NDArray[np.float32]]:
        """Tokens of the validation recordings as the backbones give them by now, by recording."""
        return self._validation_tokens or self.data.encode(self.stager, self.data.validation)

    def validate(self) -> dict[str, float]:
        """Figures of the prediction on the validation recordings, by the weights that `save` keeps."""
        loop = self.loop
        with averaged(self.network, self._start, self.options.start_share):
            tokens = self.validation_tokens()
            return figures_of(
                *self.data.judge(self.stager, tokens, stride=loop.scoring_stride, aggregation=loop.aggregation)
            )

    def judge_start(self) -> dict[str, float]:
        """Figures of what the training starts from, got as those of later steps are."""
        with as_written():
            return self.validate()

    def keep_start(self, figures: dict[str, float]) -> None:
        """Keep the network as it came."""
        with averaged(self.network, self._start, 1.0):
            self._keep(figures, 0)

    def save(self, figures: dict[str, float], step: int) -> None:
        """Keep the network as `validate` judged it."""
        with averaged(self.network, self._start, self.options.start_share):
            self._keep(figures, step)


def stage_weight(data: FoldData, power: float) -> Tensor | None:
    """What an epoch of each stage weighs, 1 on average over stages; None where all weigh alike. Shape: [5]"""
    if power == 0:
        return None
    stage = data.stage(data.epochs(data.training), "training")
    count = np.bincount(stage[stage != UNSCORED], minlength=N_STAGES).clip(min=1)
    weight = torch.from_numpy((count / count.sum()) ** -power)
    return weight / weight.mean()


def freeze_backbones(network: StagingNetwork) -> None:
    """No gradient, and eval mode, for everything before the epoch tokens."""
    for part in network.backbones():
        part.requires_grad_(False).eval()


def with_holes(indices: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Padding, -1, in the place of some epochs; a sequence that would lose all of them stays whole. Shape: [B, L]"""
    if probability == 0:
        return indices
    holed = indices.masked_fill(torch.rand(indices.shape, generator=generator) < probability, -1)
    return torch.where((holed >= 0).any(dim=1, keepdim=True), holed, indices)
