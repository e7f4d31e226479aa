"""Fine-tuning: what relates a sequence's epochs learns on from the stages; backbones stand still, or learn too.

The same phase trains a network from nothing, which is how rivals are trained.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.progress import Step, silent
from mc2sleepnet.core.statistics_range import StatisticsRange
from mc2sleepnet.model.architectures import build_network
from mc2sleepnet.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mc2sleepnet.model.config import PREDICTION_OPTIONS, NetworkConfig
from mc2sleepnet.model.ranks import Ranks
from mc2sleepnet.model.staging_network import StagingNetwork
from mc2sleepnet.training.calibrate import calibrate
from mc2sleepnet.training.devices import chosen_device
from mc2sleepnet.training.engine import compile_parts, engine_used
from mc2sleepnet.training.finetuning import FinetuneOptions, Finetuning
from mc2sleepnet.training.fit_completion import completing, fit_completion
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.freed_memory import keep_freed_memory
from mc2sleepnet.training.kept_tokens import KeptTokens
from mc2sleepnet.training.leaks import learned_from, refuse_leak_from
from mc2sleepnet.training.loop import LoopOptions, TrainingResult, finished, train
from mc2sleepnet.training.model_folder import write_model_folder
from mc2sleepnet.training.presets import refuse_ensemble
from mc2sleepnet.training.provenance import made_by
from mc2sleepnet.training.recording_parts import parts_for
from mc2sleepnet.training.seeding import seeded_torch
from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics
from mc2sleepnet.training.stager import TorchStager
from mc2sleepnet.training.training_signals import training_signals

PHASE = "fine-tuning"
PHASE_FROM_SCRATCH = "training from scratch"


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
        Options of `NetworkConfig` by name. From scratch any; else `prediction_view`, `prediction_head` and
        `smoothing`, which replace those of the start.
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
    beginning = begin(data, start, out, loop=loop, options=options, network=network or {})
    parent, trained, fingerprint = beginning.parent, beginning.network, beginning.fingerprint
    known = (parent.provenance if parent else {}).get("statistics_range")
    device = chosen_device(loop.device)
    trained.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    phase_name = _phase_after(parent)
    is_synthetic = data.store.is_synthetic or (parent is not None and parent.is_synthetic)
    kept = KeptTokens(out, fingerprint)
    # Nothing is left to do after its last step but in a run that is to score, or to be compared with its start.
    ended = finished(out, fingerprint) if resume and not exports and not stages_already(parent) else None
    if ended is not None:
        kept.remove()
        return ended
    data.check_signals(step)
    lineage = {"parent": parent.provenance} if parent else _front_end_fitted(trained, data, loop, step)
    lineage |= learned_from(data.store, data.fold) | data.describe_absent_stages()

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
        parts = parts.completed(trained.completion)
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
        export_run(data, tokens, loop, out, step)
    kept.remove()
    return result


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What a fine-tuning starts from, and all that it must have in common with one that goes on."""

    parent: Checkpoint | None
    network: StagingNetwork
    fingerprint: dict[str, Any]


def begin(
    data: FoldData,
    start: Path | None,
    out: Path,
    *,
    loop: LoopOptions,
    options: FinetuneOptions,
    network: Mapping[str, Any],
) -> Beginning:
    """Load the start or make one, and refuse what `finetune` refuses before it writes anything.

    Raises
    ------
    InputError
        As `finetune` says.
    """
    parent = None if start is None else load_checkpoint(start)
    if parent is not None:
        refuse_leak_from(parent.provenance, start or out, data.store, data.fold, same_names=options.same_names)
    elif options.backbones == "frozen":
        raise InputError("--set", "backbones=frozen would freeze what has never learned", "Add --set backbones=trained")
    trained = _fresh(network, loop.seed) if parent is None else _asked(parent.network, network)
    loop.check_against(trained.config.sequence_length)
    fingerprint = _fingerprint(trained.config, parent, data, options, loop)
    return Beginning(parent=parent, network=trained, fingerprint=fingerprint)


def _phase_after(start: Checkpoint | None) -> str:
    return PHASE_FROM_SCRATCH if start is None else PHASE


def _fingerprint(
    network: NetworkConfig, start: Checkpoint | None, data: FoldData, options: FinetuneOptions, loop: LoopOptions
) -> dict[str, Any]:
    """All that a run must have in common with one that goes on."""
    fingerprint = {
        "phase": _phase_after(start),
        "network": network.to_json(),
        "options": asdict(options),
        "loop": asdict(loop),
        "parent_weights_sha256": start.weights_sha256 if start else "",
        **completing(network),
        **data.describe(),
    }
    if start is not None and start.completion_sha256:
        fingerprint["parent_completion_sha256"] = start.completion_sha256
    return fingerprint


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


def export_run(
    data: FoldData, tokens: dict[int, NDArray[np.float32]] | None, loop: LoopOptions, out: Path, step: Step
) -> None:
    """Calibrate the best network of a run and write the model folder; None encodes the validation recordings again."""
    best = load_checkpoint(out)
    stager = TorchStager(best.network.to(chosen_device(loop.device)))
    known = data.encode(stager, data.validation) if tokens is None else tokens
    calibration = calibrate(data, stager, known, loop)
    with step("exporting") as advance:
        advance(0, 1, "graphs")
        write_model_folder(best, calibration, out)
        advance(1, 1, "graphs")


def _fresh(options: Mapping[str, Any], seed: int) -> StagingNetwork:
    config = NetworkConfig(**options)
    refuse_ensemble(config)
    with seeded_torch(seed, "initialisation"):
        return build_network(config)


def _front_end_fitted(network: StagingNetwork, data: FoldData, loop: LoopOptions, step: Step) -> dict[str, Any]:
    """Fit what stands before an untrained network; what provenance says of it."""
    network.completion = fit_completion(network.config, data, seed=loop.seed, step=step)
    if network.spectrogram is None:
        return {}
    with step("spectrogram") as advance:
        fitted_on = fit_spectrogram_statistics(
            network.spectrogram, data, advance, removes_drift=network.config.removes_drift
        )
    return {"spectrogram_fitted_on": fitted_on}


def _asked(network: StagingNetwork, options: Mapping[str, Any]) -> StagingNetwork:
    """A trained network, asked for another of its answers."""
    others = sorted(set(options) - PREDICTION_OPTIONS)
    if others:
        fault = f"{', '.join(others)} cannot change in fine-tuning: the network it starts from has decided"
        raise InputError("--set", fault, "Pre-train with it, or train from scratch")
    network.config = replace(network.config, **options)
    return network
