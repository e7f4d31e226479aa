"""The training loop, the same for both phases: step, validate, keep the best, stop early, resume anywhere."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.options import check_choices
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.inference import Aggregation
from mc2sleepnet.model.dropout import dropout_draws_from
from mc2sleepnet.model.precision import autocast
from mc2sleepnet.model.ranks import Ranks
from mc2sleepnet.training.batch import Batch
from mc2sleepnet.training.devices import Device
from mc2sleepnet.training.dropout_blocks import dropout_blocks
from mc2sleepnet.training.interruption import stop_requests
from mc2sleepnet.training.resume import Progress, has_resume, load_resume, save_resume
from mc2sleepnet.training.row_generator import keys_of_examples
from mc2sleepnet.training.seeding import keyed_generator, keyed_seed, seeded_torch
from mc2sleepnet.training.watching import RunLog

NAME_OF_FIGURE = {"macro_f1": "macro-F1", "loss": "validation loss"}


@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """How long and how fast to train; the defaults are those of docs/method.md.

    Attributes
    ----------
    learning_rate, weight_decay
        Of Adam.
    warmup_steps
        Steps over which the learning rate rises linearly from nothing; 0 for none.
    decay
        How the learning rate falls afterwards: ``"none"``, or ``"cosine"``, to nothing at the last step.
    batch_sequences
        Sequences per step, drawn from all training recordings at random.
    sequence_stride
        Epochs between the starts of two training sequences of a recording.
    join_gaps
        Whether a training sequence may go on behind a gap of its recording as if nothing lay between.
    gradient_clip
        Largest norm of the gradient.
    validate_every_steps
        Steps between two validations.
    patience
        Validations without a better figure (macro-F1; the loss, where nothing learns stages) after which training
        stops.
    max_passes
        Sweeps over the training sequences after which training stops in any case.
    max_steps
        The same in steps; 0 for no such limit.
    statistics_window
        What the statistics of `spectrogram_norm` and `signal_norm` are taken from while training: the whole
        ``"recording"``, or a ``"random"`` part: a stretch of 20 min to all of it, or the epochs of some stages, the
        others then being holes. So short and broken recordings are no surprise.
    validation_recordings
        Validation recordings that judge; 0 for all. A sample makes validations of a large corpus cheap.
    scoring_stride
        Epochs between the starts of two sequences when validation nights are scored.
    aggregation
        ``"average"``: an epoch's stage comes from all sequences that hold it. ``"last"``: from the one that ends with
        it, so that the first L−1 epochs of a night are never scored; needs `scoring_stride` 1.
    augmentation
        ``"sleepyco"``: the signals of training epochs are changed at random (`augmentation.augment`), anew in every
        step. Validation and statistics read them as they are.
    augmentation_probability
        That an epoch meets one of the six changes, for each of them.
    precision
        ``"float32"``, or ``"bf16"``: steps under autocast, LayerNorms, spectrogram and losses in float32. Validation
        and scoring are float32 in any case.
    dropout_blocks
        Parts of a batch that draw their dropout each from a generator of its own, so that as many ranks, or fewer, that
        share a batch draw the same numbers.
    device
        ``"auto"``: a GPU where there is one.
    seed
        Of initialisation, order, masks, dropout and augmentation.
    """

    learning_rate: float = 5e-4
    weight_decay: float = 1e-4
    warmup_steps: int = 0
    decay: Literal["none", "cosine"] = "none"
    batch_sequences: int = 64
    sequence_stride: int = 16
    join_gaps: bool = False
    gradient_clip: float = 1.0
    validate_every_steps: int = 50
    patience: int = 20
    max_passes: int = 100
    max_steps: int = 0
    statistics_window: Literal["recording", "random"] = "recording"
    validation_recordings: int = 0
    scoring_stride: int = 4
    aggregation: Aggregation = "average"
    augmentation: Literal["none", "sleepyco"] = "none"
    augmentation_probability: float = 0.5
    precision: Literal["float32", "bf16"] = "float32"
    dropout_blocks: int = 8
    device: Device = "auto"
    seed: int = 42

    def __post_init__(self) -> None:
        check_choices(self)
        for name in ("batch_sequences", "validate_every_steps", "patience", "max_passes", "dropout_blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("learning_rate", "gradient_clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("weight_decay", "warmup_steps", "max_steps", "validation_recordings", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if not 0 < self.augmentation_probability <= 1:
            raise ValueError(f"augmentation_probability must lie in (0, 1], not {self.augmentation_probability}")

    def check_against(self, sequence_length: int) -> None:
        """Refuse strides by which sequences would leave epochs out.

        Raises
        ------
        InputError
            If a stride does not lie between 1 and the length of a sequence, or `aggregation` ``"last"`` wants 1.
        """
        if self.aggregation == "last" and self.scoring_stride != 1:
            fault = f"aggregation=last leaves epochs out at scoring_stride={self.scoring_stride}"
            raise InputError("--set", fault, "Add --set scoring_stride=1")
        for name in ("sequence_stride", "scoring_stride"):
            if not 1 <= getattr(self, name) <= sequence_length:
                fault = f"{name}={getattr(self, name)} leaves epochs out between sequences of {sequence_length}"
                raise InputError("--set", fault, f"Choose {name} from 1 to {sequence_length}")


class Phase(Protocol):
    """One phase of training: what is trained, by which loss, and how good it is by now."""

    @property
    def module(self) -> nn.Module:
        """Everything whose state has to survive an interruption."""

    def parameters(self) -> list[nn.Parameter]:
        """What the optimizer may change."""

    def enter_training(self) -> None:
        """Put every part in the mode the phase wants for a step."""

    def batch(self, indices: Tensor, masking: torch.Generator) -> Batch:
        """What a step works on: `indices` [B, L], some perhaps hidden, and what the network wants beside them."""

    def loss(self, batch: Batch, masking: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss of a batch of sequences and its named terms.

        Of several ranks each computes its own rows and returns the loss of all.
        """

    def validate(self) -> dict[str, float]:
        """Figures on the validation subjects; ``macro_f1`` decides, or, where there is none, ``loss``."""

    def save(self, figures: dict[str, float], step: int) -> None:
        """Keep the network as it is now: it is the best so far."""

    def recordings_of(self, indices: Tensor) -> list[str]:
        """Names of the recordings whose epochs are in a batch."""


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """How a phase ended."""

    steps: int
    best_step: int
    judged_by: str
    best_figure: float
    ended_by: str


def batches(sequences: NDArray[np.int64], size: int, seed: int, first_step: int) -> Iterator[tuple[int, Tensor]]:
    """Endless batches in an order that each pass draws anew, from `first_step` on.

    Yields the pass and indices [B, L]. The last batch of a pass is dropped where it would be smaller.
    """
    size = min(size, len(sequences))
    steps_per_pass = len(sequences) // size
    current_pass, within = divmod(first_step, steps_per_pass)
    while True:
        order = np.random.default_rng(keyed_seed(seed, "order", current_pass)).permutation(len(sequences))
        for step in range(within, steps_per_pass):
            yield current_pass, torch.from_numpy(sequences[order[step * size : (step + 1) * size]])
        current_pass, within = current_pass + 1, 0


def train(
    phase: Phase,
    sequences: NDArray[np.int64],
    options: LoopOptions,
    out: Path,
    *,
    fingerprint: dict[str, Any],
    resume: bool,
    advance: Advance,
) -> TrainingResult:
    """Train until macro-F1 on the validation subjects stops rising (or their loss falling), or a limit is met.

    Parameters
    ----------
    phase
        What to train.
    sequences
        Shape ``[S, L]``: epochs of the store, -1 where padded.
    options
        Limits and rates.
    out
        Folder of the run; `resume.pt`, `metrics.jsonl` and TensorBoard's curves are written there.
    fingerprint
        Everything that must be the same for `resume.pt` to be continued.
    resume
        Go on from `resume.pt` where there is one.
    advance
        Told after every step the step, the largest number of steps, and the latest figures.

    Raises
    ------
    InputError
        If `resume.pt` belongs to other options, or the loss stops being finite.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, after the step in hand was finished and `resume.pt` written.
    """
    ranks = Ranks.current()
    out.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.Adam(phase.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    progress, sums, n_summed = Progress(), Counter[str](), 0
    if resume and has_resume(out):
        progress, sums, n_summed = load_resume(out, phase.module, optimizer, fingerprint)

    steps_per_pass = max(1, len(sequences) // options.batch_sequences)
    last_step = options.max_passes * steps_per_pass
    if options.max_steps:
        last_step = min(last_step, options.max_steps)
    figures: dict[str, float] = {}

    def keep_place() -> None:
        if not ranks.is_first:
            return
        save_resume(
            out,
            module=phase.module,
            optimizer=optimizer,
            progress=progress,
            sums=sums,
            n_summed=n_summed,
            fingerprint=fingerprint,
        )

    ranks.wait()  # until all have read where the run is: from here on rank 0 writes
    with RunLog(out, step=progress.step, is_silent=not ranks.is_first) as log, stop_requests() as stop_requested:
        for current_pass, indices in batches(sequences, options.batch_sequences, options.seed, progress.step):
            if progress.ended_by or progress.step >= last_step:
                break
            started = time.perf_counter()
            loss, terms = _update(phase, optimizer, indices, options, step=progress.step, last_step=last_step)
            if not math.isfinite(loss):
                raise _not_finite(out, progress, phase.recordings_of(indices))
            progress.step += 1
            sums.update(terms | {"loss": loss, "seconds": time.perf_counter() - started})
            n_summed += 1

            is_last = progress.step >= last_step
            if is_last or progress.step % options.validate_every_steps == 0:
                means = {name: total / n_summed for name, total in sums.items()}
                seconds = means.pop("seconds")
                rate = indices.numel() / seconds
                figures = ranks.told_by_first(phase.validate() if ranks.is_first else {})
                _judge(progress, figures, options.patience)
                if progress.best_step == progress.step and ranks.is_first:
                    phase.save(figures, progress.step)
                if is_last and not progress.ended_by:
                    progress.ended_by = "limit"
                row = {"step": progress.step, "pass": current_pass, **means, "epochs_per_s": rate}
                row |= {f"validation_{name}": value for name, value in figures.items()}
                log.write(row)
                sums, n_summed = Counter[str](), 0
                keep_place()
            judged = f" · {NAME_OF_FIGURE[progress.judged_by]} {figures[progress.judged_by]:.3f}" if figures else ""
            advance(progress.step, last_step, f"loss {loss:.2f}{judged}")
            if ranks.any(stop_requested()):
                keep_place()
                raise KeyboardInterrupt
    return TrainingResult(
        steps=progress.step,
        best_step=progress.best_step,
        judged_by=progress.judged_by,
        best_figure=progress.best_figure,
        ended_by=progress.ended_by or "limit",
    )


def rate_at(options: LoopOptions, step: int, last_step: int) -> float:
    """Share of the learning rate that holds in a step: warm-up, then decay."""
    warm = min(1.0, (step + 1) / (options.warmup_steps + 1))
    return warm * (0.5 + 0.5 * math.cos(math.pi * step / last_step) if options.decay == "cosine" else 1.0)


def _update(
    phase: Phase, optimizer: torch.optim.Optimizer, indices: Tensor, options: LoopOptions, *, step: int, last_step: int
) -> tuple[float, dict[str, float]]:
    """One optimizer update: the loss and its terms. Where the loss is not finite, NaN and no update."""
    phase.enter_training()
    for group in optimizer.param_groups:
        group["lr"] = options.learning_rate * rate_at(options, step, last_step)
    device, masking = phase.parameters()[0].device, keyed_generator(options.seed, "masking", step)
    batch = phase.batch(indices, masking)
    if options.augmentation != "none":
        batch = batch._replace(keys=keys_of_examples(indices, seed=options.seed, purpose="augmentation", step=step))
    blocks = dropout_blocks(batch.indices, options.dropout_blocks, device, seed=options.seed, step=step)
    with seeded_torch(options.seed, "dropout", step):
        with autocast(device, options.precision), dropout_draws_from(blocks):
            loss, terms = phase.loss(batch, masking)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
    Ranks.current().add_up_gradients(phase.parameters())
    norm = nn.utils.clip_grad_norm_(phase.parameters(), options.gradient_clip)
    if not (math.isfinite(loss.item()) and math.isfinite(norm.item())):
        return math.nan, terms
    optimizer.step()
    return loss.item(), terms


def _not_finite(out: Path, progress: Progress, recordings: list[str]) -> InputError:
    """The step, the batch's recordings and the last good networks, for whoever looks for the cause."""
    kept = f"the best network is of step {progress.best_step}" if progress.best_step else "no network was kept"
    met = f"in a batch of {', '.join(recordings)}" if recordings else "in an empty batch"
    return InputError(
        out,
        f"the loss or its gradient stopped being finite at step {progress.step + 1}, {met}; {kept}",
        "Look at these recordings, or try a lower --set learning_rate=…",
    )


def _judge(progress: Progress, figures: dict[str, float], patience: int) -> None:
    progress.judged_by = "macro_f1" if "macro_f1" in figures else "loss"
    figure = figures[progress.judged_by]
    is_better = figure > progress.best_figure if progress.judged_by == "macro_f1" else figure < progress.best_figure
    if is_better or not progress.best_step:
        progress.best_figure, progress.best_step = figure, progress.step
        progress.validations_since_best = 0
    else:
        progress.validations_since_best += 1
        if progress.validations_since_best >= patience:
            progress.ended_by = "patience"
