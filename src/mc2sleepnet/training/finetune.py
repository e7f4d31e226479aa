"""Fine-tuning: what relates a sequence's epochs learns on from the stages; backbones stand still, or learn too.

The same phase trains a network from nothing, which is how rivals are trained.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.options import check_choices
from mc2sleepnet.core.progress import Advance, Step, silent
from mc2sleepnet.core.stages import N_STAGES, UNSCORED
from mc2sleepnet.core.statistics_range import StatisticsRange
from mc2sleepnet.model.architectures import build_network
from mc2sleepnet.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mc2sleepnet.model.config import PREDICTION_OPTIONS, NetworkConfig
from mc2sleepnet.model.losses import stage_cross_entropy
from mc2sleepnet.model.ranks import Ranks, Share
from mc2sleepnet.model.staging_network import StagingNetwork
from mc2sleepnet.model.valid_epochs import places_of
from mc2sleepnet.training.augmentation import augmented_batch
from mc2sleepnet.training.averaged_weights import averaged, weights_of
from mc2sleepnet.training.batch import Batch
from mc2sleepnet.training.cached_tokens import CachedTokens, encode_training
from mc2sleepnet.training.calibrate import calibrate
from mc2sleepnet.training.devices import chosen_device
from mc2sleepnet.training.engine import as_written, compile_parts, engine_used
from mc2sleepnet.training.fold_data import FoldData, figures_of
from mc2sleepnet.training.freed_memory import keep_freed_memory
from mc2sleepnet.training.kept_tokens import KeptTokens
from mc2sleepnet.training.leaks import SameNames, refuse_leak_from
from mc2sleepnet.training.loop import LoopOptions, TrainingResult, train
from mc2sleepnet.training.model_folder import write_model_folder
from mc2sleepnet.training.provenance import made_by
from mc2sleepnet.training.recording_parts import RecordingParts, parts_for
from mc2sleepnet.training.seeding import seeded_torch
from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics
from mc2sleepnet.training.stager import TorchStager
from mc2sleepnet.training.training_signals import Inputs, SignalsOnHost, training_signals

PHASE = "fine-tuning"
PHASE_FROM_SCRATCH = "training from scratch"


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


def finetune(
    data: FoldData,
    start: Path | None,
    out: Path,
    *,
    loop: LoopOptions,
    options: FinetuneOptions | None = None,
    network: Mapping[str, Any] | None = None,
    resume: bool = False,
    exports: bool = True,
    step: Step = silent,
) -> TrainingResult:
    """Fine-tune a pre-trained network on one fold, or train one from scratch; `out` then can score.

    A start that stages already is judged too, and kept as step 0 where the validation subjects prefer no later step.

    Parameters
    ----------
    data
        Store and fold.
    start
        Folder of the network to start from; None to train from scratch.
    out
        Folder of the run.
    loop
        Limits and rates.
    options
        What is frozen and hidden; None for the defaults.
    network
        Options of `NetworkConfig` by name. From scratch any; else `prediction_view` and `prediction_head`, which
        replace those of the start.
    resume
        Go on where an interrupted run in `out` stopped.
    exports
        False leaves graphs and calibration out: `out` then is no model folder, only a network that was trained.
    step
        Shows how far it is.

    Raises
    ------
    InputError
        If `start` holds no network, or one that has learned from this fold's held-out subjects; if `network` would
        change a trained network's shape; if an untrained backbone would be frozen; or see `loop.train`.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM between two steps, with everything saved.
    """
    options = options or FinetuneOptions()
    keep_freed_memory()
    parent = None if start is None else load_checkpoint(start)
    if parent is not None:
        refuse_leak_from(parent.provenance, start or out, data.store, data.fold, same_names=options.same_names)
    elif options.backbones == "frozen":
        raise InputError("--set", "backbones=frozen would freeze what has never learned", "Add --set backbones=trained")
    known = (parent.provenance if parent else {}).get("statistics_range")
    trained = _fresh(network or {}, loop.seed) if parent is None else _asked(parent.network, network or {})
    device = chosen_device(loop.device)
    trained.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    loop.check_against(trained.config.sequence_length)
    phase_name = PHASE if parent else PHASE_FROM_SCRATCH
    is_synthetic = data.store.is_synthetic or (parent is not None and parent.is_synthetic)
    fingerprint: dict[str, Any] = {
        "phase": phase_name,
        "network": trained.config.to_json(),
        "options": asdict(options),
        "loop": asdict(loop),
        "parent_weights_sha256": parent.weights_sha256 if parent else "",
        **data.describe(),
    }
    lineage: dict[str, Any] = {"parent": parent.provenance} if parent else {}
    if parent is None and trained.spectrogram is not None:
        with step("spectrogram") as advance:
            lineage["spectrogram_fitted_on"] = fit_spectrogram_statistics(
                trained.spectrogram, data, advance, removes_drift=trained.config.removes_drift
            )

    def keep(figures: dict[str, float], step: int) -> None:
        # What a start had seen is all that it knows.
        own = {"statistics_range": known} if step == 0 and known else {}
        provenance = made_by() | fingerprint | lineage | {"best": {"step": step, **figures}} | own
        checkpoint = Checkpoint(network=trained, phase=phase_name, is_synthetic=is_synthetic, provenance=provenance)
        save_checkpoint(checkpoint, out)

    with step("statistics of recordings") as advance:
        parts = parts_for(trained.config, data, loop, advance)
    if parts is not None:
        lineage["statistics_range"] = parts.range.joined(StatisticsRange.from_json(known) if known else None).to_json()
    signals = None
    if options.backbones == "trained" or loop.augmentation != "none":
        with step("training signals") as advance:
            signals = training_signals(
                data,
                margin=trained.config.margin_samples,
                device=device,
                place=loop.corpus,
                reserve_gb=loop.device_reserve_gb,
                advance=advance,
            )
    kept = KeptTokens(out, fingerprint)
    with step("encoding") as advance:
        phase = Finetuning(
            trained, data, options, loop=loop, keep=keep, advance=advance, parts=parts, signals=signals, kept=kept
        )
    compile_parts(trained, loop.compile, device)
    place = "device" if phase.is_on_device else "host"
    lineage["engine"] = engine_used(device, compiled=loop.compile, fused=loop.fused_adam, corpus=place)
    sequences = data.sequences(
        "training", length=trained.config.sequence_length, stride=loop.sequence_stride, join_gaps=loop.join_gaps
    )
    with step(phase_name) as advance:
        judged = stages_already(parent) and Ranks.current().is_first
        of_start = phase.judge_start() if judged else {}
        result = train(phase, sequences, loop, out, fingerprint=fingerprint, resume=resume, advance=advance)
    result = _kept_start(phase, of_start, result)

    if exports and Ranks.current().is_first:
        tokens = phase.validation_tokens() if options.backbones == "frozen" else None
        _export(load_checkpoint(out), data, tokens, loop, out, device, step)
    kept.remove()
    return result


def stages_already(start: Checkpoint | None) -> bool:
    """Whether a start has learned stages, beyond what pre-training teaches."""
    return start is not None and start.phase in {PHASE, PHASE_FROM_SCRATCH}


def _kept_start(phase: Finetuning, of_start: dict[str, float], result: TrainingResult) -> TrainingResult:
    """Keep what the training started from, as step 0, where the validation subjects prefer no later step to it."""
    figure = of_start.get(result.judged_by)
    if figure is not None and figure >= result.best_figure:
        phase.keep_start(of_start)
        result = replace(result, best_step=0, best_figure=figure)
    return Ranks.current().told_by_first(result)  # type: ignore[no-any-return]


def _export(  # noqa: PLR0917
    best: Checkpoint,
    data: FoldData,
    tokens: dict[int, NDArray[np.float32]] | None,
    loop: LoopOptions,
    out: Path,
    device: torch.device,
    step: Step,
) -> None:
    """Calibrate the best network and write the model folder; None encodes the validation recordings once more."""
    stager = TorchStager(best.network.to(device))
    known = data.encode(stager, data.validation) if tokens is None else tokens
    calibration = calibrate(data, stager, known, loop)
    with step("exporting") as advance:
        advance(0, 1, "graphs")
        write_model_folder(best, calibration, out)
        advance(1, 1, "graphs")


def _fresh(options: Mapping[str, Any], seed: int) -> StagingNetwork:
    with seeded_torch(seed, "initialisation"):
        return build_network(NetworkConfig(**options))


def _asked(network: StagingNetwork, options: Mapping[str, Any]) -> StagingNetwork:
    """A trained network, asked for another of its answers."""
    others = sorted(set(options) - PREDICTION_OPTIONS)
    if others:
        fault = f"{', '.join(others)} cannot change in fine-tuning: the network it starts from has decided"
        raise InputError("--set", fault, "Pre-train with it, or train from scratch")
    network.config = replace(network.config, **options)
    return network
