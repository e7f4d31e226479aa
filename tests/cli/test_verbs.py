"""Verbs as a user meets them: exit codes, one-line errors, results on stdout and progress on stderr."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edf_files import write_night
from mc2sleepnet.cli import app
from mc2sleepnet.store import Store


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def one_line(result: Result) -> str:
    """The one line that tells what went wrong, after the progress bar's."""
    told = [line for line in result.stderr.splitlines() if line.startswith("mc2sleepnet: ")]
    assert len(told) == 1, result.stderr
    assert "Traceback" not in result.stderr
    return told[0]


@pytest.fixture
def night(tmp_path: Path) -> Path:
    return write_night(tmp_path / "night.edf", seconds=400)


def test_score_writes_a_folder_and_tells_it_on_stdout(night: Path, model_dir: Path, tmp_path: Path) -> None:
    result = call("score", night, "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out" / "night" / "hypnogram.csv").exists()
    assert str(tmp_path / "out" / "night") in result.stdout
    assert "learned from synthetic nights" in result.stdout


def test_score_speaks_json_one_line_a_recording(night: Path, model_dir: Path, tmp_path: Path) -> None:
    result = call("score", night, "--model", model_dir, "--out", tmp_path / "out", "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["n_epochs"], row["error"]) for row in rows] == [(14, None)]


def not_edf(path: Path) -> Path:
    path.write_text("just some text\n" * 40)
    return path


def truncated(path: Path) -> Path:
    write_night(path, seconds=300)
    path.write_bytes(path.read_bytes()[:-20_000])
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def twenty_seconds(path: Path) -> Path:
    return write_night(path, seconds=20)


def missing(path: Path) -> Path:
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


BAD = {
    not_edf: "EDF",
    truncated: "data records",
    folder: "no EDF or BDF recording",
    twenty_seconds: "30",
    missing: "no such file|does not exist|not there|No such",
    empty: "EDF|empty",
}


@pytest.mark.parametrize("make", BAD)
def test_a_bad_file_alone_is_one_line_with_the_file_and_exit_2(make, model_dir: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    bad = make(tmp_path / "bad.edf")
    result = call("score", bad, "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "bad.edf" in one_line(result)
    assert pytest.importorskip("re").search(BAD[make], one_line(result)), one_line(result)
    assert not (tmp_path / "out" / "bad").exists()


def test_a_missing_channel_lists_those_that_are_there(night: Path, model_dir: Path, tmp_path: Path) -> None:
    result = call("score", night, "--model", model_dir, "--out", tmp_path / "out", "--channel", "EEG C4-M1")
    assert result.exit_code == 2
    assert "'EEG C4-M1'" in one_line(result)
    assert "'EEG Fpz-Cz'" in one_line(result)


def test_several_files_the_good_ones_are_done_and_the_bad_ones_named(
    night: Path, model_dir: Path, tmp_path: Path
) -> None:
    bad = not_edf(tmp_path / "bad.edf")
    result = call("score", bad, night, "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert (tmp_path / "out" / "night" / "report.html").exists()
    assert "bad.edf" in result.stderr
    assert "1 of 2 inputs failed" in result.stderr


def test_recordings_with_the_same_stem_get_the_part_of_their_path_that_differs(model_dir: Path, tmp_path: Path) -> None:
    for lab in ("a", "b"):
        (tmp_path / lab).mkdir()
        write_night(tmp_path / lab / "night.edf", seconds=60)
    result = call("score", tmp_path, "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a_night", "b_night", "summary.csv"}


def test_no_two_recordings_ever_share_a_folder(model_dir: Path, tmp_path: Path) -> None:
    paths = [tmp_path / place for place in ("a/b/night.edf", "a_b/night.edf", "night.edf", "a/b_night.edf")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_night(path, seconds=60)
    result = call("score", *paths, "--model", model_dir, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.stderr
    assert len({json.loads(line)["folder"] for line in result.stdout.splitlines()}) == 4
    assert len(list((tmp_path / "out").glob("*/report.html"))) == 4


def test_outputs_of_another_recording_are_never_overwritten(model_dir: Path, tmp_path: Path) -> None:
    for lab, seconds in (("a", 60), ("b", 90)):
        (tmp_path / lab).mkdir()
        write_night(tmp_path / lab / "night.edf", seconds=seconds)
    settings = ["--model", model_dir, "--out", tmp_path / "out"]
    assert call("score", tmp_path / "a" / "night.edf", *settings).exit_code == 0
    again = call("score", tmp_path / "b" / "night.edf", *settings)
    assert again.exit_code == 2
    assert "another recording" in one_line(again)
    assert call("score", tmp_path / "a" / "night.edf", *settings).exit_code == 0


def test_resume_leaves_out_what_is_finished_and_does_the_rest(model_dir: Path, tmp_path: Path) -> None:
    first, second = (write_night(tmp_path / name, seconds=60) for name in ("first.edf", "second.edf"))
    settings = ["--model", model_dir, "--out", tmp_path / "out", "--json"]
    call("score", first, *settings)
    written = (tmp_path / "out" / "first" / "hypnogram.csv").stat().st_mtime_ns
    (tmp_path / "out" / "second").mkdir()
    result = call("score", first, second, *settings, "--resume")
    assert [json.loads(line)["status"] for line in result.stdout.splitlines()] == ["finished before", "scored"]
    assert (tmp_path / "out" / "first" / "hypnogram.csv").stat().st_mtime_ns == written
    other_risk = call("score", first, *settings, "--resume", "--risk", 0.5)
    assert json.loads(other_risk.stdout)["status"] == "scored"


def test_a_finished_recording_is_known_again_when_another_of_its_name_joins(model_dir: Path, tmp_path: Path) -> None:
    def statuses(*words: object) -> list[str]:
        result = call("score", *words, "--model", model_dir, "--out", tmp_path / "out", "--json")
        told = [json.loads(line) for line in result.stdout.splitlines()]
        return [f"{Path(one['folder'] or '-').name} {one['status']}" for one in told]

    for lab, seconds in (("a", 60), ("b", 90)):
        (tmp_path / "in" / lab).mkdir(parents=True)
        write_night(tmp_path / "in" / lab / "night.edf", seconds=seconds)
    first, second = (tmp_path / "in" / lab / "night.edf" for lab in "ab")
    assert statuses(first) == ["night scored"]
    assert statuses(second) == ["- failed"]
    assert statuses(tmp_path / "in", "--resume") == ["night finished before", "b_night scored"]
    with (tmp_path / "out" / "summary.csv").open() as file:
        rows = [(row["folder"], row["status"]) for row in csv.DictReader(file)]
    assert rows == [("night", "scored"), ("b_night", "scored")]


def call_for_real(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    """The installed command in a process of its own, with the streams a shell would give it."""
    words = [os.fsencode(argument) if isinstance(argument, Path) else str(argument) for argument in arguments]
    command = [sys.executable, "-c", "from mc2sleepnet.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, check=False)


def test_a_file_name_that_is_not_utf_8_is_scored_like_any_other(model_dir: Path, tmp_path: Path) -> None:
    latin = Path(os.fsdecode(os.fsencode(tmp_path) + b"/nuit_\xe9.edf"))
    write_night(tmp_path / "n.edf", seconds=60).rename(latin)
    last = write_night(tmp_path / "z.edf", seconds=60)
    done = call_for_real("score", latin, last, "--model", model_dir, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").glob("*/report.html"))) == 2


def test_an_empty_folder_among_inputs_stops_none_of_the_others(night: Path, model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = call("score", tmp_path / "empty", night, "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "no EDF or BDF recording" in result.stderr
    assert (tmp_path / "out" / "night" / "report.html").exists()


def test_a_recording_with_hypnogram_within_its_name_is_scored(model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_night(tmp_path / "in" / "polyhypnogram-study-01.edf", seconds=60)
    result = call("score", tmp_path / "in", "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr


def test_results_of_a_piped_call_go_to_stdout_alone(night: Path, model_dir: Path, tmp_path: Path) -> None:
    done = call_for_real("score", night, "--model", model_dir, "--out", tmp_path / "out", "--json")
    assert json.loads(done.stdout)["status"] == "scored"
    assert b"scoring" in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [["folds", "sleep-edf-78", "--json"], ["folds", "--help"], ["--version"]])
def test_where_the_reader_has_left_it_ends_quietly_as_sigpipe_would_end_it(words: list[str], unbuffered: str) -> None:
    there, gone = os.pipe()
    os.close(there)
    command = [sys.executable, "-m", "mc2sleepnet", *words]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, env=environment, check=False)
    os.close(gone)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", [["folds", "sleep-edf-78"], ["--version"]])
def test_output_that_has_no_room_is_told_in_one_line(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "mc2sleepnet", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


def test_the_fold_table_needs_no_training_layer() -> None:
    program = (
        "import sys; from mc2sleepnet.cli import app; app(['folds', 'sleep-edf-20'], standalone_mode=False); "
        "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_a_folder_leaves_hypnogram_files_out(cohort: Path, model_dir: Path, tmp_path: Path) -> None:
    result = call("score", cohort, "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert len(list((tmp_path / "out").glob("*/report.html"))) == 8
    assert "8 hypnogram files in these folders are left out" in result.stderr


def test_a_model_that_is_none_is_told_before_any_night_is_read(night: Path, tmp_path: Path) -> None:
    result = call("score", night, "--model", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "no model here" in one_line(result)


def test_an_output_folder_that_cannot_be_written_is_told(night: Path, model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, not a folder")
    result = call("score", night, "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "cannot be written" in one_line(result)


def test_a_wrong_call_exits_2(model_dir: Path, tmp_path: Path) -> None:
    assert call("score").exit_code == 2
    assert call("score", "x.edf", "--model", model_dir, "--out", tmp_path, "--risk", "2").exit_code == 2
    assert call("no-such-verb").exit_code == 2


def test_evaluate_prints_agreement_of_a_hypnogram_with_itself(cohort: Path) -> None:
    hypnogram = next(cohort.glob("*-Hypnogram.edf"))
    result = call("evaluate", hypnogram, hypnogram)
    assert result.exit_code == 0
    for word in ("accuracy 1.000", "macro-F1", "κ 1.000", "precision", "reference \\ scored", "coverage"):
        assert word in result.stdout


def test_evaluate_names_what_is_no_hypnogram(cohort: Path, tmp_path: Path) -> None:
    hypnogram = next(cohort.glob("*-Hypnogram.edf"))
    result = call("evaluate", hypnogram, not_edf(tmp_path / "bad.txt"))
    assert result.exit_code == 2
    assert "bad.txt" in one_line(result)
    several = call("evaluate", hypnogram, tmp_path / "bad.txt", hypnogram)
    assert several.exit_code == 1
    assert "accuracy 1.000" in several.stdout


def test_prepare_refuses_scored_epochs_beyond_the_recording(cohort: Path, tmp_path: Path) -> None:
    psg = next(cohort.glob("*-PSG.edf"))
    (tmp_path / psg.name).write_bytes(write_night(tmp_path / "short.edf", seconds=120).read_bytes())
    (tmp_path / "short.edf").unlink()
    hypnogram = next(cohort.glob(f"{psg.name[:7]}*-Hypnogram.edf"))
    (tmp_path / hypnogram.name).write_bytes(hypnogram.read_bytes())
    result = call("prepare", "sleep-edf-20", tmp_path, "--store", tmp_path / "store")
    assert result.exit_code == 2
    assert "-Hypnogram.edf" in one_line(result)
    assert "scored epochs" in one_line(result)


def test_prepare_exits_1_where_others_are_prepared_and_names_each_failure(cohort: Path, tmp_path: Path) -> None:
    shutil.copytree(cohort, tmp_path / "in")
    first, second, *_ = sorted((tmp_path / "in").glob("*-PSG.edf"))
    first.write_bytes(first.read_bytes()[:-50_000])
    second.write_bytes(b"no EDF")
    words = ["prepare", "sleep-edf-20", tmp_path / "in", "--store", tmp_path / "store"]
    result = call(*words)
    assert result.exit_code == 1
    told = [line for line in result.stderr.splitlines() if line.startswith("mc2sleepnet: ")]
    assert len(told) == 3
    assert f"{first.stem[:6]}EC-Hypnogram.edf: " in told[0]
    assert f"lie beyond the end of {first.name}. Check that" in told[0]
    assert told[1].startswith(f"mc2sleepnet: {second}: is not EDF")
    assert told[2] == "mc2sleepnet: 2 of 8 recordings failed, the others are done"
    assert "6 recordings of 6 subjects" in result.stdout
    assert "2 recordings could not be prepared and are not in the store" in result.stdout
    assert len(Store.open(tmp_path / "store").recordings) == 6
    assert len(json.loads(call(*words, "--json").stdout)["failures"]) == 2


def test_prepare_reports_that_data_is_synthetic(cohort: Path, tmp_path: Path) -> None:
    result = call("prepare", "sleep-edf-20", cohort, "--store", tmp_path / "store")
    assert result.exit_code == 0, result.stderr
    assert "8 recordings of 8 subjects" in result.stdout
    assert "synthetic data" in result.stdout


def test_synth_writes_what_it_was_asked_for(tmp_path: Path) -> None:
    result = call("synth", tmp_path / "c", "--subjects", 2, "--nights", 2, "--seed", 3, "--hours", 0.5)
    assert result.exit_code == 0, result.stderr
    names = {path.name for path in (tmp_path / "c").iterdir()}
    assert {"SC4001E0-PSG.edf", "SC4012E0-PSG.edf", "SC4001EC-Hypnogram.edf"} <= names
    assert len(names) == 8
    assert "synthetic data" in result.stdout


@pytest.mark.parametrize("subjects", [0, 101])
def test_synth_refuses_more_subjects_than_file_names_have_room_for(subjects: int, tmp_path: Path) -> None:
    result = call("synth", tmp_path / "c", "--subjects", subjects)
    assert result.exit_code == 2
    assert "1 to 100" in one_line(result)


def test_training_verbs_refuse_unknown_options_and_runs_that_are_there(
    store_dir: Path, trained: Path, tmp_path: Path
) -> None:
    unknown = call("pretrain", "--store", store_dir, "--out", tmp_path / "run", "--set", "depth=3")
    assert unknown.exit_code == 2
    assert "depth=3" in one_line(unknown)
    there = call("pretrain", "--store", store_dir, "--out", trained / "pretrain")
    assert there.exit_code == 2
    assert "--resume" in one_line(there)
    nowhere = call("finetune", "--store", store_dir, "--from", tmp_path, "--out", tmp_path / "run")
    assert nowhere.exit_code == 2
    assert "config.json" in one_line(nowhere)
    no_store = call("pretrain", "--store", tmp_path, "--out", tmp_path / "run")
    assert no_store.exit_code == 2
    no_fold = call("pretrain", "--store", store_dir, "--out", tmp_path / "run", "--fold", 21)
    assert no_fold.exit_code == 2
    assert "1 to 20" in one_line(no_fold)


def test_finetune_refuses_two_starts_instead_of_taking_the_last(store_dir: Path, trained: Path, tmp_path: Path) -> None:
    start, words = trained / "pretrain", ["--store", store_dir, "--out", tmp_path / "run"]
    for two in (["--init", "shipped", "--from", start], ["--from", start, "--from", start]):
        result = call("finetune", *words, *two)
        assert result.exit_code == 2
        assert "--from: 2 networks to start from" in one_line(result)
        assert "Give one --from or --init" in one_line(result)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", ["", '{"format": ', "[1]", "{}"])
def test_a_damaged_start_is_told_in_plain_words(content: str, store_dir: Path, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "pretrain", tmp_path / "start")
    (tmp_path / "start" / "config.json").write_text(content)
    result = call("finetune", "--store", store_dir, "--out", tmp_path / "run", "--from", tmp_path / "start")
    assert result.exit_code == 2
    told = "config.json: not a checkpoint's config: it is damaged, or another program's. Copy the folder again."
    assert one_line(result).endswith(told)


def test_folds_prints_the_published_table(tmp_path: Path) -> None:
    table = json.loads(call("folds", "sleep-edf-78", "--json").stdout)
    assert len(table) == 10
    assert table[0]["test"] == ["0", "1", "2", "3", "4", "5", "6", "7"]
    assert call("folds", "sleep-edf-90").exit_code == 2


def test_export_copies_a_model(model_dir: Path, tmp_path: Path) -> None:
    result = call("export", model_dir, "--out", tmp_path / "model")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "model" / "encoder.onnx").exists()
    assert call("export", tmp_path, "--out", tmp_path / "other").exit_code == 2


def test_the_version_is_printed() -> None:
    assert call("--version").stdout.strip().count(".") == 2


def test_the_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "mc2sleepnet", "--version"]
    called = subprocess.run(command, capture_output=True, text=True, check=True)
    assert called.stdout == call("--version").stdout


@pytest.mark.parametrize("place", [1, 2, 4])
def test_an_empty_word_is_not_the_working_folder(
    place: int, night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a shell makes of a variable that is not set.
    monkeypatch.chdir(night.parent)
    words = ["score", str(night), "--out", str(tmp_path / "out")]
    words.insert(place, "")
    result = call(*words)
    assert result.exit_code == 2
    assert "An argument is empty" in result.stderr
    assert not (tmp_path / "out").exists()
