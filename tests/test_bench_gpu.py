"""`bench/gpu.sh` runs where there is nothing but torch, numpy, scipy and safetensors, and measures every row."""

import subprocess
import sys
from pathlib import Path

from bare_machine import BARE

ROOT = Path(__file__).parent.parent


def test_the_gpu_bench_needs_torch_and_three_libraries_and_no_network_and_measures_every_row() -> None:
    command = [sys.executable, "-c", BARE, str(ROOT / "bench" / "gpu.py"), "--device", "cpu", "--tiny"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for absent in ("failed", "left out", "nan"):
        assert absent not in ended.stdout, ended.stdout
    for row in ("float32, as written ", "bf16, as written, fused Adam", "corpus on the host", "encoding, float32"):
        assert row in ended.stdout, row
    for row in ("fine-tuning float32, as written", "a validation of pre-training", "EXTRAPOLATED"):
        assert row in ended.stdout, row


def test_the_gpu_bench_says_what_to_do_where_there_is_no_gpu() -> None:
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": ""}
    command = [str(ROOT / "bench" / "gpu.sh")]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert ended.returncode == 1
    assert (
        ended.stderr == "gpu.py: torch sees no GPU. Run it where one is, or see that it runs with --device cpu --tiny\n"
    )


def test_a_row_that_has_no_time_is_left_out_and_says_so() -> None:
    command = [sys.executable, str(ROOT / "bench" / "gpu.py"), "--device", "cpu", "--tiny", "--minutes", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("left out: no time for it") >= 8
