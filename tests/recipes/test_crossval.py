"""Cross-validation with real processes: whatever is killed, the figures and weights are those of an undisturbed run."""

import csv
import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiment_calls import TINY, call, started, when_there
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import open_model_folder
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.core.run_record import RUN_FILE
from mc2sleepnet.recipes.experiment import Run, parse_numbers, phase_options
from mc2sleepnet.recipes.protocols import SMOKE, smoke, smoke_store
from mc2sleepnet.store import Store
from mc2sleepnet.training.cell import Cell, run_cell
from mc2sleepnet.training.grid import Where
from mc2sleepnet.training.held_out import read_hypnodensities

WEIGHTS = "model/model.safetensors"


def arguments(store: Path, out: Path, *more: str) -> list[str]:
    options = [part for assignment in TINY for part in ("--set", assignment)]
    words = ["crossval", "smoke", "--store", str(store), "--out", str(out), "--folds", "1-2", "--no-export"]
    return [*words, *options, "--threads", "1", *more]


def what_came_out(out: Path) -> dict[str, Any]:
    """Counts and hashes of every fold, and the pooled table, without times."""
    found: dict[str, Any] = {}
    for path in sorted(out.glob("fold-*/result.json")):
        content = json.loads(path.read_text())
        found[path.parent.name] = [content[key] for key in ("recordings", "phases", "files_sha256")]
    found["pooled"] = json.loads((out / "results.json").read_text())["pooled"]
    return found


@pytest.fixture(scope="module")
def undisturbed(store_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds one after the other in this process."""
    out = tmp_path_factory.mktemp("crossval") / "out"
    run = Run(folds="1-2", assignments=TINY, where=Where(threads=1), exports=False)
    assert not smoke(store_dir, out, run).failures
    return out


def test_a_killed_worker_changes_nothing(undisturbed: Path, store_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = started(tmp_path, *arguments(store_dir, out, "--workers", "2"))
    when_there(out / "fold-01" / "pretrain" / "metrics.jsonl")
    worker = json.loads((out / "fold-01" / RUN_FILE).read_text())["process"]
    assert worker != process.pid
    os.kill(worker, signal.SIGKILL)
    assert process.wait(timeout=240) == 0
    assert what_came_out(out) == what_came_out(undisturbed)


def test_a_killed_crossval_goes_on_and_ends_the_same(undisturbed: Path, store_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = started(tmp_path, *arguments(store_dir, out))
    when_there(out / "fold-01" / "model" / "metrics.jsonl")
    process.kill()
    process.wait()
    process = started(tmp_path, *arguments(store_dir, out, "--resume"))
    when_there(out / "fold-02" / "pretrain" / "metrics.jsonl")
    process.terminate()
    assert process.wait(timeout=60) == 130
    assert not (out / "fold-02" / "result.json").exists()
    ended = call(*arguments(store_dir, out, "--resume"))
    assert ended.exit_code == 0, ended.stderr
    assert what_came_out(out) == what_came_out(undisturbed)


def test_finished_folds_are_checked_and_not_done_again(undisturbed: Path, store_dir: Path) -> None:
    files = [path for path in sorted(undisturbed.glob("fold-*/**/*")) if path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert call(*arguments(store_dir, undisturbed, "--resume")).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in files} == before


def test_damaged_hypnodensities_are_scored_again_and_a_changed_model_is_refused(
    undisturbed: Path, store_dir: Path
) -> None:
    expected = what_came_out(undisturbed)
    path = undisturbed / "fold-01" / "hypnodensities.npz"
    path.write_bytes(path.read_bytes()[:-100])
    assert call(*arguments(store_dir, undisturbed, "--resume")).exit_code == 0
    assert what_came_out(undisturbed) == expected

    weights = undisturbed / "fold-02" / WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-4] + b"\0\0\0\1")
    ended = call(*arguments(store_dir, undisturbed, "--resume"))
    weights.write_bytes(whole)
    assert ended.exit_code == 1
    assert "fold-02/model/model.safetensors: is not the network whose result stands beside it" in ended.stderr
    table = json.loads((undisturbed / "results.json").read_text())
    assert list(table["folds"]["missing"]) == ["2", "3", "4"]
    assert call(*arguments(store_dir, undisturbed, "--resume")).exit_code == 0


def test_the_pooled_table_is_what_the_kept_hypnodensities_say(undisturbed: Path, store_dir: Path) -> None:
    """Counted here one epoch at a time; the stages are the store's, each test subject is in one fold only."""
    store = Store.open(store_dir)
    confusion = np.zeros((5, 5), int)
    names = []
    for fold in (1, 2):
        for name, (log_probabilities, reference) in read_hypnodensities(
            undisturbed / f"fold-{fold:02d}" / "hypnodensities.npz"
        ).items():
            names.append(name)
            index = [recording.name for recording in store.recordings].index(name)
            assert np.array_equal(reference, store.recordings[index].stages)
            assert log_probabilities.shape == (len(reference), 5)
            for truth, row in zip(reference, log_probabilities, strict=True):
                if truth >= 0 and not np.isnan(row).any():
                    confusion[truth, int(np.argmax(row))] += 1
    assert len(set(names)) == len(names) == 4
    table = json.loads((undisturbed / "results.json").read_text())
    assert table["pooled"]["confusion"] == confusion.tolist()
    assert table["pooled"]["n_epochs"] == confusion.sum()
    rows = list(csv.DictReader((undisturbed / "results.csv").read_text().splitlines()))
    accuracy = np.trace(confusion) / confusion.sum()
    assert float(rows[0]["accuracy"]) == pytest.approx(accuracy, abs=1e-6)
    assert {row["is_synthetic"] for row in rows} == {"1"}
    assert [row["scope"] for row in rows].count("subject") == 4


def test_every_file_says_synthetic_and_which_folds_are_missing(undisturbed: Path) -> None:
    for name in ("results.md", "report.html"):
        text = (undisturbed / name).read_text()
        assert "ynthetic data" in text, name
        assert "Folds missing: 3, 4" in text, name
    assert json.loads((undisturbed / "results.json").read_text())["is_synthetic"] is True


def test_an_experiment_is_never_overwritten_nor_mixed_with_another(undisturbed: Path, store_dir: Path) -> None:
    again = call(*arguments(store_dir, undisturbed))
    assert (again.exit_code, "Go on with --resume" in again.stderr) == (2, True)
    other = call(*arguments(store_dir, undisturbed, "--resume", "--set", "dropout=0.2"))
    assert (other.exit_code, "another finetuning" in other.stderr or "another pretraining" in other.stderr) == (2, True)
    elsewhere = call(*arguments(store_dir, store_dir))
    assert (elsewhere.exit_code, "holds something else" in elsewhere.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["crossval", "mass"], "no such recipe"),
        (["crossval", "sleep-edf-78"], "store of sleep-edf-20, not of sleep-edf-78"),
        (["crossval", "sleep-edf-20", "--folds", "9"], "none of its test subjects"),
        (["crossval", "sleep-edf-20", "--folds", "21"], "there are folds 1 to 20"),
        (["crossval", "sleep-edf-20", "--folds", "1-99999999999999"], "there are folds 1 to 20"),
        (["crossval", "smoke", "--set", "members=3"], "members=3: several networks are not trained as one"),
        (["crossval", "smoke", "--folds", "x"], "names no folds"),
        (["crossval", "smoke", "--set", "widht=1"], "no option in 'widht=1'"),
        (["crossval", "smoke", "--set", "finetune.width=1"], "no option in 'width=1'"),
        (["crossval", "smoke", "--set", "width=9"], "width must lie in"),
    ],
)
def test_wrong_calls_are_told_in_one_line(words: list[str], told: str, store_dir: Path, tmp_path: Path) -> None:
    result = call(*words, "--store", str(store_dir), "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert told in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("when", ["2/2 spectrogram", "2/2 testing"])
def test_a_store_that_is_prepared_otherwise_meanwhile_ends_the_folds_without_a_result(
    undisturbed: Path, store_dir: Path, tmp_path: Path, when: str
) -> None:
    """The second fold fails, and the table is of the first alone."""
    out, store = tmp_path / "out", tmp_path / "store"
    shutil.copytree(store_dir, store)

    @contextmanager
    def prepared_again(name: str) -> Iterator[Advance]:
        yield lambda *_: None
        if name == when:
            index = json.loads((store / "index.json").read_text())
            index["recordings"][0]["stage"] = index["recordings"][0]["stage"][::-1]
            (store / "index.json").write_text(json.dumps(index))

    where = Where(threads=1)
    shutil.copytree(undisturbed / "fold-01", out / "fold-01")
    shutil.copy(undisturbed / "grid.json", out)
    run = Run(folds="1-2", assignments=TINY, where=where, exports=False, resume=True, step=prepared_again)
    end = smoke(store, out, run)
    assert end.results is not None
    assert [str(failure) for failure in end.failures.values()] == [
        f"{store}: holds something else than when the experiment began: it was prepared again. "
        "Prepare it as it was and go on with --resume, or choose another --out."
    ]
    assert {recording.fold for recording in end.results.recordings} == {1}
    assert not (out / "fold-02" / "result.json").exists()
    with pytest.raises(InputError, match="has another store"):
        smoke(store, out, run)


def test_a_fold_is_not_begun_with_another_store_than_it_was_planned_for(store_dir: Path, tmp_path: Path) -> None:
    planned = Cell(
        setting="crossval",
        number=1,
        fold=SMOKE.folds_of(Store.open(store_dir))[0],
        seed=1,
        pretraining=None,
        finetuning={},
        store=store_dir,
        folder=tmp_path / "fold-01",
        content_hash="of what it held",
        threads=1,
    )
    with pytest.raises(InputError, match="holds something else than when the experiment began"):
        run_cell(planned)
    assert not planned.folder.exists()


def test_models_that_were_left_out_are_made_when_they_are_asked_for(
    undisturbed: Path, store_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    for path in out.glob("fold-*/*/resume*.pt"):
        path.unlink()
    before = what_came_out(out)
    words = [word for word in arguments(store_dir, out, "--resume", "--export") if word != "--no-export"]
    assert call(*words).exit_code == 0
    assert what_came_out(out) == before
    for number in (1, 2):
        open_model_folder(out / f"fold-0{number}" / "model")
        record = json.loads((out / f"fold-0{number}" / RUN_FILE).read_text())
        assert (record["status"], "kappa" in record["test"]) == ("finished", True)


def test_options_go_to_the_phase_they_name() -> None:
    run = Run(assignments=["pretrain.max_steps=7", "finetune.max_steps=9", "learning_rate=0.01", "width=0.5"])
    options = phase_options(SMOKE, run)
    assert (options.pretraining["max_steps"], options.finetuning["max_steps"]) == (7, 9)
    assert (options.pretraining["learning_rate"], options.finetuning["learning_rate"]) == (0.01, 0.01)
    assert (options.pretraining["width"], options.finetuning["sequence_stride"]) == (0.5, 4)
    assert phase_options(SMOKE, Run(preset="author_code")).pretraining["mask_ratio"] == 0.25
    with pytest.raises(InputError, match="another seed in each phase"):
        phase_options(SMOKE, Run(assignments=["pretrain.seed=1"]))


def test_fold_numbers_are_read_as_people_write_them() -> None:
    assert parse_numbers("1-3,7, 2", 10) == [1, 2, 3, 7]
    for wrong in ("", "0", "11", "1-", "a", "3-1"):
        with pytest.raises(InputError):
            parse_numbers(wrong, 10)


def test_smoke_makes_its_own_nights_where_there_is_no_store_and_says_so_first(tmp_path: Path) -> None:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        assert not any(tmp_path.iterdir()), "it is told before anything is made"

    store = smoke_store(tmp_path / "store", tmp_path / "out", Run(tell=tell))
    assert [line.startswith(f"{tmp_path / 'store'}: there is no store here.") for line in told] == [True]
    assert store.is_synthetic
    assert len(store.subjects) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["store"], "the nights' files are not left behind"
    smoke_store(tmp_path / "store", tmp_path / "out", Run(tell=told.append))
    assert len(told) == 1, "a store that is there is used"


def test_a_smoke_store_that_is_broken_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_off(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mc2sleepnet.store.writing.write_text_atomically", broken_off)
    with pytest.raises(KeyboardInterrupt):
        smoke_store(tmp_path / "store", tmp_path / "out", Run())
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["crossval", "smoke", "--folds", "9"], "there are folds 1 to 4"),
        (["ablate", "smoke", "--folds", "0"], "there are folds 1 to 4"),
        (["crossval", "smoke", "--folds", "x"], "names no folds"),
        (["crossval", "smoke", "--set", "widht=1"], "no option in 'widht=1'"),
        (["ablate", "smoke", "--set", "architecture=cnn_lstm"], "nothing to ablate"),
        (["ablate", "smoke", "--only", "nothing"], "no setting 'nothing'"),
        (["crossval", "smoke", "--out", "."], "holds something else"),
        (["crossval", "smoke", "--out", "new", "--store", "new/store"], "the store would be made in it"),
    ],
)
def test_a_wrong_call_of_smoke_makes_nothing(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").touch()
    options = {"--store": "store", "--out": "out"}
    more = [part for pair in options.items() if pair[0] not in words for part in pair]
    result = call(*words, *more)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert told in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_store_of_too_few_people_is_told_what_it_lacks(store_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(store_dir, tmp_path / "store")
    index = json.loads((store_dir / "index.json").read_text())
    (tmp_path / "store" / "index.json").write_text(json.dumps({**index, "recordings": index["recordings"][:2]}))
    ended = call("crossval", "smoke", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out"))
    assert ended.exit_code == 2
    assert "holds 2 subjects: to train, validate and test at least three are needed. Prepare nights" in ended.stderr


def test_a_store_that_smoke_is_about_to_make_is_told_on_stderr(
    store_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mc2sleepnet.recipes.protocols.write_cohort", stopped)
    words = ["--store", str(tmp_path / "stroe"), "--out", str(tmp_path / "out")]
    for verb in ("crossval", "ablate"):
        result = call(verb, "smoke", *words)
        assert result.exit_code == 130
        assert "stroe: there is no store here. One of 8 synthetic nights is made there now" in result.stderr
    assert not any(tmp_path.iterdir())
