"""Cohorts as a lab runs them: workers, clusters, kills, resumption, and the table of all."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_jobs import dask_cluster
from edf_files import write_night
from mc2sleepnet.cli import app
from mc2sleepnet.core.files import folder_to_oneself
from mc2sleepnet.core.model_folder import file_sha256, open_model_folder
from mc2sleepnet.scoring.cohort import Call, find_recordings, score_cohort
from mc2sleepnet.scoring.job import ScoringOptions
from mc2sleepnet.scoring.summary import COLUMNS, write_table

N_NIGHTS = 5


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five nights in folders of two stations, one file that is none, and a hypnogram."""
    folder = tmp_path_factory.mktemp("lab")
    for number in range(N_NIGHTS):
        station = folder / f"station{number % 2}"
        station.mkdir(exist_ok=True)
        write_night(station / f"night{number}.edf", seconds=600 + 30 * number)
    (folder / "station0" / "broken.edf").write_text("not EDF at all")
    return folder


def hypnograms(out: Path) -> dict[str, str]:
    """Hashes of what must not depend on who scored."""
    names = ("hypnogram.csv", "hypnogram.edf", "statistics.json", "provenance.json", "report.html")
    return {str(path.relative_to(out)): file_sha256(path) for name in names for path in out.glob(f"*/{name}")}


def command(*words: object) -> list[str]:
    return [sys.executable, "-c", "from mc2sleepnet.cli import main; main()", "score", *map(str, words)]


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "summary.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def reference(lab: Path, model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's nights as one process of this machine scores them."""
    out = tmp_path_factory.mktemp("reference")
    done = subprocess.run(command(lab, "--model", model_dir, "--out", out), check=False, capture_output=True)
    assert done.returncode == 1, done.stderr
    assert len(hypnograms(out)) == 5 * N_NIGHTS
    return out


def test_the_table_has_a_line_for_every_recording_in_their_order(reference: Path, lab: Path) -> None:
    rows = rows_of(reference)
    assert tuple(rows[0]) == COLUMNS
    assert [Path(row["file"]).name for row in rows] == [
        *("broken.edf", "night0.edf", "night2.edf", "night4.edf", "night1.edf", "night3.edf")
    ]
    assert [row["status"] for row in rows] == ["failed"] + ["scored"] * N_NIGHTS
    assert "broken.edf" in rows[0]["error"]
    for row in rows[1:]:
        facts = json.loads((reference / row["folder"] / "provenance.json").read_text())
        statistics = json.loads((reference / row["folder"] / "statistics.json").read_text())
        assert int(row["n_epochs"]) == facts["n_epochs"]
        assert float(row["tib_min"]) == statistics["tib_min"]
        assert row["rem_latency_n2_min"] == "" or float(row["rem_latency_n2_min"]) >= 0


def test_columns_of_the_table_are_those_of_the_contract() -> None:
    contract = (Path(__file__).parents[2] / "docs" / "contract.md").read_text()
    section = contract.split("### `summary.csv`")[1].split("\n#")[0]
    listed = [
        word for line in section.splitlines() if line.startswith("| `") for word in line.split("|")[1].split("`")[1::2]
    ]
    assert tuple(listed) == COLUMNS[: len(listed)]
    assert "| then | the keys of `statistics.json` |" in section


def test_workers_give_the_same_files_and_the_same_table(
    reference: Path, lab: Path, model_dir: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        command(lab, "--model", model_dir, "--out", tmp_path, "--workers", 2), check=False, capture_output=True
    )
    assert done.returncode == 1
    assert hypnograms(tmp_path) == hypnograms(reference)
    assert (tmp_path / "summary.csv").read_bytes() == (reference / "summary.csv").read_bytes()


def test_a_cluster_one_of_whose_workers_is_killed_gives_the_same_files(
    reference: Path, lab: Path, model_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with dask_cluster(tmp_path) as cluster:
        process = subprocess.Popen(
            command(lab, "--model", model_dir, "--out", out, "--cluster", cluster.address, "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        wait_for(lambda: any(out.glob("*/provenance.json")))
        cluster.workers[0].kill()
        _, told = process.communicate(timeout=120)
        assert process.returncode == 1, told
        assert cluster.workers[0].wait() == -signal.SIGKILL
    assert hypnograms(out) == hypnograms(reference)
    assert (out / "summary.csv").read_bytes() == (reference / "summary.csv").read_bytes()


def wait_for(is_so, seconds: float = 90) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGKILL, 1), (signal.SIGKILL, 2), (signal.SIGTERM, 1), (signal.SIGINT, 2)]
)
def test_a_killed_call_started_again_finishes_only_what_is_missing(  # noqa: PLR0917
    number: signal.Signals, workers: int, reference: Path, lab: Path, model_dir: Path, tmp_path: Path
) -> None:
    words = [lab, "--model", model_dir, "--out", tmp_path, "--resume", "--json", "--workers", workers]
    process = subprocess.Popen(command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wait_for(lambda: any(tmp_path.glob("*/provenance.json")))
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert process.returncode == 130, told
        assert b"Traceback" not in told
        assert not list(tmp_path.rglob("*.part"))
    wait_for(lambda: not writers(tmp_path))
    finished = {path.parent.name: path.stat().st_mtime_ns for path in tmp_path.glob("*/provenance.json")}
    assert 1 <= len(finished) <= N_NIGHTS
    done = subprocess.run(command(*words), check=False, capture_output=True)
    status = {Path(row["file"]).stem: row["status"] for row in map(json.loads, done.stdout.splitlines())}
    assert {name for name, how in status.items() if how == "finished before"} == set(finished)
    assert {
        path.parent.name: path.stat().st_mtime_ns for path in tmp_path.glob("*/provenance.json")
    }.items() >= finished.items()
    assert hypnograms(tmp_path) == hypnograms(reference)
    assert (tmp_path / "summary.csv").read_bytes() == (reference / "summary.csv").read_bytes()
    assert not list(tmp_path.rglob("*.part"))


def writers(folder: Path) -> list[int]:
    """Processes that still have a file or folder below this one open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            targets = [str(handle.readlink()) for handle in (process / "fd").iterdir()]
        except OSError:
            continue
        if int(process.name) != os.getpid() and any(target.startswith(str(folder)) for target in targets):
            found.append(int(process.name))
    return found


def test_a_file_that_was_taken_away_is_made_again(lab: Path, model_dir: Path, tmp_path: Path) -> None:
    model = open_model_folder(model_dir)
    night = lab / "station0" / "night0.edf"

    def status(**options: object) -> str:
        call = Call.prepared([night], tmp_path, model.path)
        (outcome,) = score_cohort(call, ScoringOptions(**options), resume=True)  # type: ignore[arg-type]
        return outcome.status

    assert status() == "scored"
    assert status() == "finished before"
    (tmp_path / "night0" / "report.html").unlink()
    assert status() == "scored"
    assert status(formats=("bids",)) == "scored"
    assert status(formats=("bids",)) == "finished before"
    (tmp_path / "night0" / "events.tsv").unlink()
    assert status() == "scored"
    assert status(lights_off="23:00") != "finished before"
    assert status(channels=("EEG Fpz-Cz",)) == "scored"


def test_lines_of_earlier_calls_stay_in_the_table(lab: Path, model_dir: Path, tmp_path: Path) -> None:
    for names in (["night0", "night2"], ["broken"], ["night2"]):
        call = Call.prepared([lab / "station0" / f"{name}.edf" for name in names], tmp_path, model_dir)
        write_table(tmp_path, score_cohort(call, ScoringOptions()))
    assert [(row["folder"], row["status"]) for row in rows_of(tmp_path)] == [
        ("night0", "scored"),
        ("broken", "failed"),
        ("night2", "scored"),
    ]


def test_two_calls_into_one_folder_at_once_take_turns(
    lab: Path, model_dir: Path, tmp_path: Path, reference: Path
) -> None:
    words = command(lab, "--model", model_dir, "--out", tmp_path)
    both = [subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 1, told
    assert hypnograms(tmp_path) == hypnograms(reference)
    assert len(rows_of(tmp_path)) == N_NIGHTS + 1


def test_leftovers_of_a_killed_call_are_cleared_and_a_folder_is_for_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (folder / f".hypnogram.csv.{ended.pid}.part").touch()
    program = (
        "import sys, time; from pathlib import Path; from mc2sleepnet.core.files import folder_to_oneself\n"
        f"with folder_to_oneself(Path({str(folder)!r}), []): print(time.monotonic_ns(), flush=True)"
    )
    with folder_to_oneself(folder, ["hypnogram.csv"]):
        assert list(folder.iterdir()) == []
        other = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        released = time.monotonic_ns()
    told, _ = other.communicate(timeout=30)
    assert int(told) >= released


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_names_of_dots_alone_stay_within_out(model_dir: Path, tmp_path: Path) -> None:
    for name in ("...edf", "a.edf"):
        write_night(made(tmp_path / "nights") / name)
    out = tmp_path / "nested" / "out"
    ended = list(score_cohort(Call.prepared([tmp_path / "nights"], out, model_dir), ScoringOptions()))
    assert {outcome.status for outcome in ended} == {"scored"}
    assert {path.name for path in out.iterdir()} == {"a", "recording"}
    assert [path.name for path in (tmp_path / "nested").iterdir()] == ["out"]


def test_links_to_folders_are_followed_once_and_never_in_a_circle(tmp_path: Path) -> None:
    for folder in ("lab", "elsewhere"):
        write_night(made(tmp_path / folder) / "night.edf")
    for name, target in (("circle", "lab"), ("link", "elsewhere"), ("link again", "elsewhere")):
        (tmp_path / "lab" / name).symlink_to(tmp_path / target)
    found = find_recordings([tmp_path / "lab"])
    assert found.recordings == (tmp_path / "lab" / "link" / "night.edf", tmp_path / "lab" / "night.edf")
    assert not found.failures


def test_a_recording_that_is_named_in_several_ways_is_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    night = write_night(made(tmp_path / "lab") / "night.edf")
    (tmp_path / "link").symlink_to("lab")
    # A link to a recording is one of its own: its name is another night's in some labs.
    (tmp_path / "lab" / "other.edf").symlink_to(night)
    for inputs, n_repeated in (
        (["lab"], 0),
        (["lab", "lab"], 2),
        (["lab", tmp_path / "link", "lab/../lab/night.edf"], 3),
    ):
        found = find_recordings(map(Path, inputs))
        assert [str(path) for path in found.recordings] == ["lab/night.edf", "lab/other.edf"]
        assert found.n_repeated == n_repeated


def test_a_folder_that_cannot_be_looked_into_is_told_and_the_others_are_scored(
    monkeypatch: pytest.MonkeyPatch, model_dir: Path, tmp_path: Path
) -> None:
    for folder in ("closed", "open"):
        write_night(made(tmp_path / "lab" / folder) / "night.edf")
    scandir = os.scandir

    def refusing(folder: str) -> object:  # as for a user who is not root
        if str(folder).endswith("closed"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    words = ["score", str(tmp_path / "lab"), "--model", str(model_dir), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert f"{tmp_path / 'lab' / 'closed'}: this folder cannot be looked into (permission denied)" in result.stderr
    assert (tmp_path / "out" / "night" / "hypnogram.csv").exists()
    result = CliRunner().invoke(app, [words[0], str(tmp_path / "lab" / "closed"), *words[2:]])
    assert (result.exit_code, "cannot be looked into" in result.stderr) == (2, True)


def test_a_pipe_is_refused_not_waited_for_and_the_others_are_scored(model_dir: Path, tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    write_night(made(lab) / "night.edf")
    os.mkfifo(lab / "pipe.edf")
    done = subprocess.run(
        command(lab, "--model", model_dir, "--out", tmp_path / "out"), check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 1
    assert b"pipe.edf: is no regular file" in done.stderr
    assert (tmp_path / "out" / "night" / "hypnogram.csv").exists()
