"""`convert` as a user meets it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mc2sleepnet.cli import app
from mc2sleepnet.formats import FILE_NAMES, FORMATS, read_hypnogram

BIDS = "onset\tduration\tstage_hum\tstage_ai\n0\t30\t0\t0\n30\t30\t2\t4\n60\t30\t8\t3\n"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["convert", *(str(argument) for argument in arguments)])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "sub-1_events.tsv"
    path.write_text(BIDS)
    return path


@pytest.mark.parametrize("dialect", FORMATS)
def test_one_command_writes_any_format(source: Path, tmp_path: Path, dialect: str) -> None:
    out = tmp_path / "out"
    result = call(source, "--to", dialect, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert read_hypnogram(out).stage.tolist() == [0, 2, -1]
    assert result.stdout == f"{out}: 3 epochs, 2 scored\n"


def test_what_had_to_be_assumed_and_what_is_lost_are_said_on_stderr(source: Path, tmp_path: Path) -> None:
    result = call(source, "--to", "text", "--out", tmp_path / "out.txt")
    told = result.stderr.splitlines()
    assert len(told) == 3
    assert all(line.startswith("mc2sleepnet: ") for line in told)
    assert "stage_ai" in told[0]
    assert "--codes" in told[1]
    assert told[2].endswith("out.txt: text does not carry the scorer's name")


def test_options_decide_what_else_would_be_assumed(source: Path, tmp_path: Path) -> None:
    result = call(source, "--to", "json", "--out", tmp_path / "o", "--column", "stage_ai", "--codes", "nsrr", "--json")
    assert result.stderr == ""
    row = json.loads(result.stdout)
    assert (row["n_epochs"], row["n_scored"], row["notes"], row["lost"]) == (3, 3, [], [])
    assert read_hypnogram(tmp_path / "o").stage.tolist() == [0, 3, 3]


@pytest.mark.parametrize("dialect", ["csv", "text"])
def test_that_a_night_is_synthetic_is_known_by_the_provenance_beside_it(
    dialect: str, source: Path, tmp_path: Path
) -> None:
    """The columns of hypnogram.csv are fixed, and bare stages have no room: `score` says it beside them."""
    scored, out = tmp_path / FILE_NAMES[dialect], tmp_path / "out.json"
    call(source, "--to", dialect, "--out", scored)
    for facts, is_synthetic in ((None, False), ("no JSON", False), ("[]", False), ('{"is_synthetic": true}', True)):
        if facts is not None:
            (tmp_path / "provenance.json").write_text(facts)
        assert call(scored, "--to", "json", "--out", out).exit_code == 0
        assert json.loads(out.read_text())["is_synthetic"] is is_synthetic
    scored.rename(tmp_path / "mine.txt")
    assert call(tmp_path / "mine.txt", "--to", "json", "--out", out).exit_code == 0
    assert json.loads(out.read_text())["is_synthetic"] is False


def test_a_hypnogram_is_never_written_over_itself(source: Path) -> None:
    result = call(source, "--to", "csv", "--out", source)
    assert result.exit_code == 2
    assert "is the hypnogram that is to be converted" in result.stderr
    assert source.read_text() == BIDS


def test_text_as_yasas_numbers(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "hypno.txt"
    assert call(source, "--to", "text", "--integers", "--out", out).exit_code == 0
    assert np.loadtxt(out, dtype=int).tolist() == [0, 2, -2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "xls"], "no format 'xls'. Choose from csv, edf, bids, luna, nsrr, profusion, json, text."),
        (["--to", "csv", "--codes", "mine"], "no numbering 'mine'"),
        (["--to", "csv", "--column", "x"], "no column 'x'. Choose from stage_hum, stage_ai."),
        (["--to", "csv", "--integers"], "Leave out --integers"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_2(source: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    result = call(source, "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2
    (told,) = result.stderr.splitlines()
    assert words in told
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_named(source: Path, tmp_path: Path) -> None:
    result = call(source, "--to", "csv", "--out", tmp_path / "none" / "h.csv")
    assert result.exit_code == 2
    assert "h.csv" in result.stderr


def test_a_pipe_is_refused_and_not_read_without_its_beginning(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    result = call(pipe, "--to", "csv", "--out", tmp_path / "out.csv")
    assert result.exit_code == 2
    assert (
        result.stderr
        == f"mc2sleepnet: {pipe}: is no regular file, and can be read only once. Save it as a file first.\n"
    )


def test_what_is_no_regular_file_is_never_replaced_by_one(source: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for out, fault in ((pipe, "is no regular file"), (tmp_path, "is a folder")):
        result = call(source, "--to", "csv", "--out", out)
        assert result.exit_code == 2
        assert result.stderr == f"mc2sleepnet: {out}: {fault}. Name a file to write.\n"
    assert pipe.is_fifo()
