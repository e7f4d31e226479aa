"""`prepare` into a folder that holds a store, or something else: what was finished stays so until it is replaced."""

import json
import unicodedata
from pathlib import Path

import pytest

from corpus_files import write_recording
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora import folds_of
from mc2sleepnet.corpora.folder import FolderLayout
from mc2sleepnet.corpora.prepare import PrepareOptions, prepare
from mc2sleepnet.corpora.summary import SomeNotPreparedError, Summary
from mc2sleepnet.store import Store

STAGES = "W\nN1\nN2\nN3\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four people, a night each."""
    folder = tmp_path / "nights"
    for name in "abcd":
        write_pair(folder, name)
    return folder


def write_pair(folder: Path, name: str) -> None:
    write_recording(folder / f"{name}.edf", {"EEG C4-M1": 100, "EEG C3-M2": 100}, 4, seed=ord(name[0]))
    (folder / f"{name}.txt").write_text(STAGES)


def split_file(folder: Path, **sides: list[str]) -> Path:
    path = folder / "split.json"
    path.write_text(json.dumps(sides))
    return path


def prepared(source: Path, **options: object) -> Summary:
    return prepare("folder", source, source.parent / "store", options=PrepareOptions(**options))  # type: ignore[arg-type]


def files_of(source: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (source.parent / "store").iterdir() if path.suffix == ".json"}


def test_a_call_that_goes_wrong_leaves_a_finished_store_finished(source: Path, tmp_path: Path) -> None:
    prepared(source)
    before = files_of(source)
    with pytest.raises(InputError, match="4 of 4 recordings cannot be used"):
        prepared(source, channels=("NOPE",))
    assert files_of(source) == before
    with pytest.raises(InputError, match="none of its 1 train members is in the store"):
        prepared(source, split=split_file(tmp_path, train=["x"], validation=["b"], test=["c"]))
    assert files_of(source) == before
    assert len(Store.open(tmp_path / "store").recordings) == 4


def test_an_index_that_no_longer_holds_is_no_finished_store(source: Path, tmp_path: Path) -> None:
    """Three recordings are prepared anew, from another channel, before the split turns out to be wrong."""
    prepared(source)
    bad = split_file(tmp_path, train=["x"], validation=["b"], test=["c"])
    with pytest.raises(InputError, match="none of its 1 train members is in the store"):
        prepared(source, channels=("EEG C3-M2",), split=bad)
    with pytest.raises(InputError, match="is no finished store"):
        Store.open(tmp_path / "store")
    assert prepared(source, channels=("EEG C3-M2",)).n_already_there == 4
    assert {recording.channel for recording in Store.open(tmp_path / "store").recordings} == {"EEG C3-M2"}


def test_a_split_from_a_file_stays_until_another_is_given(source: Path, tmp_path: Path) -> None:
    prepared(source, split=split_file(tmp_path, train=["a"], validation=["b"], test=["c", "d"]))
    write_pair(source, "e")
    again = prepared(source)
    assert "the split stays the one from split.json; --split FILE gives another" in again.remarks
    assert "1 subjects of the store are on no side of it, such as 'e'" in again.remarks
    (fold,) = folds_of(Store.open(tmp_path / "store"))
    assert (fold.train, fold.validation, fold.test) == (("a",), ("b",), ("c", "d"))
    subjects = tmp_path / "subjects.csv"
    subjects.write_text("recording,subject\n" + "".join(f"{name},p{name}\n" for name in "abcde"))
    with pytest.raises(InputError, match=r"the split from split\.json has no train subject in the store any more"):
        prepared(source, layout=FolderLayout(subjects=subjects))


@pytest.mark.parametrize("name", ["index.json", "folds.json"])
@pytest.mark.parametrize("content", ['{"version": 1, "pages": []}', "<html>"])
def test_a_file_of_somebody_elses_is_not_replaced(source: Path, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / name).write_text(content)
    with pytest.raises(InputError, match=rf"{name}: was not written by `prepare`\. Use another --store"):
        prepared(source)
    assert (tmp_path / "store" / name).read_text() == content


def test_every_recording_has_its_remedy(source: Path) -> None:
    with pytest.raises(InputError) as raised:
        prepared(source, channels=("NOPE",))
    assert raised.value.fault.count("Choose from") == 4


def test_two_hypnograms_that_differ_are_not_chosen_between(source: Path) -> None:
    (source / "a_hypnogram.csv").write_text("epoch,stage\n0,W\n1,N1\n2,N2\n3,R\n")
    (source / "b_hypnogram.csv").write_text("epoch,stage\n0,W\n1,N1\n2,N2\n3,N3\n")
    (source / "c.json").write_text("{}")
    with pytest.raises(SomeNotPreparedError) as raised:
        prepared(source)
    told = r"a.edf: has 2 hypnograms that differ, a_hypnogram.csv and a.txt. Keep one of the two"
    assert told in str(raised.value)
    assert [recording.name for recording in raised.value.summary.recordings] == ["b", "c", "d"]


def test_one_name_in_two_spellings_of_its_accents_is_one_person(source: Path, tmp_path: Path) -> None:
    apart = unicodedata.normalize("NFD", "josé")
    for name in ("josé_night1", f"{apart}_night2"):
        write_pair(source, name)
    summary = prepared(source)
    assert [(one.name, one.subject, one.night) for one in summary.recordings[-2:]] == [
        ("josé_night1", "josé", 1),
        ("josé_night2", "josé", 2),
    ]
    subjects = tmp_path / "subjects.csv"
    rows = [f"{name},{name}" for name in "abcd"] + ["josé_night1,josé", f"{apart}_night2,{apart}"]
    subjects.write_text("recording,subject\n" + "\n".join(rows))
    assert {one.subject for one in prepared(source, layout=FolderLayout(subjects=subjects)).recordings} == {
        *"abcd",
        "josé",
    }
