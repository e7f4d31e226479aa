"""`bench/gpu.sh` runs where there is nothing but torch, numpy, scipy and safetensors, and measures every row."""

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Whatever else is installed here cannot be imported there; nor is this program installed, or a network to be had.
BARE = textwrap.dedent(
    """
    import importlib.metadata
    import runpy
    import socket
    import sys

    OWN = {"mc2sleepnet", "floor", "noise_corpus", "stopwatch"}
    GIVEN = {"torch", "numpy", "scipy", "safetensors"}
    TORCHS_OWN = {"torchgen", "functorch", "triton", "typing_extensions", "sympy", "mpmath", "networkx", "jinja2"}
    TORCHS_OWN |= {"markupsafe", "filelock", "fsspec", "setuptools", "_distutils_hack", "gmpy2"}
    allowed = OWN | GIVEN | TORCHS_OWN | sys.stdlib_module_names

    class Bare:
        # Finds nothing else: torch asks what is there, and an error would be no answer.
        def __init__(self, finder):
            self.finder = finder

        def find_spec(self, name, path=None, target=None):
            is_there = name.partition(".")[0] in allowed or name.startswith("_sysconfigdata")
            return self.finder.find_spec(name, path, target) if is_there else None

    sys.meta_path[:] = [Bare(finder) for finder in sys.meta_path]
    installed = importlib.metadata.version

    def version(name):
        if name == "mc2sleepnet":
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    def refuse(*_):
        raise OSError("there is no network")

    importlib.metadata.version = version
    socket.socket.connect = refuse
    program, *sys.argv[1:] = sys.argv[1:]
    sys.argv[0] = program
    sys.path.insert(0, program.rpartition("/")[0])
    runpy.run_path(program, run_name="__main__")
    """
)


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
