"""Whoever is stopped while fine-tuning encodes, validates or exports loses nothing that was finished."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mc2sleepnet.core.model_folder import WEIGHTS_FILE, file_sha256, open_model_folder
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.recipes import finetune_fold, open_fold
from mc2sleepnet.training import fold_data
from mc2sleepnet.training.kept_tokens import FOLDER_PREFIX, KeptTokens

SETTINGS = ["max_steps=4", "validate_every_steps=2", "batch_sequences=8"]


def finetune_small(store: Path, start: Path, out: Path, **options: Any) -> None:
    finetune_fold(store, start, out, fold=1, preset="paper", assignments=SETTINGS, **options)


@pytest.fixture(scope="module")
def uninterrupted(
    store_dir: Path,
    trained: Path,
    copying_graphs: Callable[[pytest.MonkeyPatch], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    out = tmp_path_factory.mktemp("uninterrupted") / "run"
    with pytest.MonkeyPatch.context() as patch:
        copying_graphs(patch)
        finetune_small(store_dir, trained / "pretrain", out, resume=False)
    return out


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of epochs of the recordings that are encoded from here on."""
    lengths: list[int] = []
    encode = fold_data.encode_night

    def counted(stager: Any, signal_uv: Any, is_readable: Any) -> Any:
        lengths.append(len(signal_uv))
        return encode(stager, signal_uv, is_readable)

    monkeypatch.setattr(fold_data, "encode_night", counted)
    return lengths


def n_recordings(store: Path) -> int:
    data = open_fold(store, 1)
    return len(data.training) + len(data.validation)


def kept_in(run: Path) -> list[Path]:
    return sorted(run.glob(f"{FOLDER_PREFIX}*/*.npy"))


@pytest.mark.usefixtures("_copied_graphs")
def test_kill_9_while_encoding_loses_no_encoded_recording(
    store_dir: Path, trained: Path, uninterrupted: Path, tmp_path: Path, encoded: list[int]
) -> None:
    out = tmp_path / "run"
    settings = [f"--set={one}" for one in SETTINGS]
    # Slow enough that the kill falls between two recordings.
    program = (
        "import time, torch; torch.set_num_threads(2)\n"
        "from mc2sleepnet.training import fold_data\n"
        "encode = fold_data.encode_night\n"
        "fold_data.encode_night = lambda *given: (time.sleep(0.3), encode(*given))[1]\n"
        "from mc2sleepnet.cli import main; main()"
    )
    verb = ["finetune", f"--store={store_dir}", f"--init={trained / 'pretrain'}", f"--out={out}", *settings, "--resume"]
    process = subprocess.Popen([sys.executable, "-c", program, *verb], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(kept_in(out)) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    _, told = process.communicate()
    n_kept = len(kept_in(out))
    assert n_kept >= 2, told
    finetune_small(store_dir, trained / "pretrain", out, resume=True)
    assert len(encoded) == n_recordings(store_dir) - n_kept
    assert file_sha256(out / WEIGHTS_FILE) == file_sha256(uninterrupted / WEIGHTS_FILE)
    assert not list(out.glob(f"{FOLDER_PREFIX}*"))


@pytest.mark.parametrize("when", [("encoding", 3), ("fine-tuning", 2), ("exporting", 0)])
@pytest.mark.usefixtures("_copied_graphs")
def test_ctrl_c_at_any_time_encodes_no_recording_twice(  # noqa: PLR0917
    store_dir: Path, trained: Path, uninterrupted: Path, tmp_path: Path, encoded: list[int], when: tuple[str, int]
) -> None:
    @contextmanager
    def watched(name: str) -> Iterator[Advance]:
        def press_ctrl_c(done: int, _total: int, _detail: str) -> None:
            if (name, done) == when:
                raise KeyboardInterrupt

        yield press_ctrl_c

    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        finetune_small(store_dir, trained / "pretrain", out, resume=False, step=watched)
    finetune_small(store_dir, trained / "pretrain", out, resume=True)
    assert len(encoded) == n_recordings(store_dir)
    assert file_sha256(out / WEIGHTS_FILE) == file_sha256(uninterrupted / WEIGHTS_FILE)
    assert open_model_folder(out).calibration == open_model_folder(uninterrupted).calibration


def test_tokens_of_other_options_or_damaged_ones_are_not_read(tmp_path: Path) -> None:
    tokens = np.random.default_rng(0).normal(size=(7, 2, 4)).astype(np.float32)
    kept = KeptTokens(tmp_path, {"seed": 1})
    kept.keep(3, tokens)
    again = KeptTokens(tmp_path, {"seed": 1}).read(3)
    assert again is not None
    assert again.tobytes() == tokens.tobytes()
    assert KeptTokens(tmp_path, {"seed": 2}).read(3) is None
    assert kept.read(4) is None
    file = kept_in(tmp_path)[0]
    content = bytearray(file.read_bytes())
    content[200] ^= 1
    file.write_bytes(bytes(content))
    assert kept.read(3) is None
    kept.remove()
    assert list(tmp_path.iterdir()) == []
