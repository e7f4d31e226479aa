"""The phase that trains everything: stages, InfoNCE over epochs and cross-masking over sequences, all at once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mc2sleepnet.core.options import check_choices
from mc2sleepnet.model.losses import info_nce, negative_pairs, restoration_l1, stage_cross_entropy
from mc2sleepnet.model.masking import first_are_masked
from mc2sleepnet.model.network import Tokens
from mc2sleepnet.model.pretraining_network import PretrainingNetwork
from mc2sleepnet.model.ranks import Ranks, Share
from mc2sleepnet.model.valid_epochs import places_of, taken
from mc2sleepnet.training.augmentation import augmented_batch
from mc2sleepnet.training.batch import Batch
from mc2sleepnet.training.fold_data import FoldData, figures_of
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.probe import linear_probe
from mc2sleepnet.training.recording_parts import RecordingParts
from mc2sleepnet.training.seeding import keyed_generator, keyed_seed
from mc2sleepnet.training.stager import TorchStager
from mc2sleepnet.training.token_figures import token_figures
from mc2sleepnet.training.training_signals import Inputs, SignalsOnHost


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
        Weights of InfoNCE and of the restoration beside the three cross-entropies; 0 leaves the term out.
    restoration_memory
        What masked epochs are restored from besides their neighbours: ``"other"``, the other modality, or
        ``"none"``, which is masking without crossing.
    recon_positions
        ``"all"`` valid epochs of a sequence, or the ``"masked"`` ones only.
    recon_reduction
        ``"mean"`` or ``"sum"`` of the absolute errors, over epochs and over the two modalities.
    detach_targets
        Whether no gradient flows into the tokens to be restored.
    pretrain_supervision
        ``"stages"``: the three cross-entropies belong to the loss. ``"none"``: no stage is read, recordings need
        none, and early stopping reads the validation loss.
    """

    mask_ratio: float = 0.5
    nce_temperature: float = 0.07
    nce_skip_neighbours: bool = False
    lambda_nce: float = 0.1
    lambda_recon: float = 1.0
    restoration_memory: Literal["other", "none"] = "other"
    recon_positions: Literal["all", "masked"] = "all"
    recon_reduction: Literal["mean", "sum"] = "mean"
    detach_targets: bool = True
    pretrain_supervision: Literal["stages", "none"] = "stages"

    def __post_init__(self) -> None:
        check_choices(self)
        if not 0 < self.mask_ratio < 1:
            raise ValueError(f"mask_ratio must lie in (0, 1), not {self.mask_ratio}")
        if not self.nce_temperature > 0:
            raise ValueError(f"nce_temperature must be positive, not {self.nce_temperature}")
        if self.lambda_nce < 0 or self.lambda_recon < 0:
            raise ValueError("lambda_nce and lambda_recon must not be negative")
        if self.pretrain_supervision == "none" and not (self.lambda_nce or self.lambda_recon):
            raise ValueError("pretrain_supervision 'none' needs lambda_nce or lambda_recon: else nothing is learned")


class Pretraining:
    """The phase of `loop.train` that trains everything."""

    def __init__(
        self,
        model: PretrainingNetwork,
        data: FoldData,
        options: PretrainOptions,
        *,
        loop: LoopOptions,
        keep: Callable[[dict[str, float], int], None],
        parts: RecordingParts | None = None,
        signals: Inputs | None = None,
    ) -> None:
        self.module: nn.Module = model
        self.parts = parts
        margin, device = model.network.config.margin_samples, next(model.parameters()).device
        self.signals: Inputs = signals or SignalsOnHost(data, margin=margin, device=device)
        self.model = model
        self.data = data
        self.options = options
        self.loop = loop
        self.save = keep

    @property
    def is_on_device(self) -> bool:
        """Whether the training signals lie where the network does."""
        return self.signals.is_on_device

    def parameters(self) -> list[nn.Parameter]:
        """All of them."""
        return list(self.model.parameters())

    def enter_training(self) -> None:
        """Everything trains."""
        self.model.train()

    def batch(self, indices: Tensor, masking: torch.Generator) -> Batch:
        """The sequences, where the network wants statistics with those of a part of their recording."""
        indices, statistics = (indices, None) if self.parts is None else self.parts.draw(indices, masking)
        share = Share(Ranks.current(), len(indices))
        own, stage = share.own(indices, fill=-1), None
        if self.options.pretrain_supervision == "stages":
            stage = torch.from_numpy(self.data.stage(indices.numpy(), "training")).long()
        return self.contrasts(indices, masking)._replace(
            statistics=None if statistics is None else share.own(statistics, fill=0),
            inputs=self.signals.of(own),
            stage=stage,
            own_places=places_of(own >= 0),
        )

    def contrasts(self, indices: Tensor, masking: torch.Generator) -> Batch:
        """A batch without inputs: what the self-supervised terms ask the host for."""
        places, order = places_of(indices >= 0), None
        if self.options.lambda_recon:
            order = torch.stack([torch.rand(indices.shape, generator=masking) for _ in Tokens._fields])
        recording = torch.from_numpy(self.data.store.recording_of(indices.flatten()[places].numpy()))
        return Batch(indices, places=places, recording=recording, hiding_order=order)

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The pre-training loss (docs/method.md) of sequences of epochs. Shape: [B, L] → scalar"""
        share, like = Share(Ranks.current(), len(batch.indices)), next(self.model.parameters())
        is_valid = share.own(batch.indices, fill=-1) >= 0
        assert batch.inputs is not None
        signal_uv = batch.inputs.to(like)
        if batch.keys is not None:
            own_keys = share.own(batch.keys, fill=0)
            signal_uv = augmented_batch(signal_uv, own_keys, self.loop.augmentation_probability)
        statistics = None if batch.statistics is None else batch.statistics.to(like)
        tokens = self.model.network.encode(signal_uv, is_valid, statistics, batch.own_places)
        terms: dict[str, Tensor] = {}
        if batch.stage is not None:
            terms |= self.stage_terms(tokens, is_valid, batch.stage, share)
        terms |= self.self_supervised_terms(tokens, batch, share)
        total = torch.stack(list(terms.values())).sum()
        return total, {name: term.detach() for name, term in terms.items()}

    def stage_terms(self, tokens: Tokens, is_valid: Tensor, stage: Tensor, share: Share) -> dict[str, Tensor]:
        """Cross-entropies of the single views and of their fusion."""
        logits = self.model.single_view(tokens, is_valid)._asdict()
        return {f"ce_{head}": stage_cross_entropy(share.whole(of_head), stage) for head, of_head in logits.items()}

    def self_supervised_terms(self, tokens: Tokens, batch: Batch, share: Share) -> dict[str, Tensor]:
        """What is learned without a stage, weighted; a term of weight 0 is not computed."""
        options = self.options
        terms: dict[str, Tensor] = {}
        if options.lambda_nce:
            terms["nce"] = options.lambda_nce * self.nce_term(tokens, batch, share)
        if options.lambda_recon:
            terms["recon"] = options.lambda_recon * self.restoration_term(tokens, batch, share)
        return terms

    def nce_term(self, tokens: Tokens, batch: Batch, share: Share) -> Tensor:
        """InfoNCE between both modalities' projected tokens of the batch's valid epochs."""
        places, recording, project = batch.places, batch.recording, self.model.extra.projector
        assert places is not None
        assert recording is not None
        epoch = batch.indices.flatten()[places]
        signal, spectrogram = (taken(share.whole(project(modality)), places) for modality in tokens)
        return info_nce(
            signal,
            spectrogram,
            negative_pairs(epoch, recording, skip_neighbours=self.options.nce_skip_neighbours),
            temperature=self.options.nce_temperature,
        )

    def restoration_term(self, tokens: Tokens, batch: Batch, share: Share) -> Tensor:
        """Cross-masking: each modality's masked epochs restored from the other."""
        options, is_valid = self.options, batch.indices >= 0
        assert batch.hiding_order is not None
        is_masked = Tokens(*(first_are_masked(order, is_valid, options.mask_ratio) for order in batch.hiding_order))
        own = [share.own(rows, fill=False) for rows in (*is_masked, is_valid)]
        restored = self.model.restore(tokens, own[0], own[1], own[2], memory=options.restoration_memory)
        losses = []
        for found, target, hidden in zip(restored, tokens, is_masked, strict=True):
            # A sequence of fewer than two epochs has nothing hidden and takes no part.
            takes_part = hidden if options.recon_positions == "masked" else is_valid & hidden.any(1, True)
            wanted = share.whole(target.detach() if options.detach_targets else target)
            losses.append(restoration_l1(share.whole(found), wanted, takes_part, reduction=options.recon_reduction))
        return torch.stack(losses).sum() if options.recon_reduction == "sum" else torch.stack(losses).mean()

    def single_view_fusion(self, tokens: Tensor, is_valid: Tensor) -> Tensor:
        """What early stopping reads where stages are learned. Shape: [B, L, 2, D], [B, L] → [B, L, 5]"""
        return self.model.single_view(Tokens.of(tokens), is_valid).fusion

    def recordings_of(self, indices: Tensor) -> list[str]:
        """Names of the recordings whose epochs are in a batch."""
        return self.data.names_of(indices.numpy())

    def validate(self) -> dict[str, float]:
        """Figures on the validation recordings: of the single-view fusion head, or the loss without stages.

        Besides, how well the tokens tell epochs apart, and without stages what a linear probe reads in them.
        """
        stager = TorchStager(self.model.network, answer=self.single_view_fusion)
        tokens = self.data.encode(stager, self.data.validation)
        is_encoded = self.data.store.is_readable[self.data.epochs(self.data.validation)]
        watched = token_figures(np.concatenate(list(tokens.values()))[is_encoded])
        if self.options.pretrain_supervision == "none":
            probe = linear_probe(self.data, stager, tokens, seed=self.loop.seed)
            return self.validation_losses(tokens) | probe | watched
        found = self.data.judge(stager, tokens, stride=self.loop.scoring_stride, aggregation=self.loop.aggregation)
        return figures_of(*found) | watched

    @torch.no_grad()
    def validation_losses(self, tokens_of: dict[int, NDArray[np.float32]]) -> dict[str, float]:
        """Mean self-supervised loss and its terms on the validation recordings, with the same masks every time."""
        self.model.eval()
        device = next(self.model.parameters()).device
        sequences = self.data.sequences("validation", length=self.model.network.config.sequence_length)
        place = np.full(self.data.store.n_epochs, -1)
        place[self.data.epochs(list(tokens_of))] = np.arange(sum(map(len, tokens_of.values())))
        tokens = torch.from_numpy(np.concatenate(list(tokens_of.values())))
        order = np.random.default_rng(keyed_seed(self.loop.seed, "validation order")).permutation(len(sequences))
        sums = Counter[str]()
        for index, start in enumerate(range(0, len(order), self.loop.batch_sequences)):
            indices = torch.from_numpy(sequences[order[start : start + self.loop.batch_sequences]])
            is_valid = (indices >= 0).to(device)
            batch = Tokens.of((tokens[place[indices.clamp(min=0)]].to(device)) * is_valid[:, :, None, None])
            masking = keyed_generator(self.loop.seed, "validation masking", index)
            told = self.contrasts(indices, masking).on(device)
            terms = self.self_supervised_terms(batch, told, Share(Ranks(), len(indices)))
            sums.update({name: len(indices) * term.item() for name, term in terms.items()})
        means = {name: total / len(order) for name, total in sums.items()}
        return {"loss": sum(means.values()), **{f"loss_{name}": mean for name, mean in means.items()}}
