"""The loop: deterministic, resumable to the bit, stopped early, and honest about its end."""

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import file_sha256
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.recipes import pretrain_fold
from mc2sleepnet.training import resume as resume_module
from mc2sleepnet.training.batch import Batch
from mc2sleepnet.training.loop import LoopOptions, batches, finished, train
from mc2sleepnet.training.resume import PREVIOUS_FILE, RESUME_FILE
from mc2sleepnet.training.watching import METRICS_FILE, TENSORBOARD_FOLDER

SHAPE = ["width=0.125", "spectrogram_layers=1", "sequence_layers=1", "batch_sequences=4", "validate_every_steps=2"]


class Slope:
    """A phase of its own: learn one number, with a macro-F1 that follows a script."""

    def __init__(self, scripted_macro_f1: list[float], *, poison_at: int = -1) -> None:
        self.module: nn.Module = nn.Linear(1, 1)
        self.scripted, self.poison_at, self.steps = iter(scripted_macro_f1), poison_at, 0
        self.saved: list[int] = []

    is_on_device = False

    def parameters(self) -> list[nn.Parameter]:
        return list(self.module.parameters())

    def enter_training(self) -> None:
        self.module.train()

    def batch(self, indices: Tensor, masking: torch.Generator) -> Batch:
        return Batch(indices)

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        self.steps += 1
        loss = self.module(batch.indices.float().reshape(-1, 1)).square().mean()
        if self.steps == self.poison_at:
            loss = loss * math.nan
        return loss, {"error": loss.detach()}

    def validate(self) -> dict[str, float]:
        return {"macro_f1": next(self.scripted)}

    def save(self, figures: dict[str, float], step: int) -> None:
        self.saved.append(step)

    def recordings_of(self, indices: Tensor) -> list[str]:
        return [f"night{indices.min():02d}", "nightmare"]


def run(phase: Slope, out: Path, *, fingerprint: dict[str, Any] | None = None, resume: bool = False, **options: Any):  # type: ignore[no-untyped-def]
    sequences = np.arange(40, dtype=np.int64).reshape(20, 2)
    loop = LoopOptions(**({"batch_sequences": 4, "validate_every_steps": 1, "max_steps": 50} | options))
    return train(phase, sequences, loop, out, fingerprint=fingerprint or {}, resume=resume, advance=lambda *_: None)


def test_training_stops_when_macro_f1_has_not_risen_for_the_patience(tmp_path: Path) -> None:
    phase = Slope([0.1, 0.3, 0.2, 0.3, 0.25, 0.9])
    result = run(phase, tmp_path, patience=3)
    assert (result.ended_by, result.steps, result.best_step) == ("patience", 5, 2)
    assert phase.saved == [1, 2]


def test_training_ends_at_the_limit_of_passes_or_steps(tmp_path: Path) -> None:
    assert run(Slope([0.5] * 99), tmp_path / "steps", max_steps=7).steps == 7
    assert run(Slope([0.5] * 99), tmp_path / "passes", max_steps=0, max_passes=2, patience=99).steps == 2 * 20 // 4


def test_the_last_step_is_always_validated(tmp_path: Path) -> None:
    run(Slope([0.1, 0.2]), tmp_path, max_steps=7, validate_every_steps=5)
    rows = [json.loads(row) for row in (tmp_path / METRICS_FILE).read_text().splitlines()]
    assert [row["step"] for row in rows] == [5, 7]
    assert set(rows[0]) == {"step", "pass", "error", "loss", "epochs_per_s", "validation_macro_f1"}


def test_a_loss_that_is_not_finite_stops_with_the_step_the_recordings_and_the_last_good_network(tmp_path: Path) -> None:
    told = r"stopped being finite at step 4, in a batch of night\d\d, nightmare; the best network is of step 3"
    with pytest.raises(InputError, match=told):
        run(Slope([0.1, 0.2, 0.3, 0.4], poison_at=4), tmp_path)


def test_tensorboard_gets_the_curves_and_a_resumed_run_writes_none_twice(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(Slope([0.1, 0.2, 0.3]), tmp_path, max_steps=3)
    (tmp_path / RESUME_FILE).unlink()  # as if killed before the last one was written: step 3 comes again
    time.sleep(1.1)  # TensorBoard reads files by name, which tells the second; a process that resumes comes later
    run(Slope([0.3]), tmp_path, max_steps=3, resume=True)
    told = EventAccumulator(str(tmp_path / TENSORBOARD_FOLDER)).Reload()
    assert set(told.Tags()["scalars"]) == {
        *("training/pass", "training/error", "training/loss", "training/epochs_per_s", "validation/macro_f1")
    }
    figures = [(event.step, event.value) for event in told.Scalars("validation/macro_f1")]
    assert dict(figures) == pytest.approx({1: 0.1, 2: 0.2, 3: 0.3})
    assert len(figures) == 3


def test_a_run_of_before_an_option_of_networks_goes_on_where_that_is_what_was_done(tmp_path: Path) -> None:
    network = NetworkConfig().to_json()
    earlier = {name: value for name, value in network.items() if name != "smoothing"}
    run(Slope([0.5] * 9), tmp_path, max_steps=3, fingerprint={"network": earlier})
    assert finished(tmp_path, {"network": network}) is not None
    run(Slope([0.5] * 9), tmp_path, max_steps=3, fingerprint={"network": network}, resume=True)
    other = network | {"smoothing": "course"}
    assert finished(tmp_path, {"network": other}) is None
    with pytest.raises(InputError, match=r"with other network \(smoothing none, now course\)\."):
        run(Slope([0.5] * 9), tmp_path, max_steps=3, fingerprint={"network": other}, resume=True)


def test_a_run_is_never_resumed_with_other_options(tmp_path: Path) -> None:
    run(Slope([0.5] * 9), tmp_path, max_steps=3, fingerprint={"seed": 1, "width": 1.0})
    with pytest.raises(InputError, match=r"with other seed 1, now 2; width 1\.0, now 0\.5\. Resume"):
        run(Slope([0.5] * 9), tmp_path, max_steps=3, fingerprint={"seed": 2, "width": 0.5}, resume=True)


def test_a_damaged_resume_file_is_told(tmp_path: Path) -> None:
    (tmp_path / RESUME_FILE).write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="cannot be read"):
        run(Slope([0.5]), tmp_path, resume=True)


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing"])
def test_a_damaged_resume_file_is_told_and_the_one_before_it_goes_on_to_the_same_bits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    def weights(out: Path) -> list[Tensor]:
        return list(torch.load(out / RESUME_FILE, weights_only=True)["module"].values())

    scripted = [0.1, 0.2, 0.3, 0.4, 0.5]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        run(Slope(scripted), tmp_path / "whole", max_steps=5)
        torch.manual_seed(1)
        run(Slope(scripted), tmp_path / "damaged", max_steps=3)
    path = tmp_path / "damaged" / RESUME_FILE
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + (b"" if damage == "cut" else b"~" + content[middle + 1 :]))
    run(Slope(scripted[2:]), tmp_path / "damaged", max_steps=5, resume=True)
    assert ("checksum" in caplog.text) == (damage != "missing")
    for found, expected in zip(weights(tmp_path / "damaged"), weights(tmp_path / "whole"), strict=True):
        assert torch.equal(found, expected)
    assert [json.loads(row)["step"] for row in (tmp_path / "damaged" / METRICS_FILE).read_text().splitlines()] == [
        *range(1, 6)
    ]


def test_whether_a_run_has_ended_is_asked_without_a_word_of_damaged_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert finished(tmp_path, {}) is None
    run(Slope([0.1, 0.2, 0.3]), tmp_path, max_steps=3)
    ended = finished(tmp_path, {})
    assert ended is not None
    assert ended.steps == 3
    assert finished(tmp_path, {"seed": 2}) is None
    # The one before it had not ended; that its successor is damaged, whoever goes on says, once.
    (tmp_path / RESUME_FILE).write_bytes(b"damaged")
    assert finished(tmp_path, {}) is None
    assert not caplog.records
    run(Slope([0.3]), tmp_path, max_steps=3, resume=True)
    (told,) = caplog.records
    assert RESUME_FILE in told.getMessage()


def test_a_run_that_goes_on_with_another_arithmetic_says_that_its_last_bits_may_differ(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(Slope([0.1, 0.2]), tmp_path, max_steps=2)
    run(Slope([]), tmp_path, max_steps=2, resume=True)
    assert not caplog.records
    monkeypatch.setattr(resume_module, "arithmetic", lambda: {"torch": "9.9", "machine": "abacus", "threads": 64})
    run(Slope([]), tmp_path, max_steps=2, resume=True)
    (told,) = caplog.records
    assert f"torch {torch.__version__}, now 9.9" in told.getMessage()
    assert "now abacus; threads" in told.getMessage()
    assert "not to the last bit" in told.getMessage()


def test_two_damaged_resume_files_end_the_run_with_the_file_named(tmp_path: Path) -> None:
    for name in (RESUME_FILE, PREVIOUS_FILE):
        (tmp_path / name).write_bytes(b"torn")
    with pytest.raises(InputError, match=r"resume\.pt: cannot be read \(its checksum is missing or wrong\)"):
        run(Slope([0.5]), tmp_path, resume=True)


@pytest.mark.parametrize("name", ["sequence_stride", "scoring_stride"])
@pytest.mark.parametrize("stride", [0, 17, 500])
def test_strides_that_would_leave_epochs_out_are_refused(
    store_dir: Path, tmp_path: Path, name: str, stride: int
) -> None:
    with pytest.raises(InputError, match=f"{name}={stride} leaves epochs out"):
        pretrain_small(store_dir, tmp_path / "run", assignments=[*SHAPE, f"{name}={stride}"])


def rates_of(out: Path, **options: Any) -> list[float]:
    """Learning rates that Adam's steps really got."""
    rates = []
    original = torch.optim.Adam.step

    def spy(self: torch.optim.Adam, *args: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return original(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", spy)
        run(Slope([0.5] * 9), out, learning_rate=1.0, **options)
    return rates


def test_the_learning_rate_warms_up_linearly(tmp_path: Path) -> None:
    assert rates_of(tmp_path, max_steps=5, warmup_steps=3) == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])


def test_the_learning_rate_falls_along_a_cosine_where_asked(tmp_path: Path) -> None:
    expected = [(1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    assert rates_of(tmp_path, max_steps=6, decay="cosine") == pytest.approx(expected)


def test_a_pass_meets_every_sequence_once_and_every_pass_in_another_order() -> None:
    sequences = np.arange(12, dtype=np.int64).reshape(12, 1)
    stream = batches(sequences, 4, seed=3, first_step=0)
    passes = [[next(stream)[1].flatten().tolist() for _ in range(3)] for _ in range(2)]
    flat = [[sequence for batch in one_pass for sequence in batch] for one_pass in passes]
    assert sorted(flat[0]) == sorted(flat[1]) == list(range(12))
    assert flat[0] != flat[1]


def test_batches_go_on_from_any_step_as_if_they_had_never_stopped() -> None:
    sequences = np.arange(13, dtype=np.int64).reshape(13, 1)
    whole = batches(sequences, 4, seed=3, first_step=0)
    expected = [next(whole)[1].tolist() for _ in range(9)]
    resumed = batches(sequences, 4, seed=3, first_step=5)
    assert [next(resumed)[1].tolist() for _ in range(4)] == expected[5:]


def pretrain_small(store: Path, out: Path, **options: Any) -> None:
    assignments = [*SHAPE, "max_steps=6"]
    pretrain_fold(
        store,
        out,
        **({"fold": 1, "preset": "paper", "assignments": assignments, "resume": False} | options),
    )


@pytest.fixture(scope="module")
def uninterrupted(store_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("uninterrupted") / "run"
    pretrain_small(store_dir, out)
    return out


def final_state(run: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(run / RESUME_FILE, weights_only=True)["module"]
    return state


def assert_same_run(run: Path, other: Path) -> None:
    found, expected = final_state(run), final_state(other)
    assert found.keys() == expected.keys()
    for name, weights in expected.items():
        assert torch.equal(found[name], weights), name
    assert file_sha256(run / "model.safetensors") == file_sha256(other / "model.safetensors")
    figures = [
        [{**json.loads(row), "epochs_per_s": None} for row in (path / METRICS_FILE).read_text().splitlines()]
        for path in (run, other)
    ]
    assert figures[0] == figures[1]


def test_one_seed_gives_the_same_weights_twice(store_dir: Path, uninterrupted: Path, tmp_path: Path) -> None:
    pretrain_small(store_dir, tmp_path / "again")
    assert_same_run(tmp_path / "again", uninterrupted)


def test_another_seed_gives_other_weights(store_dir: Path, uninterrupted: Path, tmp_path: Path) -> None:
    pretrain_small(store_dir, tmp_path / "other", assignments=[*SHAPE, "max_steps=6", "seed=7"])
    assert file_sha256(tmp_path / "other" / "model.safetensors") != file_sha256(uninterrupted / "model.safetensors")


def test_ctrl_c_and_resume_give_the_weights_of_an_uninterrupted_run(
    store_dir: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    @contextmanager
    def watched(name: str) -> Iterator[Advance]:
        def press_ctrl_c(done: int, _total: int, _detail: str) -> None:
            if (name, done) == ("pre-training", 3):
                signal.raise_signal(signal.SIGINT)

        yield press_ctrl_c

    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        pretrain_small(store_dir, out, step=watched)
    pretrain_small(store_dir, out, resume=True)
    assert_same_run(out, uninterrupted)


def killed_at_random(store_dir: Path, out: Path, *, kills: int, seed: int) -> None:
    """Train in processes that get kill −9, SIGTERM and Ctrl-C in turn after a random while, then to the end."""
    settings = [f"--set={assignment}" for assignment in (*SHAPE, "max_steps=6")]
    program = "import torch; torch.set_num_threads(2); from mc2sleepnet.cli import main; main()"
    command = [sys.executable, "-c", program, "pretrain", f"--store={store_dir}", f"--out={out}", *settings, "--resume"]
    draw = np.random.default_rng(seed)
    for n in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        before = file_sha256(out / RESUME_FILE) if (out / RESUME_FILE).exists() else None
        # Half of the kills fall between the start and the first step, half right after a step was kept.
        wants_progress = draw.random() < 0.5
        while wants_progress and process.poll() is None and time.monotonic() < deadline:
            if (out / RESUME_FILE).exists() and file_sha256(out / RESUME_FILE) != before:
                break
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 1) if wants_progress else draw.uniform(0, 8))
        process.send_signal((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)[n % 3])
        process.wait(timeout=120)
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_three_random_kills_and_resume_give_the_weights_of_an_uninterrupted_run(
    store_dir: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    killed_at_random(store_dir, tmp_path / "run", kills=3, seed=5)
    assert_same_run(tmp_path / "run", uninterrupted)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_twenty_random_kills_and_resume_give_the_weights_of_an_uninterrupted_run(
    store_dir: Path, uninterrupted: Path, tmp_path: Path, seed: int
) -> None:
    killed_at_random(store_dir, tmp_path / "run", kills=6, seed=seed)
    assert_same_run(tmp_path / "run", uninterrupted)


def test_sigterm_ends_the_run_between_two_steps_with_everything_kept(
    store_dir: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    @contextmanager
    def watched(name: str) -> Iterator[Advance]:
        def terminate(done: int, _total: int, _detail: str) -> None:
            if (name, done) == ("pre-training", 5):
                signal.raise_signal(signal.SIGTERM)

        yield terminate

    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        pretrain_small(store_dir, out, step=watched)
    assert torch.load(out / RESUME_FILE, weights_only=True)["progress"]["step"] == 5
    pretrain_small(store_dir, out, resume=True)
    assert_same_run(out, uninterrupted)


def test_a_finished_run_is_neither_overwritten_nor_trained_on(
    store_dir: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    before = file_sha256(uninterrupted / RESUME_FILE)
    with pytest.raises(InputError, match="a run is here already"):
        pretrain_small(store_dir, uninterrupted)
    steps: list[str] = []

    @contextmanager
    def noted(name: str) -> Iterator[Advance]:
        steps.append(name)
        yield lambda *_: None

    pretrain_small(store_dir, uninterrupted, resume=True, step=noted)
    assert file_sha256(uninterrupted / RESUME_FILE) == before
    # Nor are recordings read for it.
    assert steps == []


@pytest.mark.parametrize("limit_bytes", [50_000, 300_000])
def test_a_full_disk_ends_training_with_the_file_named_and_what_was_finished_kept(
    store_dir: Path, tmp_path: Path, limit_bytes: int
) -> None:
    """A limit on the size of files, below the weights and between weights and resume.pt; then room again."""
    out, settings = tmp_path / "run", [f"--set={assignment}" for assignment in (*SHAPE, "max_steps=2")]
    program = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, -1)); "
        "from mc2sleepnet.cli import main; main()"
    )
    arguments = ["pretrain", f"--store={store_dir}", f"--out={out}", *settings]
    full = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert full.returncode == 2, full.stderr
    assert "Traceback" not in full.stderr
    assert "model.safetensors" in full.stderr or "resume.pt" in full.stderr
    assert not list(out.glob(".*.part"))
    roomy = "from mc2sleepnet.cli import main; main()"
    again = [sys.executable, "-c", roomy, *arguments, "--resume"]
    assert subprocess.run(again, capture_output=True, check=False).returncode == 0
