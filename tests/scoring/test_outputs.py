"""What `score` writes for a recording, read back as a user would."""

import csv
import itertools
import json
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import edfio
import numpy as np
import pytest

import mc2sleepnet as mc2
from edf_files import noise_uv, overwrite, signal, write_edf, write_night
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.formats import read_hypnogram, write_hypnogram
from raw_edf import RawSignal, brain_like_uv, raw_edf

COLUMNS = [
    "epoch",
    "onset_s",
    "clock_time",
    "stage",
    "confidence",
    "p_W",
    "p_N1",
    "p_N2",
    "p_N3",
    "p_R",
    "review",
    "source",
]
FILES = {"hypnogram.csv", "hypnogram.edf", "statistics.json", "provenance.json", "report.html"}


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "hypnogram.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert reader.fieldnames == COLUMNS
    return rows


def score_into(night: Path, model_dir: Path, out: Path, **options: object) -> Path:
    mc2.score(night, model=model_dir, **options).save(out)  # type: ignore[arg-type]
    return out


@pytest.fixture(scope="module")
def real_night(real_data: Path, model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "ucddb022"
    return score_into(real_data / "ucddb" / "ucddb022.edf", model_dir, out)


def test_the_real_night_has_exactly_787_rows_in_order(real_night: Path) -> None:
    rows = rows_of(real_night)
    assert [int(row["epoch"]) for row in rows] == list(range(787))
    assert [float(row["onset_s"]) for row in rows] == [30.0 * epoch for epoch in range(787)]


def test_the_real_nights_65_flat_epochs_are_unscored_and_say_why(real_night: Path) -> None:
    unscored = [row for row in rows_of(real_night) if row["stage"] == "UNS"]
    assert len(unscored) == 65
    assert {row["source"] for row in unscored} == {"flat"}
    assert {row[name] for row in unscored for name in COLUMNS if name.startswith(("p_", "conf"))} == {""}


def test_scored_rows_hold_probabilities_that_agree_with_stage_and_confidence(real_night: Path) -> None:
    for row in rows_of(real_night):
        if row["stage"] == "UNS":
            continue
        p = {name.removeprefix("p_"): float(row[name]) for name in COLUMNS if name.startswith("p_")}
        assert sum(p.values()) == pytest.approx(1, abs=1e-4)
        assert p[row["stage"]] == max(p.values()) == pytest.approx(float(row["confidence"]), abs=1e-5)
        assert row["review"] in ("0", "1")
        assert row["source"] == "model"


def test_clock_times_are_local_iso_and_thirty_seconds_apart(real_night: Path) -> None:
    times = [datetime.fromisoformat(row["clock_time"]) for row in rows_of(real_night)]
    assert times[0] == datetime(1985, 1, 1, 23, 0)
    assert {(later - earlier).total_seconds() for earlier, later in itertools.pairwise(times)} == {30.0}


def test_the_real_night_meets_its_722_scored_epochs(real_night: Path, real_data: Path) -> None:
    reference = real_data / "ucddb" / "ucddb022-Hypnogram.edf"
    for name in ("hypnogram.csv", "hypnogram.edf"):
        comparison = mc2.evaluate(reference, real_night / name)
        assert comparison.agreement.n_epochs == 722
        assert comparison.coverage == 1


def test_both_hypnograms_hold_the_same_stages(real_night: Path) -> None:
    first, second = (read_hypnogram(real_night / name) for name in ("hypnogram.csv", "hypnogram.edf"))
    assert np.array_equal(first.stage, second.stage)
    assert first.start == second.start


def test_every_promised_file_is_there_and_nothing_else(real_night: Path) -> None:
    assert {path.name for path in real_night.iterdir()} == FILES


def test_the_report_is_one_file_that_needs_no_network(real_night: Path) -> None:
    page = (real_night / "report.html").read_text()
    assert "not a medical device" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_provenance_has_the_keys_of_the_contract(real_night: Path) -> None:
    contract = (Path(__file__).parents[2] / "docs" / "contract.md").read_text()
    for name in ("provenance.json", "statistics.json"):
        keys = json.loads((real_night / name).read_text()).keys()
        section = contract.split(f"### `{name}`")[1].split("###")[0]
        documented = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
        assert set(keys) == documented


def test_provenance_says_what_became_of_the_models_answers(real_night: Path, model_dir: Path) -> None:
    told = json.loads((real_night / "provenance.json").read_text())["model"]
    calibration = json.loads((model_dir / "calibration.json").read_text())
    assert {name: told[name] for name in ("temperature", "smoothing")} == {
        name: calibration[name] for name in ("temperature", "smoothing")
    }


def test_columns_and_findings_are_those_of_the_contract() -> None:
    root = Path(__file__).parents[2]
    contract = (root / "docs" / "contract.md").read_text()

    def listed(heading: str) -> set[str]:
        section = contract.split(heading)[1].split("\n#")[0]
        return {
            word
            for line in section.splitlines()
            if line.startswith("| `")
            for word in line.split("|")[1].split("`")[1::2]
        }

    assert listed("### `hypnogram.csv`") == set(COLUMNS)
    sources = "".join(path.read_text() for path in (root / "src").rglob("*.py"))
    assert listed("## Findings") == set(re.findall(r'(?:Finding|Doubt|_doubtful)\(\s*id="([a-z-]+)"', sources))


@pytest.mark.parametrize("seconds", [30.0, 45.0, 59.99, 60.0, 90.0, 91.5, 300.0])
def test_n_times_30_seconds_in_n_rows_out_and_a_partial_epoch_has_a_row(
    tmp_path: Path, model_dir: Path, seconds: float
) -> None:
    eeg = signal(noise_uv(seconds, 100), 100, "EEG Fpz-Cz")
    path = write_edf(tmp_path / "n.edf", [eeg], record_s=1 if seconds.is_integer() else 0.01)
    rows = rows_of(score_into(path, model_dir, tmp_path / "out"))
    whole, rest = divmod(seconds, 30)
    assert len(rows) == whole + (rest > 0)
    assert [row["source"] for row in rows] == ["model"] * int(whole) + ["partial"] * (rest > 0)
    assert all(row["stage"] == "UNS" for row in rows if row["source"] == "partial")


@pytest.mark.parametrize(("seconds", "told"), [(45, ["only 1 whole epoch long"]), (295, ["only 9 whole epochs long"])])
def test_a_short_recording_is_scored_with_a_warning(
    tmp_path: Path, model_dir: Path, seconds: int, told: list[str]
) -> None:
    night = mc2.score(write_night(tmp_path / "n.edf", seconds=seconds), model=model_dir)
    short = [finding.message for finding in night.findings if finding.id == "short-recording"]
    assert [message.split(":")[0] for message in short] == told


def test_outputs_carry_no_name_or_birth_date(tmp_path: Path, model_dir: Path) -> None:
    path = write_night(tmp_path / "n.edf", seconds=90)
    overwrite(path, 8, b"ID7 F 02-MAR-1951 Jane_Doe".ljust(80))
    out = score_into(path, model_dir, tmp_path / "out")
    for written in out.iterdir():
        content = written.read_bytes()
        assert b"Jane" not in content
        assert b"1951" not in content


def test_samples_and_their_file_give_the_same_stages(tmp_path: Path, model_dir: Path) -> None:
    path = write_night(tmp_path / "n.edf", seconds=600)
    samples_uv = edfio.read_edf(path).get_signal("EEG Fpz-Cz").data
    first, second = mc2.score(path, model=model_dir), mc2.score((samples_uv, 100.0), model=model_dir)
    assert first.stages.tolist() == second.stages.tolist()
    np.testing.assert_allclose(first.hypnodensity, second.hypnodensity, atol=1e-4)


def test_risk_decides_how_many_epochs_are_worth_a_second_look(tmp_path: Path, model_dir: Path) -> None:
    path = write_night(tmp_path / "n.edf", seconds=900)
    marked = [int(mc2.score(path, model=model_dir, risk=risk).review.sum()) for risk in (0.0, 0.5, 1.0)]
    assert marked[0] >= marked[1] >= marked[2] == 0


def test_a_channel_that_is_flat_from_end_to_end_is_refused(tmp_path: Path, model_dir: Path) -> None:
    path = write_edf(tmp_path / "n.edf", [signal(np.full(9000, 12.0), 100, "EEG Fpz-Cz")])
    with pytest.raises(InputError, match="no epoch with signal"):
        mc2.score(path, model=model_dir)


def test_a_synthetic_recording_says_so_in_provenance_and_report(cohort: Path, model_dir: Path, tmp_path: Path) -> None:
    out = score_into(next(cohort.glob("*-PSG.edf")), model_dir, tmp_path / "out")
    assert json.loads((out / "provenance.json").read_text())["is_synthetic"] is True
    assert "ynthetic" in (out / "report.html").read_text()
    assert b"ynthetic" in (out / "hypnogram.edf").read_bytes()[:256]


def test_scoring_imports_nothing_that_is_slow_or_optional_and_never_loads_telemetry(
    tmp_path: Path, model_dir: Path
) -> None:
    path = write_night(tmp_path / "n.edf", seconds=90)
    program = (
        "import sys; import mc2sleepnet as mc2; "
        f"mc2.score({str(path)!r}, model={str(model_dir)!r}).save({str(tmp_path / 'out')!r}); "
        "assert not {'torch', 'sklearn', 'scipy', 'dask', 'mne', 'yasa', 'pandas'} & set(sys.modules); "
        "assert sys.modules['openvino_telemetry'] is None"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_noise_at_other_rates_and_units_is_the_same_noise(tmp_path: Path, model_dir: Path) -> None:
    microvolts = noise_uv(300, 100)
    plain = write_edf(tmp_path / "uv.edf", [signal(microvolts, 100, "EEG Fpz-Cz")])
    millivolts = edfio.EdfSignal(
        microvolts / 1000, 100, label="EEG Fpz-Cz", physical_dimension="mV", physical_range=(-0.5, 0.5)
    )
    other = write_edf(tmp_path / "mv.edf", [millivolts])
    of_plain, of_other = (mc2.score(path, model=model_dir).stages for path in (plain, other))
    assert of_plain.tolist() == of_other.tolist()


@pytest.mark.parametrize(
    ("samples", "rate"),
    [(np.zeros((2, 9000)), 100.0), (np.zeros(9000), float("nan")), (np.ones(9000, np.complex128), 100.0)],
)
def test_samples_that_are_no_channel_s_are_told(samples: np.ndarray, rate: float, model_dir: Path) -> None:
    with pytest.raises(InputError, match="one channel's samples"):
        mc2.score((samples, rate), model=model_dir)


@pytest.mark.parametrize("year", [1970, 2100, 9999])
def test_a_year_that_edf_has_no_digits_for_is_no_ground_to_refuse_a_night(
    year: int, tmp_path: Path, model_dir: Path
) -> None:
    fields = {"recording": f"Startdate 31-DEC-{year} X X X".encode(), "date": b"31.12.yy", "time": b"23.59.00"}
    path = tmp_path / "n.edf"
    path.write_bytes(raw_edf([RawSignal(brain_like_uv(90, 100), 100)], **fields))
    night = mc2.score(path, model=model_dir)
    night.save(tmp_path / "out")
    start = None if year == 9999 else datetime(year, 12, 31, 23, 59)
    assert night.hypnogram.start == start
    for name in ("hypnogram.csv", "hypnogram.edf"):
        assert read_hypnogram(tmp_path / "out" / name).start == start


def test_errors_about_a_night_name_its_path(tmp_path: Path, model_dir: Path) -> None:
    flat = write_edf(tmp_path / "n.edf", [signal(np.zeros(9000), 100, "EEG Fpz-Cz")])
    with pytest.raises(InputError, match=f"^{flat}: .*no epoch with signal"):
        mc2.score(flat, model=model_dir)
    night = write_night(tmp_path / "m.edf")
    with pytest.raises(InputError, match=f"^{night}: lights_off=23:00 lies outside"):
        mc2.score(night, model=model_dir, lights_off="23:00")


def test_a_night_is_saved_beside_the_half_done_files_of_others(tmp_path: Path, model_dir: Path) -> None:
    (tmp_path / "out").mkdir()
    others = [tmp_path / "out" / name for name in (".SC4001E0-PSG.edf.part", ".notes.part")]
    for other in others:
        other.write_text("half")
    score_into(write_night(tmp_path / "n.edf"), model_dir, tmp_path / "out")
    assert [other.read_text() for other in others] == ["half", "half"]


def test_a_scored_night_is_written_as_any_hypnogram_and_paths_may_be_text(tmp_path: Path, model_dir: Path) -> None:
    night = mc2.score(str(write_night(tmp_path / "n.edf")), model=str(model_dir))
    assert write_hypnogram(night, str(tmp_path / "night.json"), "json") == ()
    assert read_hypnogram(str(tmp_path / "night.json")).stage.tolist() == night.hypnogram.stage.tolist()
    night.save(tmp_path / "out", formats="json")
    assert (tmp_path / "out" / "hypnogram.json").read_text() == (tmp_path / "night.json").read_text()


def test_what_is_no_hypnogram_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(mc2.InputError, match="a list is none"):
        write_hypnogram([0, 1], tmp_path / "x.csv", "csv")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_persons_home_is_meant_by_its_sign_wherever_a_path_is_given(
    tmp_path: Path, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    write_night(made_folder(tmp_path / "home") / "n.edf")
    night = mc2.score("~/n.edf", model=model_dir)
    night.save("~/out")
    write_hypnogram(night, "~/stages.txt", "text")
    assert read_hypnogram("~/stages.txt").stage.tolist() == night.hypnogram.stage.tolist()
    assert mc2.evaluate("~/stages.txt", "~/out").accuracy == 1
    assert mc2.evaluate(["~/stages.txt"], [night]).accuracy == 1
    assert {path.name for path in tmp_path.iterdir()} == {"home"}
    with pytest.raises(mc2.InputError, match="nobody of this name has a home here"):
        night.save("~nobody-at-all/out")


def made_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder
