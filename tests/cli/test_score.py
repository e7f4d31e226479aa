"""`score`'s options as a user meets them."""

import errno
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import edfio
import pytest
from typer.testing import CliRunner, Result

from edf_files import noise_uv, overwrite, signal, write_edf, write_night
from mc2sleepnet.cli import app

NAME, BIRTH = b"Jane_Doe", b"02-MAR-1951"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def night(tmp_path: Path) -> Path:
    return write_night(tmp_path / "night.edf", seconds=400)


@pytest.fixture
def person(night: Path) -> Path:
    return overwrite(night, 8, b"ID7 F " + BIRTH + b" " + NAME.ljust(62))


def test_no_output_carries_name_or_birth_date(person: Path, model_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    formats = "csv,edf,bids,luna,nsrr,profusion,json,text"
    result = call("score", person, "--model", model_dir, "--out", out, "--formats", formats)
    assert result.exit_code == 0, result.stderr
    written = [path for path in out.rglob("*") if path.is_file()]
    assert len(written) == 12
    for path in written:
        content = path.read_bytes()
        assert NAME not in content, path
        assert b"1951" not in content, path
    assert "Doe" not in result.output


def test_identity_is_kept_where_that_is_asked_for(person: Path, model_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call("score", person, "--model", model_dir, "--out", out, "--keep-identity").exit_code == 0
    facts = json.loads((out / "night" / "provenance.json").read_text())
    assert facts["input"]["patient"] == "ID7 F 02-MAR-1951 Jane_Doe"
    assert facts["options"]["keep_identity"] is True
    assert edfio.read_edf(out / "night" / "hypnogram.edf").local_patient_identification == "ID7 F 02-MAR-1951 Jane_Doe"


def test_every_format_asked_for_is_there_and_the_five_always(night: Path, model_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = call("score", night, "--model", model_dir, "--out", out, "--formats", "bids, luna")
    assert result.exit_code == 0, result.stderr
    assert {path.name for path in (out / "night").iterdir()} == {
        *("hypnogram.csv", "hypnogram.edf", "statistics.json", "provenance.json", "report.html"),
        *("events.tsv", "hypnogram.annot"),
    }


def test_formats_of_an_earlier_call_do_not_stay_beside_other_stages(
    night: Path, model_dir: Path, tmp_path: Path
) -> None:
    words = ["score", night, "--model", model_dir, "--out", tmp_path / "out"]
    (tmp_path / "out" / "night").mkdir(parents=True)
    mine = tmp_path / "out" / "night" / "hypnogram.txt"
    mine.write_text("notes of a person\n")
    assert call(*words, "--formats", "bids,json", "--risk", 0).exit_code == 0
    assert call(*words, "--formats", "json", "--risk", 1).exit_code == 0
    assert not (tmp_path / "out" / "night" / "events.tsv").exists()
    assert json.loads((tmp_path / "out" / "night" / "hypnogram.json").read_text())["review"] == [0] * 14
    assert mine.read_text() == "notes of a person\n"


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--formats", "csv,docx"], "no format 'docx'"),
        (["--lights-off", "late"], "'late' is no time"),
        (["--lights-off", "23.02"], "23.02 may be a clock time or seconds. Write 23:02 for the clock time, or 23.020"),
        (["--lights-on", "6.30"], "--lights-on: 6.30 may be a clock time or seconds. Write 6:30"),
        (["--lights-off", "03:00"], "lies outside the recording"),
        (["--lights-off", "300", "--lights-on", "60"], "is not after lights off"),
        (["--cluster", "tcp://127.0.0.1:9"], "no Dask scheduler answers"),
    ],
)
def test_options_that_cannot_be_met_are_one_line_and_exit_2(  # noqa: PLR0917
    words: list[str], fault: str, night: Path, model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mc2sleepnet.core.cluster.CONNECT_S", 1)
    result = call("score", night, "--model", model_dir, "--out", tmp_path / "out", *words)
    assert result.exit_code == 2
    assert fault in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "out" / "night").exists()


def test_lights_bound_the_statistics_and_are_told(night: Path, model_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["--lights-off", "22:16:30", "--lights-on", "2024-02-29T22:19:30"]
    assert call("score", night, "--model", model_dir, "--out", out, *words).exit_code == 0
    assert json.loads((out / "night" / "statistics.json").read_text())["tib_min"] == 3
    lights = json.loads((out / "night" / "provenance.json").read_text())["lights"]
    assert lights["off"] == {"epoch": 2, "onset_s": 60, "clock_time": "2024-02-29T22:16:30", "from": "option"}
    assert "lights off 22:16:30" in (out / "night" / "report.html").read_text()


def test_seconds_are_not_taken_for_a_clock_time(night: Path, model_dir: Path, tmp_path: Path) -> None:
    for number, seconds in enumerate(("23.020", "23", "120.50", "61.5")):
        out = tmp_path / f"out{number}"
        assert call("score", night, "--model", model_dir, "--out", out, "--lights-off", seconds).exit_code == 0
        lights = json.loads((out / "night" / "provenance.json").read_text())["lights"]
        assert lights["off"]["epoch"] == round(float(seconds) / 30)


def test_a_recording_that_is_named_in_several_ways_is_scored_once(
    night: Path, model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab").mkdir()
    night.rename(tmp_path / "lab" / "night.edf")
    (tmp_path / "link").symlink_to("lab")
    other = write_night(tmp_path / "lab" / "other.edf", seconds=60)
    words = ["--model", model_dir, "--json", "--out"]
    spellings = ["lab/night.edf", tmp_path / "lab/night.edf", "lab/../lab/night.edf", "link/night.edf"]
    for number, inputs in enumerate(([*spellings, other], ["lab", tmp_path / "link"], ["lab", "lab"])):
        result = call("score", *inputs, *words, tmp_path / f"out{number}")
        assert result.exit_code == 0, result.stderr
        assert [Path(json.loads(line)["file"]).name for line in result.stdout.splitlines()] == [
            "night.edf",
            "other.edf",
        ]
        assert result.stderr.count("some recordings are named more than once; each is scored once") == 1
        assert {path.name for path in (tmp_path / f"out{number}").iterdir()} == {"night", "other", "summary.csv"}
    assert "more than once" not in call("score", "lab", *words, tmp_path / "out").stderr


def test_several_channels_tell_their_dissent(model_dir: Path, tmp_path: Path) -> None:
    signals = [
        signal(noise_uv(300, 100, seed) * (1 + 3 * seed), 100, label) for seed, label in enumerate(("C3-M2", "C4-M1"))
    ]
    path = write_edf(tmp_path / "n.edf", signals)
    result = call(
        "score", path, "--model", model_dir, "--out", tmp_path / "out", "--channel", "C3-M2", "--channel", "C4-M1"
    )
    assert result.exit_code == 0, result.stderr
    assert "epochs of C3-M2 + C4-M1" in result.stdout
    assert "channels dissent in" in result.stdout


def test_the_share_to_review_is_printed_and_that_of_the_cohort(night: Path, model_dir: Path, tmp_path: Path) -> None:
    second = write_night(tmp_path / "second.edf", seconds=90)
    result = call("score", night, second, "--model", model_dir, "--out", tmp_path / "out")
    assert "to review (" in result.stdout
    assert "2 recordings: 2 scored; " in result.stdout
    assert "summary.csv" in result.stdout


def test_a_table_of_somebody_else_is_not_overwritten(night: Path, model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.csv").write_text("my,own,table\n")
    result = call("score", night, "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "summary.csv" in result.stderr
    assert (tmp_path / "out" / "summary.csv").read_text() == "my,own,table\n"


def test_help_answers_without_numpy() -> None:
    program = "import sys; from mc2sleepnet.cli import main; sys.argv = ['mc2sleepnet', '--help']\ntry: main()\nexcept SystemExit: assert 'numpy' not in sys.modules"  # noqa: E501
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_a_disk_that_is_full_is_told_and_nothing_half_written_stays(
    night: Path, model_dir: Path, tmp_path: Path
) -> None:
    program = (
        "import resource, signal, sys; from mc2sleepnet.cli import main\n"
        "import mc2sleepnet.scoring.outputs as outputs, mc2sleepnet.scoring.job as job\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "save = job.save_night\n"
        "def full(*words, **more):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))\n"
        "    try: return save(*words, **more)\n"
        "    finally: resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
        "job.save_night = full\nmain()"
    )
    words = ["score", str(night), "--model", str(model_dir), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", program, *words], check=False, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr
    assert "free the disk" in done.stderr
    assert not (tmp_path / "out" / "night" / "provenance.json").exists()
    assert not list((tmp_path / "out").rglob("*.part"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_told(night: Path, model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    result = call("score", night, "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_a_folder_that_is_there_and_may_not_be_written_is_told_before_anything_is_scored(
    night: Path, model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: object) -> object:  # as for a user who is not root
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (tmp_path / "out").mkdir()
    monkeypatch.setattr("mc2sleepnet.scoring.cohort.TemporaryFile", refused)
    result = call("score", night, "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "cannot be written (permission denied). Choose another --out" in result.stderr
    assert not list((tmp_path / "out").iterdir())


def test_a_table_that_cannot_be_written_hides_no_failure(
    night: Path, model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("mc2sleepnet.scoring.summary.write_text_atomically", full)
    words = ["--model", model_dir, "--out", tmp_path / "out"]
    both = call("score", night, tmp_path / "none.edf", *words)
    assert both.exit_code == 1
    assert "summary.csv: cannot be written (no space left on device). Free the disk" in both.stderr
    assert "none.edf" in both.stderr
    assert "summary.csv" not in both.stdout
    assert call("score", night, *words).exit_code == 2


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 10, 15, 16, 17, 33, 960, 3000])
def test_as_many_rows_as_epochs_for_every_length(n_epochs: int, model_dir: Path, tmp_path: Path) -> None:
    path = write_night(tmp_path / "n.edf", seconds=30 * n_epochs)
    result = call("score", path, "--model", model_dir, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.stderr
    rows = (tmp_path / "out" / "n" / "hypnogram.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(n_epochs))
    assert all(row.endswith(",model") for row in rows)
    assert ("short-recording" in json.loads(result.stdout)["findings"]) == (n_epochs < 10)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_stream_that_the_caller_closed_is_no_error(closed: str, night: Path, model_dir: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "mc2sleepnet", "score", night, "--model", model_dir, "--out", tmp_path / "out"]
    line = f"{shlex.join(map(str, words))} {closed}"
    done = subprocess.run(["/bin/sh", "-c", line], check=False, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert (tmp_path / "out" / "night" / "report.html").exists()


def test_a_file_that_may_not_be_read_fails_alone(
    night: Path, model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, access, opened = write_night(tmp_path / "closed.edf"), os.access, Path.open

    def refused(path: Path, *how: object, **more: object) -> object:  # as for a user who is not root
        if path == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *how, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refused)
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(closed) and access(path, mode))
    result = call("score", night, closed, "--model", model_dir, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert f"{closed}: permission denied" in result.stderr
    assert (tmp_path / "out" / "night" / "report.html").exists()
    assert call("doctor", night, closed).exit_code == 1


def test_ctrl_c_is_one_line_from_the_first_import_on(night: Path, model_dir: Path, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys, threading\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from mc2sleepnet.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program, "--help"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "")


def test_the_model_in_the_package_scores_where_nothing_of_training_is_installed(night: Path, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('torch', 'safetensors', 'onnx', 'sklearn'): raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from mc2sleepnet.__main__ import main; main()"
    )
    command = [sys.executable, "-c", program, "score", str(night), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "night" / "hypnogram.csv").is_file()
