"""Pre-training on one fold: what stands before the network is fitted, the loop runs, the best network is kept."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.progress import Step, silent
from mc2sleepnet.model.checkpoint import Checkpoint, save_checkpoint
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.model.pretraining_network import PretrainingNetwork
from mc2sleepnet.training.devices import chosen_device
from mc2sleepnet.training.engine import compile_parts, engine_used
from mc2sleepnet.training.fit_completion import completing, fit_completion
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.freed_memory import keep_freed_memory
from mc2sleepnet.training.leaks import learned_from
from mc2sleepnet.training.loop import LoopOptions, TrainingResult, finished, train
from mc2sleepnet.training.presets import refuse_ensemble
from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
from mc2sleepnet.training.provenance import made_by
from mc2sleepnet.training.recording_parts import parts_for
from mc2sleepnet.training.seeding import seeded_torch
from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics
from mc2sleepnet.training.training_signals import training_signals

PHASE = "pre-training"


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
    """Pre-train a network on one fold; `out` then holds the best one by validation macro-F1 (or validation loss).

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
        See `check_pretraining` and `loop.train`; if a signal is not what was prepared.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM between two steps, with everything saved.
    """
    check_pretraining(network, options, loop)
    fingerprint = fingerprint_of(data, network, options, loop)
    ended = finished(out, fingerprint) if resume else None
    if ended is not None:
        return ended
    data.check_signals(step)
    keep_freed_memory()
    with seeded_torch(loop.seed, "initialisation"):
        model = PretrainingNetwork(network)
    device = chosen_device(loop.device)
    model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    with step("spectrogram") as advance:
        fitted_on = fit_spectrogram_statistics(
            model.network.spectrogram, data, advance, removes_drift=network.removes_drift
        )
    with step("statistics of recordings") as advance:
        parts = parts_for(network, data, loop, advance)
    model.network.completion = fit_completion(network, data, seed=loop.seed, step=step)
    with step("training signals") as advance:
        signals = training_signals(
            data,
            margin=network.margin_samples,
            device=device,
            place=loop.corpus,
            reserve_gb=loop.device_reserve_gb,
            advance=advance,
        )
    place = "device" if signals.is_on_device else "host"
    lineage: dict[str, Any] = {
        **learned_from(data.store, data.fold),
        "spectrogram_fitted_on": fitted_on,
        "engine": engine_used(device, compiled=loop.compile, fused=loop.fused_adam, corpus=place),
    }
    if parts is not None:
        lineage["statistics_range"] = parts.range.to_json()
        parts = parts.completed(model.network.completion)

    def keep(figures: dict[str, float], step: int) -> None:
        best = {"step": step, **figures}
        provenance = made_by() | fingerprint | lineage | {"best": best}
        save_checkpoint(
            Checkpoint(
                network=model.network,
                phase=PHASE,
                is_synthetic=data.store.is_synthetic,
                provenance=provenance,
            ),
            out,
        )

    compile_parts(model, loop.compile, device)
    phase = Pretraining(model, data, options, loop=loop, keep=keep, parts=parts, signals=signals)
    training_sequences = data.sequences(
        "training", length=network.sequence_length, stride=loop.sequence_stride, join_gaps=loop.join_gaps
    )
    with step(PHASE) as advance:
        return train(phase, training_sequences, loop, out, fingerprint=fingerprint, resume=resume, advance=advance)


def check_pretraining(network: NetworkConfig, options: PretrainOptions, loop: LoopOptions) -> None:
    """Refuse options that do not go together.

    Raises
    ------
    InputError
        If `network` is a rival, which has no pre-training, or an ensemble; if it is to learn levels of stages and read
        none; or if strides leave epochs out.
    """
    if network.architecture != "mc2sleepnet":
        fault = f"architecture={network.architecture} has no pre-training"
        raise InputError("--set", fault, "Train it by `finetune` from scratch")
    refuse_ensemble(network)
    if options.pretrain_supervision == "none" and network.statistics_completion == "ridge+stages":
        fault = "statistics_completion=ridge+stages learns from stages, pretrain_supervision=none reads none"
        raise InputError("--set", fault, "Set statistics_completion=ridge")
    loop.check_against(network.sequence_length)


def fingerprint_of(
    data: FoldData, network: NetworkConfig, options: PretrainOptions, loop: LoopOptions
) -> dict[str, Any]:
    """All that a run must have in common with one that goes on."""
    return {
        "phase": PHASE,
        "network": network.to_json(),
        "options": asdict(options),
        "loop": asdict(loop),
        **completing(network),
        **data.describe(),
    }
