"""The whole pre-training step in every way a CPU can run it, as ratios within one run.

Run: python bench/ways.py [WIDTH [THREADS]].

The ways take turns, so that whatever else the machine does slows all of them alike; medians of the rounds.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch

from floor import bounds, costs, this_machine
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.model.pretraining_network import PretrainingNetwork
from mc2sleepnet.training.engine import adam, compile_parts
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.freed_memory import keep_freed_memory
from mc2sleepnet.training.loop import LoopOptions, update
from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
from mc2sleepnet.training.seeding import keyed_generator
from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics
from noise_corpus import noise_corpus

ROUNDS = 4
CPU = torch.device("cpu")
# Memory format of the parameters, and what differs from the defaults.
WAYS = {
    "contiguous": (torch.contiguous_format, {}),
    "channels-last (what is done)": (torch.channels_last, {}),
    "channels-last, dropout in one block": (torch.channels_last, {"dropout_blocks": 1}),
    "channels-last, fused Adam": (torch.channels_last, {"fused_adam": "on"}),
    "channels-last, bf16": (torch.channels_last, {"precision": "bf16"}),
    "channels-last, compiled": (torch.channels_last, {"compile": "default"}),
    "channels-last, compiled, bf16": (torch.channels_last, {"compile": "default", "precision": "bf16"}),
}


def step_of(data: FoldData, width: float, memory_format: torch.memory_format, **chosen: str) -> Callable[[], None]:
    loop = LoopOptions(device="cpu", **{"compile": "none", "fused_adam": "off", **chosen})
    torch.manual_seed(0)
    model = PretrainingNetwork(NetworkConfig(width=width)).to(memory_format=memory_format)
    fit_spectrogram_statistics(model.network.spectrogram, data)
    compile_parts(model, loop.compile, CPU)
    phase = Pretraining(model, data, PretrainOptions(), loop=loop, keep=lambda *_: None)
    optimizer = adam(phase.parameters(), learning_rate=1e-4, weight_decay=0.0, fused=loop.fused_adam)
    indices = torch.from_numpy(data.sequences("training", length=16))

    def step() -> None:
        batch = phase.batch(indices, keyed_generator(0, "masking"))
        update(phase, optimizer, batch, loop, step=0, last_step=9).read()

    return step


def main() -> None:
    width = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    if len(sys.argv) > 2:
        torch.set_num_threads(int(sys.argv[2]))
    keep_freed_memory()
    data = noise_corpus(CPU, is_tiny=True)
    n_epochs = len(data.epochs(data.training))
    steps = {name: step_of(data, width, memory, **chosen) for name, (memory, chosen) in WAYS.items()}
    flop_per_s, bytes_per_s = this_machine()
    bound = bounds(costs(width)["pre-training step"], flop_per_s, bytes_per_s)[0]
    begun = time.perf_counter()
    for step in steps.values():  # compiled ones are compiled now
        step()
        step()
    warm_s = time.perf_counter() - begun
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - started)
    usual = statistics.median(seconds["channels-last (what is done)"])
    print(
        f"width {width:g}, {n_epochs} epochs a step, {torch.get_num_threads()} threads, torch {torch.__version__}; "
        f"matrix product {flop_per_s / 1e9:.0f} GFLOP/s: at the most {bound:,.0f} epochs/s; warm-up {warm_s:.0f} s"
    )
    print(f"{'pre-training step, everything':<40} {'epochs/s':>9} {'ratio':>6} {'reached':>8}")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"{name:<40} {n_epochs / median:>9.1f} {usual / median:>6.2f} {n_epochs / median / bound:>8.0%}")


if __name__ == "__main__":
    main()
