"""Training on a GPU, measured in one command: epochs a second beside their bounds, and what a fold would take.

Run: bench/gpu.sh [--width W] [--minutes M], ten minutes at the most; --device cpu --tiny shows that it runs.

Every rate is that of the training loop itself (`training.loop.train`), after a warm-up and without validations, on a
corpus of noise of Sleep-EDF-78's size made on the device. A row that would outlast the budget is left out and says so.
Bounds are counted (bench/floor.py) and divided by a matrix product and a copy timed on the same device in the same
run. What a whole fold takes is extrapolated from these rates, not run.
"""

import argparse
import math
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from floor import Cost, cost, costs, fastest
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH
from mc2sleepnet.model.checkpoint import Checkpoint, save_checkpoint
from mc2sleepnet.model.network import MC2SleepNet, NetworkConfig
from mc2sleepnet.model.pretraining_network import PretrainingNetwork
from mc2sleepnet.training.cached_tokens import encode_training
from mc2sleepnet.training.engine import adam, compile_parts
from mc2sleepnet.training.finetuning import Finetuning
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions, Phase, train
from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
from mc2sleepnet.training.resume import Progress, save_resume
from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics
from mc2sleepnet.training.stager import TorchStager
from mc2sleepnet.training.training_signals import Inputs, SignalsOnHost, training_signals
from noise_corpus import noise_corpus
from stopwatch import EnoughError, Stopwatch, Table

TARGET_PER_S, TARGET_S = 40_000, 300
# What a fold is taken to be: steps of each phase, a validation every 50. Twenty of them without a better one, which
# is a third of these steps, end a phase; how many come before them only a run on real nights can tell.
STEPS_OF_A_PHASE = 3_000
FINETUNING_STRIDE = 4
NEVER = 10**9


@dataclass(frozen=True)
class Machine:
    """A device and what it can do."""

    device: torch.device
    float32_per_s: float
    bf16_per_s: float
    bytes_per_s: float

    @classmethod
    def measured(cls, device: torch.device, *, is_tiny: bool) -> "Machine":
        side, n = (256, 2**20) if is_tiny else (8192, 2**29) if device.type == "cuda" else (1024, 2**25)
        rates = []
        for kind in (torch.float32, torch.bfloat16):
            a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
            rates.append(2 * side**3 / fastest(lambda a=a, b=b: done(a @ b), 0.5))
        source, target = (torch.zeros(n, device=device) for _ in range(2))
        return cls(device, *rates, 2 * 4 * n / fastest(lambda: done(target.copy_(source)), 0.5))

    def bound(self, of_part: Cost, loop: LoopOptions) -> float:
        """Epochs a second at the most: by operations; where nothing is fused also by bytes, half of them in bf16."""
        is_bf16, is_compiled = loop.precision == "bf16", loop.compile not in ("none", "auto")
        n_bytes = 0.0 if is_compiled else of_part.n_bytes / (2 if is_bf16 else 1)
        return Cost(of_part.flop, n_bytes).epochs_per_s(
            self.bf16_per_s if is_bf16 else self.float32_per_s, self.bytes_per_s
        )


def done(x: torch.Tensor) -> None:
    """Wait until it is computed."""
    if x.is_cuda:
        torch.cuda.synchronize()


@dataclass(frozen=True)
class Bench:
    """All that the rows share."""

    machine: Machine
    data: FoldData
    shape: NetworkConfig
    table: Table
    seconds: float
    batch_sequences: int
    statistics: dict[str, torch.Tensor]

    def model(self) -> PretrainingNetwork:
        torch.manual_seed(0)
        model = PretrainingNetwork(self.shape)
        model.to(device=self.machine.device, memory_format=torch.channels_last)
        for name, values in self.statistics.items():
            getattr(model.network.spectrogram, name).copy_(values)
        return model

    def loop(self, **chosen: Any) -> LoopOptions:
        usual = {"batch_sequences": self.batch_sequences, "compile": "none", "fused_adam": "off", "corpus": "device"}
        limits = {"max_passes": NEVER, "validate_every_steps": NEVER, "device_reserve_gb": 0.0}
        stride = {"sequence_stride": self.shape.sequence_length}
        return LoopOptions(**(usual | limits | stride | chosen))

    def rate(self, phase: Phase, loop: LoopOptions) -> float:
        """Of the training loop, warm."""
        length, stride = self.shape.sequence_length, loop.sequence_stride
        sequences = self.data.sequences("training", length=length, stride=stride)
        size = min(loop.batch_sequences, len(sequences))
        # Sequences at the ends of recordings are padded: batches differ by a few epochs.
        epochs_per_step = round(size * float((sequences >= 0).sum(axis=1).mean()))
        warm = 3 if loop.compile == "none" else 10
        watch = Stopwatch(self.machine.device, warm_steps=warm, seconds=self.seconds, epochs_per_step=epochs_per_step)
        with tempfile.TemporaryDirectory() as name, suppress(EnoughError):
            train(phase, sequences, loop, Path(name), fingerprint={}, resume=False, advance=watch)
        return watch.rate


def pretraining_rows(bench: Bench, signals: Inputs, counted: Cost) -> LoopOptions:
    """Ways to run a pre-training step; the fastest of them."""
    loop, is_gpu = bench.loop, bench.machine.device.type == "cuda"
    big = 4 * bench.batch_sequences
    ways = {
        "float32, as written": loop(),
        "bf16, as written": loop(precision="bf16"),
        "bf16, as written, dropout in one block": loop(precision="bf16", dropout_blocks=1),
        "bf16, as written, fused Adam": loop(precision="bf16", fused_adam="on"),
    }
    if is_gpu:
        ways |= {
            "bf16, compiled, fused Adam": loop(precision="bf16", fused_adam="on", compile="default"),
            "bf16, compiled, CUDA graphs, fused Adam": loop(
                precision="bf16", fused_adam="on", compile="reduce-overhead"
            ),
        }
    bench.table.head(f"pre-training, {bench.batch_sequences} sequences of {bench.shape.sequence_length}")

    def measured(name: str, chosen: LoopOptions, inputs: Inputs) -> float:
        def measure() -> float:
            model = bench.model()
            compile_parts(model, chosen.compile, bench.machine.device)
            phase = Pretraining(model, bench.data, PretrainOptions(), loop=chosen, keep=lambda *_: None, signals=inputs)
            return bench.rate(phase, chosen)

        limit_s = 40 if chosen.compile == "none" else 150
        return bench.table.row(name, limit_s, bench.machine.bound(counted, chosen), measure)

    reached = {name: measured(name, chosen, signals) for name, chosen in ways.items()}
    best = max(reached, key=lambda name: np.nan_to_num(reached[name]))
    host = SignalsOnHost(bench.data, margin=0, device=bench.machine.device)
    measured(f"{best}; corpus on the host, read ahead", ways[best], host)
    measured(f"{best}; {big} sequences", replace(ways[best], batch_sequences=big), signals)
    return ways[best]


def finetuning_rows(bench: Bench, counted: Cost) -> None:
    """Ways to run a step of fine-tuning on frozen backbones, on tokens encoded once."""
    loop, is_gpu = bench.loop, bench.machine.device.type == "cuda"
    shared = {"sequence_stride": min(FINETUNING_STRIDE, bench.shape.sequence_length)}
    ways = {
        "float32, as written": loop(**shared),
        "bf16, as written, fused Adam": loop(precision="bf16", fused_adam="on", **shared),
    }
    if is_gpu:
        for name, mode in (("compiled", "default"), ("compiled, CUDA graphs", "reduce-overhead")):
            ways[f"bf16, {name}, fused Adam"] = loop(precision="bf16", fused_adam="on", compile=mode, **shared)
    bench.table.head(f"fine-tuning on cached tokens, {bench.batch_sequences} sequences")
    # Encoded once for all rows: what encoding takes has a row of its own.
    phase = Finetuning(bench.model().network, bench.data, loop=loop(**shared), keep=lambda *_: None)
    assert phase.inputs.is_on_device
    for name, chosen in ways.items():

        def measure(chosen: LoopOptions = chosen) -> float:
            fresh = bench.model().network
            phase.module = phase.network = fresh
            for part in fresh.backbones():
                part.requires_grad_(False)
            compile_parts(fresh, chosen.compile, bench.machine.device)
            return bench.rate(phase, chosen)

        limit_s = 30 if chosen.compile == "none" else 90
        bench.table.row(f"fine-tuning {name}", limit_s, bench.machine.bound(counted, chosen), measure)


def encoding_row(bench: Bench) -> None:
    network = bench.model().network.eval()
    n_epochs = len(bench.data.epochs(bench.data.training))

    @torch.no_grad()
    def encode(x: torch.Tensor) -> object:
        return on_cpu.epoch_tokens(x)

    on_cpu = MC2SleepNet(bench.shape).eval()
    counted = cost(lambda: encode(torch.randn(64, SAMPLES_PER_EPOCH)), 64)
    begun = time.perf_counter()

    def measure() -> float:
        encode_training(bench.data, TorchStager(network), network.token_shape)
        return n_epochs / (time.perf_counter() - begun)

    bound = bench.machine.bound(counted, bench.loop())
    bench.table.head("frozen backbones: every training epoch encoded once")
    bench.table.row("encoding, float32, as written", 60, bound, measure)


def besides(bench: Bench) -> None:
    """What a fold does besides steps: validate, and keep its place."""
    print(f"\n{'besides steps':<58} {'seconds':>12}")
    model = bench.model()
    loop = bench.loop(sequence_stride=FINETUNING_STRIDE)
    phase = Pretraining(model, bench.data, PretrainOptions(), loop=loop, keep=lambda *_: None)
    bench.table.timed("a validation of pre-training", 60, phase.validate)
    network = model.network
    # Only validation tokens are wanted here: `trained` encodes no training epoch.
    tokens = bench.data.encode(TorchStager(network), bench.data.validation)
    judged = TorchStager(network)
    bench.table.timed(
        "a validation of fine-tuning", 60, lambda: bench.data.judge(judged, tokens, stride=loop.scoring_stride)
    )
    with tempfile.TemporaryDirectory() as name:
        optimizer = adam(model.parameters(), learning_rate=1e-3, weight_decay=0.0, fused="off")
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()

        def keep() -> None:
            checkpoint = Checkpoint(network=network, phase="bench", is_synthetic=True)
            save_checkpoint(checkpoint, Path(name))
            save_resume(
                Path(name),
                module=model,
                optimizer=optimizer,
                progress=Progress(),
                sums=Counter(),
                n_summed=0,
                fingerprint={},
            )

        bench.table.timed("keeping the place and the best network", 30, keep)


def extrapolated(bench: Bench, corpus_s: float) -> None:
    """What both phases of one fold of Sleep-EDF-78 would take at the rates measured above."""
    rates, seconds = bench.table.rates, bench.table.seconds
    pre = max((rate for name, rate in rates.items() if name.startswith(("float32", "bf16"))), default=math.nan)
    fine = max((rate for name, rate in rates.items() if name.startswith("fine-tuning")), default=math.nan)
    encode = rates.get("encoding, float32, as written", math.nan)
    n_steps, every = STEPS_OF_A_PHASE, LoopOptions().validate_every_steps
    epochs, n_validations = n_steps * LoopOptions().batch_sequences * bench.shape.sequence_length, n_steps / every
    keep = seconds.get("keeping the place and the best network", math.nan)
    parts = {
        "corpus to the device": corpus_s,
        f"pre-training, {n_steps:,} steps": epochs / pre,
        "its validations": n_validations * (seconds.get("a validation of pre-training", math.nan) + keep),
        "encoding": len(bench.data.epochs(bench.data.training)) / encode,
        f"fine-tuning, {n_steps:,} steps": epochs / fine,
        "its validations ": n_validations * (seconds.get("a validation of fine-tuning", math.nan) + keep),
    }
    print(f"\nboth phases of one Sleep-EDF-78 fold, EXTRAPOLATED from the rates above, not run; {n_steps:,} steps each")
    for name, taken in parts.items():
        print(f"{name:<58} {taken:>10.1f} s")
    total = sum(parts.values())
    print(f"{'both phases (compilation and export not counted)':<58} {total:>10.1f} s, target {TARGET_S} s")
    print(f"{'pre-training, best':<58} {pre:>10,.0f} epochs/s, target {TARGET_PER_S:,} epochs/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--minutes", type=float, default=9.5, help="time budget")
    parser.add_argument("--tiny", action="store_true", help="see that it runs: the figures mean nothing")
    given = parser.parse_args()
    begun = time.perf_counter()
    if given.device == "cuda" and not torch.cuda.is_available():
        sys.exit("gpu.py: torch sees no GPU. Run it where one is, or see that it runs with --device cpu --tiny")
    device = torch.device(given.device)
    shape = NetworkConfig(width=given.width)
    if given.tiny:
        shape = replace(shape, width=0.0625, sequence_length=4, spectrogram_layers=1, sequence_layers=1)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"{name}; torch {torch.__version__}; width {shape.width:g}{'; tiny: figures mean nothing' * given.tiny}")
    machine = Machine.measured(device, is_tiny=given.tiny)
    print(
        f"matrix product {machine.float32_per_s / 1e12:.2f} TFLOP/s in float32, {machine.bf16_per_s / 1e12:.2f} in "
        f"bf16; copy {machine.bytes_per_s / 1e12:.3f} TB/s"
    )
    counted = costs(shape.width)
    for part in ("pre-training step", "fine-tuning step"):
        print(f"{part}: {counted[part].flop / 1e6:.0f} MFLOP, {counted[part].n_bytes / 1e6:.0f} MB an epoch as written")
    data = noise_corpus(device, is_tiny=given.tiny)
    statistics = PretrainingNetwork(shape).network.spectrogram
    fit_spectrogram_statistics(statistics, data, epochs=data.epochs(data.training)[:2048])
    moved = time.perf_counter()
    signals = training_signals(data, margin=0, device=device, place="device", reserve_gb=0.0)
    corpus_s = time.perf_counter() - moved
    bench = Bench(
        machine=machine,
        data=data,
        shape=shape,
        table=Table(ends_at=begun + 60 * given.minutes),
        seconds=0.05 if given.tiny else 8.0,
        batch_sequences=4 if given.tiny else LoopOptions().batch_sequences,
        statistics={name: getattr(statistics, name) for name in ("mean_db", "deviation_db")},
    )
    n_training = len(data.epochs(data.training))
    print(f"noise of {n_training:,} training epochs made and put on the device; the second took {corpus_s:.1f} s")
    pretraining_rows(bench, signals, counted["pre-training step"])
    del signals
    encoding_row(bench)
    finetuning_rows(bench, counted["fine-tuning step"])
    besides(bench)
    extrapolated(bench, corpus_s)
    print(f"\ntook {time.perf_counter() - begun:.0f} s")
    if bench.table.n_failed:
        sys.exit(f"gpu.py: {bench.table.n_failed} rows failed, the others are measured")


if __name__ == "__main__":
    main()
