import json
from types import SimpleNamespace

import pytest

from corpus_files import write_shhs
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora import folds_of
from mc2sleepnet.corpora.folds import seeded_folds
from mc2sleepnet.corpora.prepare import PrepareOptions, prepare
from mc2sleepnet.corpora.splits import read_split, shhs_fold
from mc2sleepnet.store import Store

STAGES = [0, 1, 2, 3, 5]


def sizes(fold):
    return [len(fold.sides[side]) for side in ("train", "validation", "test")]


def identifiers(n):
    return [str(200001 + i) for i in range(n)]


@pytest.mark.parametrize(("n", "expected"), [(5793, [3955, 100, 1738]), (5463, [3724, 100, 1639]), (20, [12, 2, 6])])
def test_the_split_of_shhs_has_the_published_sizes(n, expected):
    fold = shhs_fold(identifiers(n), seed=42)
    assert sizes(fold) == expected
    assert shhs_fold(identifiers(n)[::-1], seed=42).manifest_hash == fold.manifest_hash
    assert shhs_fold(identifiers(n), seed=43).manifest_hash != fold.manifest_hash


def test_the_split_of_a_whole_shhs_never_changes():
    # A change of these letters is a change of everybody's test set.
    assert shhs_fold(identifiers(5793), seed=42).manifest_hash[:12] == "9f5347745b25"


def test_seeded_folds_test_everybody_once_and_never_on_two_sides():
    folds = seeded_folds(identifiers(23), n_folds=10, seed=1)
    assert sorted(subject for fold in folds for subject in fold.test) == identifiers(23)
    assert all(sum(sizes(fold)) == 23 for fold in folds)
    with pytest.raises(InputError, match="2 subjects cannot be cut"):
        seeded_folds(identifiers(2), n_folds=3, seed=1)


def recordings(*subjects):
    return [SimpleNamespace(name=f"shhs1-{subject}", subject=subject) for subject in subjects]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"train": [200001, 200004], "validation": ["shhs1-200002"], "test": ["shhs1-200003.edf"]}),
        "subject,side\n200001,train\n200002,validation\n200003,Test\n200004,train\n",
        "side\trecording\ntrain\tshhs1-200001\nvalidation\tSHHS1-200002\ntest\tshhs1-200003\ntrain\tshhs1-200004.EDF\n",
    ],
)
def test_a_split_is_read_from_json_or_a_table(tmp_path, text):
    path = tmp_path / "split"
    path.write_text(text)
    fold, remarks = read_split(path, recordings("200001", "200002", "200003", "200004"))
    assert (fold.train, fold.validation, fold.test) == (("200001", "200004"), ("200002",), ("200003",))
    assert remarks == ()


def test_members_that_are_nowhere_are_told(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text("subject,side\n1,train\n2,validation\n3,test\n9,test\n")
    fold, remarks = read_split(path, recordings("1", "2", "3", "4"))
    assert fold.test == ("3",)
    assert "1 members are not in the store, such as '9'" in remarks[0]
    assert "1 subjects of the store are on no side, such as '4'" in remarks[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subject,side\n1,train\n1,test\n2,validation\n", "subject '1' is in train and in test"),
        ("subject,side\n1,train\n2,validation\n", "none of its 0 test members is in the store"),
        ("subject,side\n1,training\n", "line 2: 'training' is no side"),
        ("subject;side\n1;train\n", "has no columns"),
        ('{"train": ["1"]}', "lacks one of the lists"),
        ('{"train": [', "is no JSON"),
    ],
)
def test_a_split_that_cannot_be_used_is_refused_with_its_file(tmp_path, text, words):
    path = tmp_path / "split.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as raised:
        read_split(path, recordings("1", "2", "3"))
    assert raised.value.where == str(path)


@pytest.fixture
def source(tmp_path):
    for number in range(200001, 200006):
        write_shhs(tmp_path / "shhs", number, stages=STAGES)
    return tmp_path / "shhs"


def test_a_split_file_becomes_the_stores_manifest(source, tmp_path):
    path = tmp_path / "published.json"
    members = {"train": ["200001", "200002"], "validation": ["200003"], "test": ["200004"]}
    path.write_text(json.dumps(members))
    summary = prepare("shhs", source, tmp_path / "store", options=PrepareOptions(split=path))
    (fold,) = folds_of(Store.open(tmp_path / "store"))
    assert {side: list(subjects) for side, subjects in fold.sides.items()} == members
    assert "200005" in summary.to_text()
    with pytest.raises(InputError, match="sleep-edf-78 has published folds"):
        prepare("sleep-edf-78", source, tmp_path / "other", options=PrepareOptions(split=path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no such file"),
        ('{"train": ["1"]}', "lacks one of the lists"),
        ('{"train": [', "is no JSON"),
        ("subject;side\n1;train\n", "has no columns"),
        ("subject,side\n1,training\n", "line 2: 'training' is no side"),
        pytest.param('subject,side\n"' + 70_000 * "1\n", "is no table", id="a quote that never closes"),
        ("subject,side\n1,train\n2,validation\n", "names no test members"),
        ("subject,side\n1,train\nX.edf,test\n2,validation\nx,validation\n", "'x' is in validation and in test"),
    ],
)
def test_a_split_file_that_no_store_could_have_is_refused_before_anything_is_read(source, tmp_path, text, words):
    path = tmp_path / "split.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=words) as raised:
        prepare("shhs", source, tmp_path / "store", options=PrepareOptions(split=path))
    assert raised.value.where == str(path)
    assert not (tmp_path / "store").exists()
    with pytest.raises(InputError, match=words):
        prepare("shhs", tmp_path / "nowhere", tmp_path / "store", options=PrepareOptions(split=path))


def test_a_member_that_is_named_twice_on_its_side_is_no_mistake(source, tmp_path):
    path = tmp_path / "split.csv"
    path.write_text(
        "recording,side\nshhs1-200001,train\nshhs1-200001.edf,train\nshhs1-200002,validation\nshhs1-200003,test\n"
    )
    summary = prepare("shhs", source, tmp_path / "store", options=PrepareOptions(split=path))
    assert summary.folds[0].train == ("200001",)


def test_a_negative_seed_is_refused_before_anything_is_read(source, tmp_path):
    for corpus in ("shhs", "folder", "sleep-edf-78"):
        with pytest.raises(InputError, match=r"^seed: -1 is negative\. Give a seed of 0 or more\.$"):
            prepare(corpus, source, tmp_path / "store", options=PrepareOptions(seed=-1))
    assert not (tmp_path / "store").exists()


def test_another_seed_draws_another_split_without_preparing_again(source, tmp_path):
    first = prepare("shhs", source, tmp_path / "store")
    second = prepare("shhs", source, tmp_path / "store", options=PrepareOptions(seed=7))
    assert second.n_already_there == 5
    assert second.folds[0].name == "shhs seed 7"
    assert first.folds[0].manifest_hash != second.folds[0].manifest_hash
    assert folds_of(Store.open(tmp_path / "store")) == second.folds


def test_a_manifest_that_was_changed_is_refused(source, tmp_path):
    prepare("shhs", source, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    path = tmp_path / "store" / "folds.json"
    whole = json.loads(path.read_text())
    fold = whole["folds"][0]
    harms = {
        "not those its hash is of": {**fold, "train": [*fold["train"], "200099"]},
        "is in train and in test": {**fold, "train": [*fold["train"], fold["test"][0]]},
        "is damaged": {"name": fold["name"]},
    }
    for words, harmed in harms.items():
        path.write_text(json.dumps({**whole, "folds": [harmed]}))
        with pytest.raises(InputError, match=words) as raised:
            folds_of(store)
        assert raised.value.where == str(path)
    path.unlink()
    with pytest.raises(InputError, match=r"has no folds\.json"):
        folds_of(store)


def test_too_few_subjects_for_a_split_are_prepared_all_the_same(tmp_path):
    write_shhs(tmp_path / "shhs", 200001, stages=STAGES)
    summary = prepare("shhs", tmp_path / "shhs", tmp_path / "store")
    assert "1 subjects are too few for a split" in summary.to_text()
    with pytest.raises(InputError, match="holds 1 subject: to train, validate and test at least three are needed"):
        folds_of(Store.open(tmp_path / "store"))
