import os
import signal
import sys
from pathlib import Path

# Where several trainings share two cores, threads that spin while they wait take the time of those that work: read when
# torch is loaded, here and in every process the tests start.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import pytest
import torch
from jaxtyping import install_import_hook

# Shapes in the signatures of the network are checked wherever tests use it, so it must not be imported before.
with install_import_hook(["mc2sleepnet.model"], "beartype.beartype"):
    import mc2sleepnet.model.export
    import mc2sleepnet.model.network  # noqa: F401

# A shell that runs the tests in the background has them ignore Ctrl-C, and every process they start with them.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Test modules import the helpers beside this file; pytest's importlib mode puts no folder on the path by itself.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real recordings beside the repository; they are never copied into it."""
    folder = os.environ.get("MC2_REAL_DATA")
    if not folder:
        pytest.skip("MC2_REAL_DATA is not set: the real files are not here")
    assert Path(folder).is_dir(), f"MC2_REAL_DATA names {folder}, which is no folder"
    return Path(folder)


@pytest.fixture(scope="session", autouse=True)
def _two_threads() -> None:
    """Bitwise comparisons hold for one number of threads: the same one everywhere."""
    torch.set_num_threads(2)


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight short synthetic nights in Sleep-EDF's layout."""
    from mc2sleepnet.synth.cohort import write_cohort

    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(folder, subjects=8, nights=1, seed=5, hours=1.0)
    return folder


@pytest.fixture(scope="session")
def store_dir(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cohort, prepared."""
    from mc2sleepnet.corpora.prepare import prepare

    folder = tmp_path_factory.mktemp("store")
    prepare("sleep-edf-20", cohort, folder)
    return folder


@pytest.fixture(scope="session")
def trained(store_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs `pretrain` and `model`: a narrow, shallow network after a few steps of both phases."""
    from mc2sleepnet.recipes import finetune_fold, pretrain_fold

    folder = tmp_path_factory.mktemp("runs")
    loop = ["max_steps=6", "validate_every_steps=3", "batch_sequences=8"]
    shape = ["width=0.125", "spectrogram_layers=1", "sequence_layers=2"]
    options = {"fold": 1, "preset": "paper", "resume": False}
    pretrain_fold(store_dir, folder / "pretrain", assignments=loop + shape, **options)
    finetune_fold(store_dir, folder / "pretrain", folder / "model", assignments=loop, **options)
    return folder


@pytest.fixture(scope="session")
def model_dir(trained: Path) -> Path:
    """A model folder that scores, badly but truly."""
    return trained / "model"
