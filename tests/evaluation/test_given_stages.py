"""What `evaluate` takes from Python: whatever holds stages, and words where something does not."""

import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

import mc2sleepnet as mc2
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.formats import read_scored_hypnogram, write_hypnogram
from mc2sleepnet.scoring.night import ScoredNight

NAMES = ["W", "N1", "N2", "N3", "R", "N2", "UNS", "N2"]
CODES = [0, 1, 2, 3, 4, 2, -1, 2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "expert.txt"
    write_hypnogram(Hypnogram(stage=np.array(CODES)), written, "text")
    return written


@pytest.mark.parametrize(
    "given",
    [
        NAMES,
        tuple(NAMES),
        np.array(NAMES),
        CODES,
        np.array(CODES, float),
        [float(code) for code in CODES],
        [0, 1, 2, 3, 4, 2, -2, 2],
        ["WAKE", "N1", "N2", "N3", "REM", "N2", "ART", "N2"],
        np.ma.masked_equal([0, 1, 2, 3, 4, 2, -9, 2], -9),
        np.ma.array([*NAMES[:6], "W", "N2"], mask=[0, 0, 0, 0, 0, 0, 1, 0]),
        [NAMES],
        [np.array(CODES)],
    ],
)
def test_stages_may_be_given_in_many_ways_beside_a_path_and_beside_stages(given: object, path: Path) -> None:
    for found in (mc2.evaluate(path, given), mc2.evaluate(given, path), mc2.evaluate([path], given)):
        assert (found.accuracy, found.coverage) == (1, 1)
        assert found.confusion.sum() == 7


def test_what_is_masked_is_not_compared() -> None:
    reference = np.ma.array([0, 0, 1, 2, 3, 4], mask=[1, 1, 0, 0, 0, 0])
    found = mc2.evaluate(reference, [2, 2, 1, 2, 3, 4])
    assert (found.accuracy, found.confusion.sum()) == (1, 4)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (["W", "N1", "S9"], "unknown stage 'S9'"),
        (["W", None, "N1"], "unknown stage 'None'"),
        ([0.0, float("nan")], "whole numbers from -1 to 4"),
        ([0.0, 0.5], "whole numbers from -1 to 4"),
        ([0, 5], "whole numbers from -1 to 4"),
        (np.zeros((2, 3)), "2 dimensions"),
        (["nothing.csv"], "nothing.csv: no such file"),
    ],
)
def test_the_entry_at_fault_is_told(given: object, fault: str, path: Path) -> None:
    with pytest.raises(InputError, match=fault):
        mc2.evaluate(path, given)
    with pytest.raises(InputError, match=fault):
        mc2.evaluate(given, [path])


def test_folders_called_like_stages_are_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("expert", "R", "W"):
        (tmp_path / name).mkdir()
        write_hypnogram(Hypnogram(stage=np.array(CODES)), tmp_path / name / "night.txt", "text")
    assert [scorer.label for scorer in mc2.evaluate("expert", ["R", "W"]).scorers] == ["R", "W"]


def test_yasas_hypnogram_is_one() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yasa = pytest.importorskip("yasa")
    names = ["WAKE", "N1", "N2", "N3", "REM", "N2", "ART", "UNS"]
    start = datetime(2024, 3, 1, 22, 0)
    given = yasa.Hypnogram(names, n_stages=5, freq="30s", start=start, scorer="her")
    found = mc2.evaluate(Hypnogram(stage=np.array([0, *CODES[:6]]), start=datetime(2024, 3, 1, 21, 59, 30)), given)
    assert (found.accuracy, found.confusion.sum()) == (1, 6)
    assert found.first.label == "her"
    with pytest.raises(InputError, match="has epochs of 10 s"):
        mc2.evaluate(CODES, yasa.Hypnogram(names, n_stages=5, freq="10s"))
    with pytest.raises(InputError, match="unknown stage 'SLEEP'"):
        mc2.evaluate(CODES, yasa.Hypnogram(["WAKE", "SLEEP"], n_stages=2, freq="30s"))


def test_a_night_is_the_same_to_evaluate_after_a_way_through_yasa_and_mne(night: ScoredNight) -> None:
    direct = mc2.evaluate(night.hypnogram, night)
    assert mc2.evaluate(night.hypnogram, night.to_mne()).confusion.tolist() == direct.confusion.tolist()
    of_yasa = mc2.evaluate(night.hypnogram, night.to_yasa())
    assert of_yasa.confusion.tolist() == direct.confusion.tolist()
    ours, theirs = (one.to_json()["scorers"][0]["probabilities"]["brier"] for one in (direct, of_yasa))
    assert theirs == pytest.approx(ours, abs=1e-4)


@pytest.fixture
def night(model_dir: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    from edf_files import noise_uv, signal, write_edf

    pytest.importorskip("mne")
    pytest.importorskip("yasa")
    return mc2.score(write_edf(tmp_path / "n.edf", [signal(noise_uv(615, 100), 100, "C4-M1")]), model=model_dir)


def test_annotations_of_other_things_are_ignored_and_without_stages_refused() -> None:
    mne = pytest.importorskip("mne")
    given = mne.Annotations([0, 30, 45, 60], [30, 30, 3, 60], ["Sleep stage W", "Sleep stage 1", "arousal", "N2"])
    assert mc2.evaluate([0, 1, 2, 2], given).confusion.sum() == 4
    with pytest.raises(InputError, match="annotations: it has no sleep stages"):
        mc2.evaluate([0, 1], mne.Annotations([0], [3], ["arousal"]))


def test_what_yasa_writes_as_json_is_read_with_its_probabilities(night: ScoredNight, tmp_path: Path) -> None:
    night.to_yasa().to_json(tmp_path / "y.json")
    read = read_scored_hypnogram(tmp_path / "y.json")
    assert read.hypnogram.stage.tolist() == night.hypnogram.stage.tolist()
    assert (read.hypnogram.start, read.scorer) == (night.hypnogram.start, "mc2sleepnet")
    assert read.hypnodensity is not None
    np.testing.assert_allclose(read.hypnodensity, night.hypnodensity, atol=1e-5)
    (tmp_path / "y.json").write_text((tmp_path / "y.json").read_text().replace("30s", "10s"))
    with pytest.raises(InputError, match="not one of 30-s epochs"):
        read_scored_hypnogram(tmp_path / "y.json")


@pytest.mark.parametrize("subjects", [np.array(["a", "b"]), ("a", "b"), (name for name in "ab")])
def test_subjects_may_be_any_sequence(subjects: object) -> None:
    found = mc2.evaluate([NAMES, NAMES], [NAMES, NAMES], subjects=subjects)  # type: ignore[arg-type]
    assert [row["subject"] for row in found.to_json()["scorers"][0]["subjects"]] == ["a", "b"]


def test_what_would_be_passed_over_or_end_in_a_traceback_is_refused(tmp_path: Path, path: Path) -> None:
    np.savez(tmp_path / "a.npz", night=np.array([CODES, CODES]))
    for words, fault in (
        ({"by": "sex"}, "by: nights in memory have no table"),
        ({"seed": -1}, "seed: -1 is no whole number"),
        ({"seed": None}, "seed: None is no whole number"),
        ({"subjects": 3}, "subjects: a int is no list"),
    ):
        with pytest.raises(InputError, match=fault):
            mc2.evaluate(NAMES, NAMES, **words)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"a\.npz: holds arrays of several scorers"):
        mc2.evaluate(str(tmp_path / "a.npz"), NAMES)
    with pytest.raises(InputError, match="is a folder, where one night is wanted"):
        mc2.evaluate([tmp_path], [NAMES])
    with pytest.raises(InputError, match=r"subjects="):
        mc2.evaluate(path, path, by=["sex"])


def test_a_column_is_named_in_a_list_as_it_is_alone(tmp_path: Path) -> None:
    table = tmp_path / "events.tsv"
    rows = [
        f"{30 * i}\t30\t{human}\t{machine}" for i, (human, machine) in enumerate(zip(NAMES, ["W"] * 8, strict=True))
    ]
    table.write_text("\n".join(["onset\tduration\tstage_hum\tstage_ai", *(row.replace("UNS", "n/a") for row in rows)]))
    alone = mc2.evaluate(f"{table}:stage_hum", f"{table}:stage_ai")
    listed = mc2.evaluate([f"{table}:stage_hum"], [f"{table}:stage_ai"])
    assert listed.confusion.tolist() == alone.confusion.tolist()
    assert listed.accuracy == pytest.approx(1 / 7)
