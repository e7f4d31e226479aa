"""Compiled parts and Adam in one kernel: the same network, the same learning; what was used is told."""

import json
import os
import platform
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from torch import nn

from mc2sleepnet.recipes import pretrain_fold
from mc2sleepnet.training.engine import adam, chosen_compile

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)

# In a process of its own: the hook that checks shapes in the tests would stand in the compiled graphs.
PROGRAM = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import torch
    from mc2sleepnet.model.network import NetworkConfig
    from mc2sleepnet.model.pretraining_network import PretrainingNetwork
    from mc2sleepnet.recipes.single_fold import open_fold
    from mc2sleepnet.training.engine import as_written, compile_parts
    from mc2sleepnet.training.loop import LoopOptions, update
    from mc2sleepnet.training.pretraining import Pretraining, PretrainOptions
    from mc2sleepnet.training.seeding import keyed_generator
    from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics

    store, precision, dropout, backend = sys.argv[1:]
    is_exact = precision == "float32" and dropout == "0"
    whole = torch.nn.Module.compile
    torch.nn.Module.compile = lambda part, mode: whole(part, mode=mode, backend=backend)
    data = open_fold(Path(store), 1)
    indices = torch.from_numpy(data.sequences("training", length=16)[:2])
    names, found, judged = None, {}, {}
    for mode in ("none", "default"):
        loop = LoopOptions(compile=mode, device="cpu", scoring_stride=16, precision=precision)
        torch.manual_seed(0)
        shape = NetworkConfig(width=0.0625, spectrogram_layers=1, sequence_layers=1, dropout=float(dropout))
        model = PretrainingNetwork(shape).to(memory_format=torch.channels_last)
        fit_spectrogram_statistics(model.network.spectrogram, data)
        if is_exact:  # an untrained raw backbone is too ill-conditioned for float32 to be compared closely
            model.double()
        compile_parts(model, mode, torch.device("cpu"))
        phase = Pretraining(model, data, PretrainOptions(), loop=loop, keep=lambda *_: None)
        optimizer = torch.optim.SGD(phase.parameters(), lr=0.0)
        with as_written():
            judged[mode] = phase.validate()
        masking = keyed_generator(0, "masking")
        loss, terms = update(phase, optimizer, phase.batch(indices, masking), loop, step=0, last_step=9).read()
        found[mode] = terms | {f"gradient of {n}": p.grad.norm().item() for n, p in model.named_parameters()}
        assert names is None or names == list(model.state_dict()), "weights have other names"
        names = list(model.state_dict())
    assert judged["none"] == judged["default"], "validation does not run as written"
    compiled = sum(torch._dynamo.utils.counters["stats"].values())
    breaks = dict(torch._dynamo.utils.counters["graph_break"])
    assert compiled and not breaks, breaks
    for name, value in found["none"].items():
        if is_exact or "gradient" not in name:
            limit = 1e-6 * abs(value) + 1e-9 if is_exact else 0.3 * abs(value) + 1e-2
            assert abs(found["default"][name] - value) <= limit, (name, value, found["default"][name])
    assert all(map(lambda value: value == value, found["default"].values())), "not finite"
    print("same")
    """
)


@pytest.mark.parametrize(
    ("precision", "dropout", "backend"),
    [
        # Graphs are taken and differentiated as for any engine, and then run operation by operation.
        ("bf16", "0.1", "aot_eager"),
        ("float32", "0", "aot_eager"),
        pytest.param("float32", "0", "inductor", marks=pytest.mark.soak),
        pytest.param("bf16", "0.1", "inductor", marks=pytest.mark.soak),
    ],
)
def test_a_compiled_step_is_the_step_as_written_without_a_graph_break(
    store_dir: Path, tmp_path: Path, precision: str, dropout: str, backend: str
) -> None:
    """In float64 losses and gradients; where dropout draws other numbers and bf16 rounds, losses alone, and roughly."""
    if backend == "inductor" and shutil.which("g++") is None:
        pytest.skip("torch compiles for a CPU with g++, which is not here")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(store_dir), precision, dropout, backend]
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "same\n"


def test_auto_compiles_on_a_gpu_that_has_a_compiler_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_compile("auto", CPU) == "none"
    assert chosen_compile("reduce-overhead", CPU) == "reduce-overhead"
    for is_there, expected in ((True, "default"), (False, "none")):
        monkeypatch.setattr("mc2sleepnet.training.engine.find_spec", lambda _, there=is_there: there or None)
        assert chosen_compile("auto", GPU) == expected


def test_adam_in_one_kernel_takes_the_same_steps() -> None:
    gradients = torch.randn(5, 30)
    ends = []
    for fused in ("on", "off", "auto"):
        parameter = nn.Parameter(torch.ones(30))
        optimizer = adam([parameter], learning_rate=0.1, weight_decay=1e-4, fused=fused)  # type: ignore[arg-type]
        assert bool(optimizer.param_groups[0]["fused"]) == (fused == "on")
        for gradient in gradients:
            parameter.grad = gradient.clone()
            optimizer.step()
        ends.append(parameter.detach())
    assert torch.equal(ends[1], ends[2])
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-5, atol=1e-6)
    assert (ends[0] - 1).abs().min() > 0


def test_a_run_tells_what_auto_became_and_resumes_with_a_fused_adam(store_dir: Path, tmp_path: Path) -> None:
    shape = ["width=0.125", "spectrogram_layers=1", "sequence_layers=1", "batch_sequences=4"]
    loop = ["max_steps=2", "validate_every_steps=1", "fused_adam=on", "corpus=device"]
    pretrain_fold(store_dir, tmp_path, fold=1, preset="paper", assignments=[*shape, *loop], resume=False)
    provenance = json.loads((tmp_path / "config.json").read_text())["provenance"]
    assert provenance["engine"] == {"device": "cpu", "compile": "none", "fused_adam": True, "corpus": "device"}


FAULTS = """
import resource, torch
from mc2sleepnet.training.freed_memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

usual = [faults() for _ in range(20)]
assert keep_freed_memory()
print(sum(usual), sum(faults() for _ in range(20)))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library gives no choice")
def test_memory_that_was_freed_is_handed_out_again_without_page_faults() -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    usual, kept = map(int, done.stdout.split())
    assert kept < 0.5 * usual
