"""The training loop, the same for both phases: step, validate, keep the best, stop early, resume anywhere."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.model.ranks import Ranks
from mc2sleepnet.training.engine import adam, as_written, steps_behind
from mc2sleepnet.training.interruption import stop_requests
from mc2sleepnet.training.loop_options import LoopOptions
from mc2sleepnet.training.order import batches, drawn
from mc2sleepnet.training.read_ahead import read_ahead
from mc2sleepnet.training.resume import Progress, finished_progress, has_resume, load_resume, save_resume
from mc2sleepnet.training.tally import Taken, Tally
from mc2sleepnet.training.update import Phase, rate_at, update
from mc2sleepnet.training.watching import RunLog

__all__ = ["LoopOptions", "Phase", "TrainingResult", "batches", "finished", "rate_at", "train", "update"]

NAME_OF_FIGURE = {"macro_f1": "macro-F1", "loss": "validation loss"}


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """How a phase ended."""

    steps: int
    best_step: int
    judged_by: str
    best_figure: float
    ended_by: str


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
    optimizer = adam(
        phase.parameters(),
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        fused=options.fused_adam,
    )
    progress, sums, n_summed = Progress(), Counter[str](), 0
    if resume and has_resume(out):
        progress, sums, n_summed = load_resume(out, phase.module, optimizer, fingerprint)
    tally, last_step = Tally(sums, n_summed), _last_step(options, len(sequences))
    figures: dict[str, float] = {}

    def read_all_but(n_left: int) -> None:
        bad = tally.read(n_left)
        if bad is not None:
            raise _not_finite(out, progress, bad.step, phase.recordings_of(bad.indices))

    def keep_place() -> None:
        if not ranks.is_first:
            return
        save_resume(
            out,
            module=phase.module,
            optimizer=optimizer,
            progress=progress,
            sums=tally.sums,
            n_summed=tally.n_summed,
            fingerprint=fingerprint,
        )

    ranks.wait()  # until all have read where the run is: from here on rank 0 writes
    stream = drawn(phase, sequences, options, progress.step)
    with (
        RunLog(out, step=progress.step, is_silent=not ranks.is_first) as log,
        stop_requests() as stop_requested,
        read_ahead(stream, 0 if phase.is_on_device else options.read_ahead) as ready,
    ):
        while not progress.ended_by and progress.step < last_step:
            started = time.perf_counter()
            current_pass, indices, batch = next(ready)
            told = update(phase, optimizer, batch, options, step=progress.step, last_step=last_step)
            progress.step += 1
            tally.add(Taken(progress.step, indices, told))
            is_last = progress.step >= last_step
            is_judged = is_last or progress.step % options.validate_every_steps == 0
            # Nothing is validated or kept before every step is read: none of it can come of a loss that is not finite.
            read_all_but(0 if is_judged else steps_behind(phase.parameters()[0].device))
            tally.spent(time.perf_counter() - started)

            if is_judged:
                means = tally.means()
                rate = indices.numel() / means.pop("seconds")
                with as_written():
                    figures = ranks.told_by_first(phase.validate() if ranks.is_first else {})
                _judge(progress, figures, options.patience)
                if progress.best_step == progress.step and ranks.is_first:
                    phase.save(figures, progress.step)
                if is_last and not progress.ended_by:
                    progress.ended_by = "limit"
                row = {"step": progress.step, "pass": current_pass, **means, "epochs_per_s": rate}
                row |= {f"validation_{name}": value for name, value in figures.items()}
                log.write(row)
                keep_place()
            judged = f"{NAME_OF_FIGURE[progress.judged_by]} {figures[progress.judged_by]:.3f}" if figures else ""
            advance(progress.step, last_step, tally.to_text(judged, indices.numel()))
            if ranks.any(stop_requested()):
                read_all_but(0)
                keep_place()
                raise KeyboardInterrupt
    return _result(progress)


def finished(out: Path, fingerprint: dict[str, Any]) -> TrainingResult | None:
    """How the run of these options and data ended, if one in `out` has: `train` has nothing left to do there."""
    progress = finished_progress(out, fingerprint)
    return None if progress is None else _result(progress)


def _result(progress: Progress) -> TrainingResult:
    return TrainingResult(
        steps=progress.step,
        best_step=progress.best_step,
        judged_by=progress.judged_by,
        best_figure=progress.best_figure,
        ended_by=progress.ended_by or "limit",
    )


def _last_step(options: LoopOptions, n_sequences: int) -> int:
    of_passes = options.max_passes * max(1, n_sequences // options.batch_sequences)
    return min(of_passes, options.max_steps) if options.max_steps else of_passes


def _not_finite(out: Path, progress: Progress, step: int, recordings: list[str]) -> InputError:
    """The step, the batch's recordings and the last good networks, for whoever looks for the cause."""
    kept = f"the best network is of step {progress.best_step}" if progress.best_step else "no network was kept"
    met = f"in a batch of {', '.join(recordings)}" if recordings else "in an empty batch"
    return InputError(
        out,
        f"the loss or its gradient stopped being finite at step {step}, {met}; {kept}",
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
