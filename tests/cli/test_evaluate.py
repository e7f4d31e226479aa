"""`evaluate` as a user meets it: forms of the call, exit codes, and the promises of docs/contract.md."""

import csv
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from hypnogram_files import csv_file, night, text_file
from mc2sleepnet.cli import app
from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.evaluation import epochs_table, rows
from mc2sleepnet.metrics.night_agreement import STATISTICS

CONTRACT = Path(__file__).parents[2] / "docs" / "contract.md"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", *(str(argument) for argument in arguments), "--workers", "1"])


def told(result: Result) -> list[str]:
    assert "Traceback" not in result.stderr
    return [line for line in result.stderr.splitlines() if line.startswith("mc2sleepnet: ")]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six nights of four people: an expert, another expert, and a machine with probabilities; and a table."""
    folder = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(0)
    for i in range(6):
        reference, scored = night(i)
        _, other = night(i, wrong=0.3)
        density = rng.dirichlet(np.ones(5), len(scored)) * 0.3 + 0.7 * np.eye(5)[scored]
        csv_file(folder / "model" / f"n{i}" / "hypnogram.csv", scored, hypnodensity=density)
        text_file(folder / "expert" / f"n{i}.txt", reference)
        text_file(folder / "second" / f"n{i}_stage.txt", other)
    lines = "".join(f"n{i},{'abcdcd'[i]},{'old' if i % 2 else 'young'}\n" for i in range(6))
    (folder / "subjects.csv").write_text("recording,subject,age\n" + lines)
    return folder


def full(cohort: Path, *more: object) -> Result:
    scorers = (cohort / "expert", cohort / "second", cohort / "model")
    return call(*scorers, "--subjects", cohort / "subjects.csv", "--by", "age", *more)


def test_hypnograms_without_a_scored_epoch_in_common_are_an_error_and_no_table_of_dashes(tmp_path: Path) -> None:
    stage = np.array([0, 0, 1, 2, 2])
    scored = text_file(tmp_path / "scored.txt", stage)
    nothing = text_file(tmp_path / "nothing.txt", np.full(5, -1))
    first = text_file(tmp_path / "first.txt", np.array([0, 0, -1, -1, -1]))
    last = text_file(tmp_path / "last.txt", np.array([-1, -1, -1, 2, 2]))
    for files, line in (
        ((scored, nothing), f"{nothing}: has a stage in none of the 5 epochs that {scored} scored. Check that both"),
        ((first, last), f"{last}: has a stage in none of the 2 epochs that {first} scored. Check that both"),
        ((nothing, scored), f"{nothing}: has no epoch with a stage. Give a reference that is scored."),
        ((first, last, nothing), f"{first}: nobody else has a stage in any of the 2 epochs that it scored. Check"),
    ):
        result = call(*files, "--csv", tmp_path / "table.csv")
        assert result.exit_code == 2
        assert result.stdout == ""
        assert len(told(result)) == 1
        assert told(result)[0].startswith(f"mc2sleepnet: {line}")
        assert not (tmp_path / "table.csv").exists()
    assert call(scored, nothing, last).exit_code == 0


@pytest.mark.parametrize("option", ["--html", "--csv", "--epochs"])
def test_what_is_no_regular_file_is_neither_read_nor_replaced(option: str, cohort: Path, tmp_path: Path) -> None:
    pipe, night_of = tmp_path / "pipe", cohort / "expert" / "n0.txt"
    os.mkfifo(pipe)
    written = call(night_of, night_of, option, pipe)
    assert (written.exit_code, told(written)) == (
        2,
        [f"mc2sleepnet: {pipe}: is no regular file. Name a file to write."],
    )
    read = call(night_of, pipe)
    assert (read.exit_code, len(told(read))) == (2, 1)
    assert told(read)[0].startswith(f"mc2sleepnet: {pipe}: is no regular file.")
    assert pipe.is_fifo()


def test_folders_of_several_scorers_by_group_in_text(cohort: Path) -> None:
    result = full(cohort)
    assert result.exit_code == 0, result.stderr
    for words in (
        "second against expert",
        "model against expert",
        "6 recordings of 4 subjects",
        "coverage",
        "expected calibration error",
        "model - second",
        "Fleiss' κ",
        "model (machine)",
        "sleep statistics",
        "young",
    ):
        assert words in result.stdout
    assert "nan" not in result.stdout


def test_json_has_exactly_the_keys_of_the_contract(cohort: Path) -> None:
    result = full(cohort, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    promised = _section("### `evaluate --json`", "### `evaluate --csv`")
    ours = {re.sub(r"^several_scorers_by_group\.age\.(young|old)", "several_scorers", key) for key in _paths(found)}
    ours = {re.sub(r"^scorers\.groups\.age\.(young|old)", "scorers", key) for key in ours}
    ours = _leaves({_general(key) for key in ours})
    rows_keys = {f"scorers.{rows}.{key}" for rows in ("subjects", "recordings") for key in _row_keys() | _matrix_keys()}
    expected = _leaves(promised - {"scorers.groups.COLUMN.GROUP", "several_scorers_by_group.COLUMN.GROUP"}) | rows_keys
    expected -= {"unpaired.LABEL"}
    assert ours - {"unpaired"} == expected


def _row_keys() -> set[str]:
    plain = {
        "n_epochs",
        "n_reference_scored",
        "accuracy",
        "macro_f1",
        "kappa",
        "coverage",
        "accuracy_unscored_as_wrong",
    }
    return plain | {f"{figure}_{stage}" for figure in ("f1", "precision", "recall") for stage in STAGES}


def _matrix_keys() -> set[str]:
    both = {f"sleep_statistics.STATISTIC.{side}" for side in ("reference", "scored")}
    return both | {"confusion", "transitions_reference", "transitions_scored", "changes"}


def _paths(value: object, prefix: str = "") -> set[str]:
    """Dotted keys down to what holds no more keys."""
    if isinstance(value, dict) and value:
        return set().union(*(_paths(one, f"{prefix}.{key}" if prefix else key) for key, one in value.items()))
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return set().union(*(_paths(one, prefix) for one in value))
    return {prefix}


def _general(key: str) -> str:
    parts = key.split(".")
    for i, part in enumerate(parts):
        if part in STAGES:
            parts[i] = "STAGE"
        elif i and parts[i - 1] == "sleep_statistics" and part in STATISTICS:
            parts[i] = "STATISTIC"
        elif i == 1 and parts[0] == "systems" and part in {"accuracy", "macro_f1", "kappa"} and len(parts) == 3:
            parts[i] = "FIGURE"
    return ".".join(parts)


def _section(first: str, last: str) -> set[str]:
    """Keys in the first column of a table of the contract."""
    text = CONTRACT.read_text(encoding="utf-8").split(first)[1].split(last)[0]
    return {
        key
        for line in text.splitlines()
        if line.startswith("| `")
        for key in re.findall(r"`([^`]+)`", line.split("|")[1])
    }


def _leaves(keys: set[str]) -> set[str]:
    return {key for key in keys if not any(other.startswith(f"{key}.") for other in keys)}


def test_csv_has_exactly_the_columns_of_the_contract(cohort: Path, tmp_path: Path) -> None:
    result = full(cohort, "--csv", tmp_path / "deep" / "table.csv")
    assert result.exit_code == 0, result.stderr
    with (tmp_path / "deep" / "table.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    promised = _section("### `evaluate --csv`", "### `evaluate --epochs`") - {
        *("FIGURE", "FIGURE_low", "FIGURE_high", "n_STAGE_STAGE", "reference_STATISTIC", "scored_STATISTIC")
    }
    figures = {
        f"{key}{end}" for key in _row_keys() - {"n_epochs", "n_reference_scored"} for end in ("", "_low", "_high")
    }
    more = {f"n_{a}_{b}" for a in STAGES for b in STAGES}
    more |= {f"{side}_{name}" for side in ("reference", "scored") for name in STATISTICS}
    assert set(table[0]) == set(rows.COLUMNS) == promised | figures | more
    levels = [row["level"] for row in table if row["scorer"] == "model"]
    assert levels == ["pooled", "group", "group", *["subject"] * 4, *["recording"] * 6]
    assert all(float(row["accuracy_low"]) <= float(row["accuracy"]) <= float(row["accuracy_high"]) for row in table[:3])


def test_epochs_have_every_scorers_stage_the_hypnodensity_and_the_disagreement(cohort: Path, tmp_path: Path) -> None:
    result = full(cohort, "--epochs", tmp_path / "epochs.csv")
    assert result.exit_code == 0, result.stderr
    with (tmp_path / "epochs.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    text = CONTRACT.read_text(encoding="utf-8").split("### `evaluate --epochs`")[1]
    assert set(re.findall(r"`(\w+)`", text.split("one column a scorer")[0])) == set(epochs_table.COLUMNS)
    assert list(table[0]) == [*epochs_table.COLUMNS, "expert", "second", "model"]
    assert len(table) == 6 * 240
    for row in table:
        differ = row["expert"] != row["second"]
        assert float(row["disagreement"]) == differ  # of the two people
        assert float(row[f"p_{row['expert']}"]) == (0.5 if differ else 1)
        assert row["consensus"] in (row["expert"], row["second"])


def test_html_is_one_page_that_needs_no_network_and_shows_every_part(cohort: Path, tmp_path: Path) -> None:
    result = full(cohort, "--html", tmp_path / "page.html")
    assert result.exit_code == 0, result.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for heading in (
        "Among each other",
        "Where they disagree",
        "Do they differ?",
        "Each stage",
        "Confusion",
        "Every recording",
        "Sleep statistics",
        "By age",
        "Where stages change",
        "Probabilities",
        "What this rests on",
    ):
        assert f"<h2>{heading}</h2>" in page
    assert "no difference shown" in page or "higher" in page
    assert "<script" not in page
    assert 'src="' not in page
    assert not re.search(r"\bnan\b", page, re.IGNORECASE)
    assert "Not a medical device" in page


def test_what_users_name_is_text_in_the_page(tmp_path: Path) -> None:
    evil = "<script>alert(1)<"
    for scorer in ("a", "b", evil):
        for i in range(2):
            csv_file(tmp_path / scorer / f"{evil}{i}.csv", night(i, n=30)[0])
    table = tmp_path / "subjects.csv"
    table.write_text(f"recording,{evil}\n{evil}0,{evil}\n{evil}1,x\n")
    result = call(
        *(tmp_path / s for s in ("a", "b", evil)), "--html", tmp_path / "p.html", "--subjects", table, "--by", evil
    )
    assert result.exit_code == 0, result.stderr
    assert "<script" not in (tmp_path / "p.html").read_text()


def test_one_bad_hypnogram_of_several_is_named_and_exit_1(cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("what is this\n" * 9)
    result = call(
        cohort / "expert" / "n0.txt", cohort / "second" / "n0_stage.txt", tmp_path / "bad.txt", tmp_path / "no.csv"
    )
    assert result.exit_code == 1
    assert "accuracy" in result.stdout
    assert any("bad.txt" in line for line in told(result))
    assert any("no.csv" in line for line in told(result))


def test_a_scorer_of_whom_nothing_can_be_read_leaves_the_comparison_of_the_others_whole(
    cohort: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.txt").write_text("W\n" * 9 + "what is this\n")
    good = cohort / "expert" / "n0.txt", cohort / "second" / "n0_stage.txt"
    alone = json.loads(call(*good, "--json").stdout)
    for files in ((*good, tmp_path / "bad.txt"), (good[0], tmp_path / "bad.txt", good[1])):
        result = call(*files, "--json", "--html", tmp_path / "a.html", "--epochs", tmp_path / "a.csv")
        assert result.exit_code == 1
        assert any("bad.txt" in line for line in told(result))
        found = json.loads(result.stdout)
        assert found.pop("failures")
        assert found == {key: value for key, value in alone.items() if key != "failures"}
        assert (tmp_path / "a.csv").read_text().splitlines()[0].endswith("n0.txt,n0_stage.txt")


def test_nothing_readable_of_any_scorer_is_told_and_no_figure_is_printed(cohort: Path, tmp_path: Path) -> None:
    for i in range(6):
        (tmp_path / "bad").mkdir(exist_ok=True)
        (tmp_path / "bad" / f"n{i}.txt").write_text("W\n" * 9 + "what is this\n")
    result = call(cohort / "expert", tmp_path / "bad", "--json", "--html", tmp_path / "a.html")
    assert result.exit_code == 1
    assert len(told(result)) == 7
    found = json.loads(result.stdout)
    assert (found["scorers"], found["several_scorers"]) == ([], None)


@pytest.mark.parametrize("bad", ["reference", "scorer"])
@pytest.mark.parametrize("fault", ["missing", "no hypnogram"])
def test_the_only_hypnogram_of_a_side_being_bad_is_one_line_and_exit_2(
    cohort: Path, tmp_path: Path, bad: str, fault: str
) -> None:
    good, broken = cohort / "expert" / "n0.txt", tmp_path / "broken.txt"
    if fault == "no hypnogram":
        broken.write_text("what is this\n" * 9)
    result = call(*((broken, good) if bad == "reference" else (good, broken)))
    assert result.exit_code == 2
    (line,) = told(result)
    assert "broken.txt" in line
    assert result.stdout == ""


def test_a_bad_reference_of_several_scorers_is_exit_2(cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.txt").write_text("what is this\n" * 9)
    others = (cohort / "expert" / "n0.txt", cohort / "second" / "n0_stage.txt")
    assert call(tmp_path / "broken.txt", *others).exit_code == 2


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (("--by", "age"), "--subjects"),
        (("--subjects", "{cohort}/subjects.csv", "--by", "height"), "height"),
        (("--subjects", "{cohort}/none.csv"), "none.csv"),
        (("--machine", "nobody"), "nobody"),
        (("--codes", "mine"), "mine"),
        (("--csv", "{cohort}/expert/n0.txt"), "n0.txt"),
    ],
)
def test_a_wrong_option_is_exit_2_and_says_which(cohort: Path, more: tuple[str, ...], word: str) -> None:
    result = call(cohort / "expert", cohort / "second", *(one.format(cohort=cohort) for one in more))
    assert result.exit_code == 2
    assert word in told(result)[0]
    assert (cohort / "expert" / "n0.txt").read_text().startswith(("W", "N", "R"))


def test_folders_that_share_no_recording_are_exit_2(cohort: Path, tmp_path: Path) -> None:
    text_file(tmp_path / "other" / "someone.txt", [0, 1, 2])
    result = call(cohort / "expert", tmp_path / "other")
    assert result.exit_code == 2
    assert "someone" in told(result)[0]
