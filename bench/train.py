"""Training epochs a second, part by part and phase by phase, beside their bounds.

Run: python bench/train.py [WIDTH [give-back]]; with `give-back`, freed memory goes back to the system after every
step, as it would without `training/freed_memory.py`.

The bounds (bench/floor.py) come from a matrix product timed in the same run, so that the share of it holds on a noisy
machine; the absolute figures are this machine's, now.
"""

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from floor import bounds, costs, this_machine
from mc2sleepnet.corpora import Fold
from mc2sleepnet.corpora.prepare import prepare
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.model.pretraining_network import PretrainingNetwork
from mc2sleepnet.store import Store
from mc2sleepnet.synth.cohort import write_cohort
from mc2sleepnet.training.finetuning import Finetuning
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.freed_memory import keep_freed_memory
from mc2sleepnet.training.loop import LoopOptions, Phase
from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
from mc2sleepnet.training.seeding import keyed_generator
from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics

REPEATS = 5
SEQUENCES = 16


def rate(n_epochs: int, step: Callable[[], None]) -> float:
    step()
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return n_epochs / statistics.median(seconds)


def training_step(phase: Phase, indices: torch.Tensor) -> Callable[[], None]:
    optimizer = torch.optim.Adam(phase.parameters())

    def step() -> None:
        phase.enter_training()
        loss, _ = phase.loss(phase.batch(indices, keyed_generator(0, "masking")))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    width = float(sys.argv[1]) if len(sys.argv) > 1 else 0.25
    keeps_memory = sys.argv[2:] != ["give-back"] and keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        write_cohort(Path(name) / "cohort", subjects=3, nights=1, seed=1, hours=4)
        prepare("sleep-edf-20", Path(name) / "cohort", Path(name) / "store")
        store = Store.open(Path(name) / "store")
        data = FoldData(store=store, fold=Fold(name="bench", train=("0",), validation=("1",), test=("2",)))
        model = PretrainingNetwork(NetworkConfig(width=width)).to(memory_format=torch.channels_last)
        fit_spectrogram_statistics(model.network.spectrogram, data)
        indices = torch.from_numpy(data.sequences("training", length=16)[:SEQUENCES])
        signal_uv = torch.from_numpy(store.signal_uv(indices.numpy())).flatten(0, 1)
        spectrogram = model.network.spectrogram(signal_uv)
        pretraining = Pretraining(model, data, PretrainOptions(), loop=LoopOptions(), keep=lambda *_: None)
        rates = {
            "reading the batch": rate(indices.numel(), lambda: store.signal_uv(indices.numpy())),
            "signal backbone": rate(indices.numel(), lambda: model.network.signal_backbone(signal_uv).sum().backward()),
            "spectrogram": rate(indices.numel(), lambda: model.network.spectrogram(signal_uv)),
            "spectrogram backbone": rate(
                indices.numel(), lambda: model.network.spectrogram_backbone(spectrogram).sum().backward()
            ),
            "pre-training step": rate(indices.numel(), training_step(pretraining, indices)),
        }
        finetuning = Finetuning(model.network, data, loop=LoopOptions(), keep=lambda *_: None)
        rates["fine-tuning step"] = rate(indices.numel(), training_step(finetuning, indices))
    flop_per_s, bytes_per_s = this_machine()
    counted = costs(width)
    print(
        f"width {width:g}, {SEQUENCES} sequences of 16 epochs, {torch.get_num_threads()} threads; forward and "
        f"backward; matrix product {flop_per_s / 1e9:.0f} GFLOP/s, copy {bytes_per_s / 1e9:.1f} GB/s; freed memory "
        f"{'kept' if keeps_memory else 'given back'}, {peak_mb():,.0f} MB at the most"
    )
    print(f"{'part':<22} {'epochs/s':>12} {'at the most':>12} {'reached':>9}")
    for part, per_second in rates.items():
        bound = bounds(counted[part], flop_per_s, bytes_per_s)[0] if part in counted else None
        share = "" if bound is None else f"{bound:>12,.0f} {per_second / bound:>9.0%}"
        print(f"{part:<22} {per_second:>12,.0f} {share}")
    loading = rates["pre-training step"] / rates["reading the batch"]
    print(f"reading the batch takes {loading:.2%} of a pre-training step")


if __name__ == "__main__":
    main()
