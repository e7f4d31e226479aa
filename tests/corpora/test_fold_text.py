import pytest

from corpus_files import write_shhs
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora import sleep_edf_78_fold
from mc2sleepnet.corpora.fold_text import describe_folds
from mc2sleepnet.corpora.prepare import prepare


def test_the_published_folds_are_printed_with_their_hashes():
    content, text = describe_folds("sleep-edf-78", None)
    assert [fold["hash"] for fold in content] == [sleep_edf_78_fold(k).manifest_hash for k in range(1, 11)]
    assert content[0]["test"] == ("0", "1", "2", "3", "4", "5", "6", "7")
    assert all(fold["hash"][:12] in text for fold in content)
    assert len(describe_folds("sleep-edf-20", None)[0]) == 20


def test_shhs_without_a_store_is_a_rule_and_with_one_a_list(tmp_path):
    content, text = describe_folds("shhs", None)
    assert "3,955 / 100 / 1,738" in text
    assert "not the published members" in text
    assert "train" not in content[0]
    for number in range(200001, 200005):
        write_shhs(tmp_path / "shhs", number, stages=[0, 2])
    summary = prepare("shhs", tmp_path / "shhs", tmp_path / "store")
    content, text = describe_folds("shhs", tmp_path / "store")
    assert [fold["hash"] for fold in content] == [summary.folds[0].manifest_hash]
    assert "not the published members" in text
    with pytest.raises(InputError, match="is a store of shhs, not of folder"):
        describe_folds("folder", tmp_path / "store")


def test_what_has_no_folds_is_refused():
    with pytest.raises(InputError, match="--store DIR"):
        describe_folds("folder", None)
    with pytest.raises(InputError, match="Choose from sleep-edf-78, sleep-edf-20"):
        describe_folds("sleep-edf-79", None)
