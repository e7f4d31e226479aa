"""The ablation grid, small: its settings, its tests, what kills it, and what `runs` says of it."""

import csv
import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cluster_jobs import dask_cluster
from experiment_calls import TINY, call, started, when_there
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.run_record import RUN_FILE
from mc2sleepnet.evaluation.ablation_files import write_ablation
from mc2sleepnet.evaluation.ablation_results import (
    BETTER,
    NOISE,
    REFERENCE,
    TOO_FEW,
    AblationResults,
    SettingResult,
)
from mc2sleepnet.evaluation.tested import HeldOutRecording
from mc2sleepnet.recipes.ablation import Grid, _as_wide_as_found
from mc2sleepnet.recipes.experiment import Run, phase_options
from mc2sleepnet.recipes.protocols import SMOKE
from mc2sleepnet.recipes.settings import ablation_settings, chosen_settings, label_settings
from mc2sleepnet.store import Store
from mc2sleepnet.training.cell import Cell
from mc2sleepnet.training.fold_data import FoldData

FULL = phase_options(SMOKE, Run(assignments=TINY))


def arguments(store: Path, out: Path, *more: str) -> list[str]:
    options = [part for assignment in TINY for part in ("--set", assignment)]
    return [
        "ablate",
        "smoke",
        "--store",
        str(store),
        "--out",
        str(out),
        "--folds",
        "1",
        "--threads",
        "1",
        *options,
        *more,
    ]


def test_each_setting_differs_from_the_full_one_in_what_its_name_says() -> None:
    assert FULL.pretraining is not None
    found = {setting.name: setting.options for setting in ablation_settings(FULL)}
    changed = {
        name: {key for key in FULL.pretraining if options.pretraining[key] != FULL.pretraining[key]}
        for name, options in found.items()
        if options.pretraining is not None
    }
    assert changed == {
        "full": set(),
        "no InfoNCE": {"lambda_nce"},
        "no masking": {"lambda_recon"},
        "masking without the other modality": {"restoration_memory"},
        "M = 0.25": {"mask_ratio"},
        "M = 0.75": {"mask_ratio"},
        "unfrozen fine-tuning": set(),
        "single-view heads": {"prediction_view"},
        "self-supervised pre-training": {"pretrain_supervision"},
    }
    rivals = {options.finetuning["architecture"] for options in found.values() if options.pretraining is None}
    assert rivals == {"signal_only", "spectrogram_only", "concatenated", "cnn_lstm"}
    assert found["unfrozen fine-tuning"].finetuning["backbones"] == "trained"
    of_author = phase_options(SMOKE, Run(preset="author_code", assignments=TINY))
    assert "M = 0.5" in {setting.name for setting in ablation_settings(of_author)}
    assert len({setting.folder for setting in ablation_settings(FULL)}) == len(found)


def test_rivals_get_the_steps_of_both_phases() -> None:
    rivals = [setting.options.finetuning for setting in ablation_settings(FULL) if setting.options.pretraining is None]
    assert FULL.pretraining is not None
    assert {rival["max_steps"] for rival in rivals} == {FULL.pretraining["max_steps"] + FULL.finetuning["max_steps"]}
    assert {rival["backbones"] for rival in rivals} == {"trained"}


def test_label_arms_of_one_number_know_the_same_nights_and_are_set_beside_scratch() -> None:
    found = label_settings(FULL, [1, 4])
    assert [(one.labelled_nights, one.beside) for one in found if one.labelled_nights == 4] == [
        (4, "from scratch, 4 labelled")
    ] * 3
    assert {one.name for one in chosen_settings(found, ["joint-pre-training-1-labelled"])} == {
        "full",
        "joint pre-training, 1 labelled",
        "from scratch, 1 labelled",
    }
    with pytest.raises(InputError, match="no setting 'nothing'"):
        chosen_settings(found, ["nothing"])


def test_more_nights_include_the_fewer_and_hidden_stages_are_never_read(store_dir: Path) -> None:
    store = Store.open(store_dir)
    fold = SMOKE.folds_of(store)[0]
    chosen = [set(FoldData(store=store, fold=fold, nights=n).training) for n in (1, 2, 3)]
    assert [len(nights) for nights in chosen] == [1, 2, 3]
    assert chosen[0] < chosen[1] < chosen[2] <= set(store.recordings_of(fold.train).tolist())
    data = FoldData(store=store, fold=fold, nights=3, labelled_nights=1)
    assert set(data.labelled) == chosen[0]
    epochs = data.epochs(data.training)
    is_known = data.stage(epochs, "training") != -1
    assert set(store.recording_of(epochs[is_known]).tolist()) == chosen[0]
    described = data.describe()["chosen"]
    assert (len(described["nights"]), len(described["labelled_nights"])) == (3, 1)
    with pytest.raises(InputError, match="99 nights, but fold"):
        _ = FoldData(store=store, fold=fold, nights=99)
    assert len(FoldData(store=store, fold=fold, validation_recordings=1).validation) == 1


SOME = ["--only", "no InfoNCE", "--only", "rival-cnn-lstm-tinysleepnet-like", "--nights", "2"]


@pytest.fixture(scope="module")
def grid(store_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three settings in two processes; the one at work on the second cell is killed on the way."""
    folder = tmp_path_factory.mktemp("ablation")
    out = folder / "out"
    process = started(folder, *arguments(store_dir, out, *SOME, "--workers", "2"))
    when_there(out / "no-infonce" / "fold-01-seed-42" / "pretrain" / "metrics.jsonl")
    os.kill(json.loads((out / "no-infonce" / "fold-01-seed-42" / RUN_FILE).read_text())["process"], signal.SIGKILL)
    assert process.wait(timeout=240) == 0
    return out


def test_the_grid_is_one_table_that_says_synthetic_and_what_cannot_be_told(grid: Path) -> None:
    rows = list(csv.DictReader((grid / "results.csv").read_text().splitlines()))
    assert [row["setting"] for row in rows] == ["full", "no InfoNCE", "rival: CNN + LSTM (TinySleepNet-like)"]
    assert {row["is_synthetic"] for row in rows} == {"1"}
    assert [row["beside"] for row in rows] == ["", "full", "full"]
    text = (grid / "results.md").read_text()
    assert "Synthetic data" in text
    assert "2 test subjects are too few to tell any of 2 differences from chance" in text
    assert "settings.svg" in text
    for name in ("settings.svg", "report.html"):
        assert "ynthetic data" in (grid / name).read_text()


def test_settings_that_a_later_call_leaves_out_stay_in_the_table(grid: Path, store_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(grid, out)
    before = json.loads((out / "results.json").read_text())
    again = call(*arguments(store_dir, out, "--resume", "--only", "full", "--nights", "2"))
    assert again.exit_code == 0, again.stderr
    after = json.loads((out / "results.json").read_text())
    assert after["settings"] == before["settings"]
    assert (after["facts"]["cells"], after["facts"]["cells of earlier calls"]) == ("1 of 1 finished", 2)


def test_labelled_nights_of_earlier_calls_are_found_by_their_folders(tmp_path: Path) -> None:
    for name in ("joint-pre-training-4-labelled", "from-scratch-12-labelled", "full"):
        (tmp_path / name).mkdir()
    assert _as_wide_as_found(Grid(labelled_nights=[2, 4], only=["full"]), tmp_path) == Grid(labelled_nights=[2, 4, 12])


def test_rivals_run_with_sequences_shorter_than_the_usual_stride(store_dir: Path, tmp_path: Path) -> None:
    short = phase_options(SMOKE, Run(assignments=[*TINY, "sequence_length=8", "sequence_stride=8"]))
    store = Store.open(store_dir)
    for one in ablation_settings(short):
        Cell(
            setting=one.name,
            number=1,
            fold=SMOKE.folds_of(store)[0],
            seed=1,
            pretraining=one.options.pretraining,
            finetuning=one.options.finetuning,
            store=store_dir,
            folder=tmp_path,
            content_hash=store.content_hash,
            threads=1,
        ).check(store)


def test_a_grid_on_dask_gives_the_same_cells(grid: Path, store_dir: Path, tmp_path: Path) -> None:
    def cells(out: Path) -> dict[str, object]:
        contents = {path.parent.parent.name: json.loads(path.read_text()) for path in out.glob("*/*/result.json")}
        return {name: [one["recordings"], one["files_sha256"]] for name, one in contents.items()}

    with dask_cluster(tmp_path) as cluster:
        ended = call(*arguments(store_dir, tmp_path / "out", *SOME, "--cluster", cluster.address))
        assert ended.exit_code == 0, ended.stderr
    assert len(cells(grid)) == 3
    assert cells(tmp_path / "out") == cells(grid)


def test_runs_lists_cells_with_status_figure_time_and_what_differs(grid: Path) -> None:
    rows = {row["path"]: row for row in json.loads(call("runs", str(grid), "--json").stdout)}
    assert rows["."]["kind"].startswith("ablation smoke, 3 cells finished")
    cell = rows["no-infonce/fold-01-seed-42"]
    assert (cell["status"], cell["figure"], cell["differences"]["lambda_nce"]) == ("finished", "test κ", 0.0)
    assert cell["seconds"] > 0
    result = json.loads((grid / "no-infonce" / "fold-01-seed-42" / "result.json").read_text())
    assert cell["best"] == result["test"]["kappa"]
    assert len(rows) == 4, "a cell's phases are parts of it"
    record_path = grid / "full" / "fold-01-seed-42" / RUN_FILE
    record = json.loads(record_path.read_text())
    record_path.write_text(json.dumps(record | {"status": "running"}))
    assert "interrupted" in call("runs", str(grid)).stdout, "nobody holds its lock"
    record_path.write_text(json.dumps(record))


def test_runs_lists_plain_runs(trained: Path) -> None:
    rows = {row["path"]: row for row in json.loads(call("runs", str(trained), "--json").stdout)}
    assert {path: (row["kind"], row["status"], row["step"]) for path, row in rows.items()} == {
        "model": ("finetune", "finished", 6),
        "pretrain": ("pretrain", "finished", 6),
    }
    assert all(row["figure"] == "validation macro-F1" and 0 <= row["best"] <= 1 for row in rows.values())


def test_runs_tells_a_wrong_folder_and_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("nowhere", "file"):
        wrong = call("runs", str(tmp_path / name))
        assert wrong.exit_code == 2
        assert f"{tmp_path / name}: no such folder. Name a folder that holds runs." in wrong.stderr
    assert call("runs", str(tmp_path)).stdout.startswith("no runs in")


def test_wrong_calls_are_told(store_dir: Path, tmp_path: Path) -> None:
    for more, told in (
        (["--labelled-nights", "0"], "names no counts"),
        (["--nights", "99"], "99 nights, but fold"),
        (["--labelled-nights", "99"], "99 nights, but fold"),
        (["--only", "nothing"], "no setting 'nothing'"),
        (["--set", "architecture=cnn_lstm"], "nothing to ablate"),
    ):
        ended = call(*arguments(store_dir, tmp_path / "out", *more))
        assert (ended.exit_code, told in ended.stderr) == (2, True), ended.stderr
    assert not (tmp_path / "out").exists()


def setting(name: str, right: list[int], *, seeds: int = 1, jitter: int = 0) -> SettingResult:
    """Subjects with 100 epochs each of two stages, of which some are right."""
    by_run = {}
    for seed in range(seeds):
        recordings = []
        for subject, n in enumerate(right):
            confusion = np.zeros((5, 5), np.int64)
            hits = n + jitter * seed
            confusion[0, :2] = hits, 100 - hits
            confusion[1, :2] = 100 - hits, hits
            recordings.append(
                HeldOutRecording(
                    name=f"r{subject}",
                    subject=str(subject),
                    fold=1,
                    n_epochs=200,
                    n_reference_scored=200,
                    confusion=confusion,
                )
            )
        by_run[1, seed] = recordings
    return SettingResult(name=name, beside="full", labelled_nights=0, by_run=by_run, seconds=1.0)


def compared(*settings: SettingResult) -> AblationResults:
    return AblationResults(
        recipe="smoke", is_label_study=False, settings=settings, n_unfinished=0, is_synthetic=False, facts={}
    )


def test_a_difference_that_every_subject_shows_is_told_and_noise_is_called_noise() -> None:
    rng = np.random.default_rng(0)
    full = (75 + rng.integers(-5, 6, 12)).tolist()
    results = compared(
        setting("full", full, seeds=2, jitter=1),
        setting("helps", [n + 12 for n in full], seeds=2, jitter=1),
        setting("nothing", (np.array(full) + rng.permutation([-4, 4] * 6)).tolist(), seeds=2, jitter=1),
    )
    assert [row.verdict for row in results.rows] == [REFERENCE, BETTER, NOISE]
    better = results.rows[1]
    assert better.difference is not None
    # κ of two balanced stages is 2·accuracy − 1.
    assert better.difference.difference == pytest.approx(0.24)
    assert better.p_holm == pytest.approx(2 * better.difference.p)
    assert not results.caveats()


def test_the_table_and_the_page_of_a_grid_say_that_this_is_no_medical_device(tmp_path: Path) -> None:
    write_ablation(compared(setting("full", [80] * 12), setting("other", [70] * 12)), tmp_path)
    for name in ("results.md", "report.html"):
        assert (tmp_path / name).read_text().count("Not a medical device") == 1, name


def test_what_so_few_subjects_cannot_show_is_not_called_noise() -> None:
    full = [75, 70, 80, 72]
    results = compared(
        setting("full", full, seeds=2, jitter=1),
        setting("helps", [n + 12 for n in full], seeds=2, jitter=1),
        setting("nothing", [n + d for n, d in zip(full, (-4, 4, -4, 4), strict=True)], seeds=2, jitter=1),
    )
    assert [row.verdict for row in results.rows] == [REFERENCE, TOO_FEW, NOISE]
    assert "4 test subjects are too few" in results.caveats()[0]


def test_a_difference_smaller_than_the_spread_of_seeds_is_noise() -> None:
    full = [75] * 12
    results = compared(
        setting("full", full, seeds=2, jitter=10), setting("helps", [n + 3 for n in full], seeds=2, jitter=10)
    )
    assert results.rows[1].difference is not None
    assert results.rows[1].difference.low > 0
    assert results.rows[1].verdict == NOISE


def test_only_runs_that_both_have_are_compared() -> None:
    full, other = setting("full", [80] * 12, seeds=3), setting("other", [70] * 12, seeds=1)
    unequal = replace(other, by_run={(1, 2): other.by_run[1, 0]})
    assert compared(full, unequal).rows[1].difference is not None
    assert compared(full, replace(other, by_run={(2, 0): other.by_run[1, 0]})).rows[1].difference is None
