import json
from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mc2sleepnet as mc2
from hypnogram_files import START, csv_file, hypnogram, night, text_file
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.evaluation.evaluate import evaluate_paths
from mc2sleepnet.evaluation.pairing import pair
from mc2sleepnet.formats import ScoredHypnogram, write_hypnogram

REFERENCE = [0, 0, 1, 2, 2, -1, 3, 4]
SCORED = [0, 1, 1, 2, 2, 2, -1, 4]


def cohort(folder, n=6, layout="{name}/hypnogram.csv", seed=0, wrong=0.2):
    """A folder as `score` leaves it, and the references."""
    references = {}
    for i in range(n):
        reference, scored = night(seed + i, wrong=wrong)
        csv_file(folder / layout.format(name=f"SC4{i:02d}1E0-PSG"), scored)
        references[f"SC4{i:02d}1EC"] = reference
    return references


def refer(folder, references):
    for name, stage in references.items():
        csv_file(folder / f"{name}-Hypnogram.csv", stage)
    return folder


def test_files_are_compared_over_the_epochs_both_scored(tmp_path):
    found = mc2.evaluate(csv_file(tmp_path / "a.csv", REFERENCE), csv_file(tmp_path / "b.csv", SCORED))
    assert found.nights[0].n_epochs == 8
    assert found.first.pooled.n_reference_scored == 7
    assert found.agreement.n_epochs == 6
    assert found.accuracy == pytest.approx(5 / 6)
    told = "b.csv κ 0.778, accuracy 0.833, 6 epochs (recordings: 1, subjects: 1)"
    assert repr(found) == f"<Evaluation against a.csv: {told}>"
    assert found.coverage == pytest.approx(6 / 7)
    assert found.accuracy_unscored_as_wrong == pytest.approx(5 / 7)
    assert found.nights[0].scored[0].notes == ()


def test_a_later_start_is_aligned_by_the_clock(tmp_path):
    later = csv_file(tmp_path / "b.csv", REFERENCE[2:], START + timedelta(seconds=60))
    found = mc2.evaluate(csv_file(tmp_path / "a.csv", REFERENCE), later)
    assert found.accuracy == 1
    assert found.agreement.n_epochs == 5
    assert found.nights[0].scored[0].shift_epochs == 2


@pytest.mark.parametrize(
    ("start", "note"),
    [
        (START + timedelta(seconds=15), "Epochs begin -15 s apart"),
        (START + timedelta(days=40_000), "aligned by the time of day"),
        (None, "aligned at the first epoch"),
    ],
)
def test_what_had_to_be_assumed_is_told(tmp_path, start, note):
    found = mc2.evaluate(csv_file(tmp_path / "a.csv", REFERENCE), csv_file(tmp_path / "b.csv", SCORED, start))
    assert note in found.to_text()
    assert note in json.dumps(found.to_json())


def test_a_night_across_midnight_meets_one_that_begins_after_it(tmp_path):
    before = csv_file(tmp_path / "a.csv", [0] * 10 + REFERENCE, datetime(2024, 3, 1, 23, 55))
    after = csv_file(tmp_path / "b.csv", SCORED, datetime(1985, 1, 1, 0, 0))
    assert mc2.evaluate(before, after).accuracy == pytest.approx(5 / 6)


def test_nights_without_an_epoch_that_both_sides_scored_are_an_error(tmp_path):
    with pytest.raises(InputError, match="no epoch to which both sides give a stage"):
        mc2.evaluate(["UNS", "W"], ["W", "UNS"])
    files = csv_file(tmp_path / "a.csv", [-1, 0]), csv_file(tmp_path / "b.csv", [0, -1])
    with pytest.raises(InputError, match="a stage in none of the 1 epochs"):
        mc2.evaluate(*files)


def test_a_synthetic_night_in_memory_says_so():
    hypnogram = Hypnogram(stage=np.array(SCORED, np.int8))
    night = SimpleNamespace(hypnogram=hypnogram, hypnodensity=None, is_synthetic=True)
    assert mc2.evaluate(REFERENCE, night).is_synthetic
    assert not mc2.evaluate(REFERENCE, hypnogram).is_synthetic


def test_nights_that_share_no_time_are_an_error_naming_the_file(tmp_path):
    reference = csv_file(tmp_path / "a.csv", REFERENCE)
    scored = csv_file(tmp_path / "b.csv", SCORED, START + timedelta(hours=9))
    with pytest.raises(InputError) as caught:
        mc2.evaluate(reference, scored)
    assert caught.value.where == str(scored)
    assert str(reference) in caught.value.fault


@pytest.mark.parametrize(
    ("reference", "scored"),
    [([-1, 0], [2, -1]), ([-1, -1], [2, 2]), ([2], [2]), ([2], [1]), ([0] * 9, [0] * 9), ([0, 0], [-1, -1])],
    ids=["nothing common", "empty reference", "one epoch", "one epoch wrong", "one stage", "empty scorer"],
)
def test_degenerate_nights_have_null_for_what_has_no_value_and_nothing_crashes(tmp_path, reference, scored):
    a, b = csv_file(tmp_path / "a.csv", reference), csv_file(tmp_path / "b.csv", scored)
    for others in ([b], [b, csv_file(tmp_path / "c.csv", [1, 1])]):
        found, paired = evaluate_paths(str(a), list(map(str, others)))
        text = json.dumps(found.to_json(), allow_nan=False)
        assert "nan" not in found.to_text() + found.to_csv()
        assert json.loads(text)["n_recordings"] == 1
        from mc2sleepnet.evaluation.page import evaluation_page

        assert ">nan" not in evaluation_page(found, paired).lower()


def test_folders_are_paired_by_name_whatever_their_layout(tmp_path):
    references = cohort(tmp_path / "ours")
    refer(tmp_path / "experts", references)
    found, _ = evaluate_paths(str(tmp_path / "experts"), [str(tmp_path / "ours")])
    assert len(found.nights) == 6
    assert found.subjects == tuple(f"SC4{i:02d}" for i in range(6))
    assert found.unpaired == {}
    pooled = found.first.pooled
    expected = [mc2.evaluate(tmp_path / "experts" / f"SC4{i:02d}1EC-Hypnogram.csv",
                             tmp_path / "ours" / f"SC4{i:02d}1E0-PSG" / "hypnogram.csv") for i in range(6)]  # fmt: skip
    assert_array_equal(pooled.confusion, sum(one.confusion for one in expected))
    assert_allclose(float(pooled.mean_accuracy), np.mean([one.accuracy for one in expected]))
    assert pooled.accuracy.interval[0] < float(pooled.accuracy) < pooled.accuracy.interval[1]


def test_single_files_beside_a_folder_are_nights_of_one_scorer(tmp_path):
    refer(tmp_path / "experts", cohort(tmp_path / "ours"))
    folders = sorted(str(path) for path in (tmp_path / "ours").iterdir())
    found, _ = evaluate_paths(str(tmp_path / "experts"), folders)
    assert len(found.nights) == 6
    assert [scorer.label for scorer in found.scorers] == ["ours"]


def test_recordings_without_counterpart_are_told_and_not_counted(tmp_path):
    references = cohort(tmp_path / "ours")
    references["SC4991EC"] = references.pop("SC4001EC")
    found, _ = evaluate_paths(str(refer(tmp_path / "experts", references)), [str(tmp_path / "ours")])
    assert len(found.nights) == 5
    assert found.unpaired == {"experts": ("SC4991EC",), "ours": ("SC4001E0",)}


def test_equal_names_in_different_folders_are_told_apart_by_the_folder(tmp_path):
    for lab in ("a", "b"):
        reference, scored = night(ord(lab))
        csv_file(tmp_path / "experts" / lab / "night.csv", reference)
        csv_file(tmp_path / "ours" / f"{lab}_night" / "hypnogram.csv", scored)
    found, _ = evaluate_paths(str(tmp_path / "experts"), [str(tmp_path / "ours")])
    assert {one.name for one in found.nights} == {"a_night", "b_night"}


def test_other_files_of_a_scored_night_are_no_hypnograms(tmp_path):
    refer(tmp_path / "experts", cohort(tmp_path / "ours"))
    for folder in (tmp_path / "ours").iterdir():
        for name in ("statistics.json", "provenance.json", "report.html"):
            (folder / name).write_text("{}")
    (tmp_path / "ours" / "README.txt").write_text("hello")
    found, _ = evaluate_paths(str(tmp_path / "experts"), [str(tmp_path / "ours")])
    assert found.failures == ()
    assert len(found.nights) == 6


def test_a_night_that_cannot_be_read_is_named_and_the_others_are_done(tmp_path):
    refer(tmp_path / "experts", cohort(tmp_path / "ours"))
    (tmp_path / "ours" / "SC4001E0-PSG" / "hypnogram.csv").write_text("epoch,onset_s,nonsense\n")
    (tmp_path / "experts" / "SC4011EC-Hypnogram.csv").write_text("")
    found, _ = evaluate_paths(str(tmp_path / "experts"), [str(tmp_path / "ours")])
    assert len(found.failures) == 2
    assert found.first.pooled.n_nights == 4


def test_several_scorers_stand_beside_each_other_and_a_machine_is_known_by_its_probabilities(tmp_path):
    reference, scored = night(1)
    _, other = night(1, wrong=0.3)
    experts = [text_file(tmp_path / name, stage) for name, stage in (("a.txt", reference), ("b.txt", other))]
    found, _ = evaluate_paths(str(experts[0]), [str(experts[1]), str(csv_file(tmp_path / "ours.csv", scored))])
    assert [scorer.is_machine for scorer in found.scorers] == [False, True]
    assert found.several.is_panel.tolist() == [True, True, False]
    assert len(found.systems) == 1
    assert found.systems[0].verdict("accuracy") == "no difference shown"  # one subject can show nothing
    assert "no difference shown" in found.to_text()


@pytest.mark.parametrize(
    ("dialect", "name", "provenance", "is_machine"),
    [
        ("edf", "hypnogram.edf", {"options": {"formats": ["csv", "edf"]}, "versions": {"mc2sleepnet": "0"}}, True),
        ("nsrr", "hypnogram-nsrr.xml", {"options": {"formats": ["nsrr"]}, "versions": {"mc2sleepnet": "0"}}, True),
        ("edf", "corrected.edf", {"options": {"formats": ["csv", "edf"]}, "versions": {"mc2sleepnet": "0"}}, False),
        ("edf", "hypnogram.edf", {"made": "by hand"}, False),
        ("json", "anything.json", None, True),
        ("nsrr", "anything.xml", None, True),
    ],
    ids=["edf of score", "xml of score", "another file in its folder", "another provenance", "json", "xml"],
)
def test_what_score_wrote_is_a_machine_also_without_probabilities(tmp_path, dialect, name, provenance, is_machine):
    reference, scored = night(1)
    expert = text_file(tmp_path / "expert.txt", reference)
    path = tmp_path / "ours" / name
    path.parent.mkdir()
    write_hypnogram(ScoredHypnogram(hypnogram=hypnogram(scored), scorer="mc2sleepnet"), path, dialect)
    if provenance is not None:
        (path.parent / "provenance.json").write_text(json.dumps(provenance))
    found, _ = evaluate_paths(str(expert), [str(path)])
    assert found.first.is_machine is is_machine


def test_a_scorer_who_scored_nothing_of_a_night_is_not_one_of_its_scorers(tmp_path):
    reference, scored = night(1)
    files = [csv_file(tmp_path / f"{i}.csv", one) for i, one in enumerate((reference, scored, np.full(240, -1)))]
    found, _ = evaluate_paths(str(files[0]), [str(files[1]), str(files[2])])
    assert found.several.n_epochs == 240
    assert_allclose(float(found.several.mean_pairwise), (reference == scored).mean())
    assert np.isnan(found.several.fleiss_kappa.value)  # no epoch that all three scored
    assert not np.isnan(found.several.krippendorff_alpha.value)


def test_a_night_that_only_one_scored_is_none_of_several_scorers(tmp_path):
    reference, scored = night(1)
    for name, one in (("a", scored), ("b", np.full(240, -1))):
        csv_file(tmp_path / "left" / f"{name}.csv", reference)
        csv_file(tmp_path / "right" / f"{name}.csv", one)
    found, _ = evaluate_paths(str(tmp_path / "left"), [str(tmp_path / "right")])
    assert (found.several.n_nights, found.several.n_epochs) == (1, 240)


def test_a_table_with_two_scorers_is_two_scorers_and_one_can_be_chosen(tmp_path):
    folder = tmp_path / "bids"
    folder.mkdir()
    for i in range(3):
        reference, scored = night(i)
        rows = "".join(f"{30 * e}\t30\t{m}\t{h}\n" for e, (h, m) in enumerate(zip(reference, scored, strict=True)))
        (folder / f"sub-{i}_events.tsv").write_text("onset\tduration\tstage_ai\tstage_hum\n" + rows)
    found, _ = evaluate_paths(str(folder), codes="aasm")
    assert found.labels == ("stage_hum", "stage_ai")
    assert [scorer.is_machine for scorer in found.scorers] == [True]
    chosen, _ = evaluate_paths(f"{folder}:stage_ai", [f"{folder}:stage_hum"], codes="aasm")
    assert chosen.labels == ("stage_ai", "stage_hum")
    assert_array_equal(chosen.confusion, found.confusion.T)
    twice, _ = evaluate_paths(str(folder), [str(folder)], codes="aasm")
    assert twice.labels == ("stage_hum", "stage_ai")


def test_one_scorer_alone_is_an_error_that_says_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="holds one scorer only"):
        evaluate_paths(str(csv_file(tmp_path / "a.csv", REFERENCE)))


def test_processes_give_what_one_gives(tmp_path):
    refer(tmp_path / "experts", cohort(tmp_path / "ours", n=30))
    one, _ = evaluate_paths(str(tmp_path / "experts"), [str(tmp_path / "ours")], workers=1)
    two, _ = evaluate_paths(str(tmp_path / "experts"), [str(tmp_path / "ours")], workers=2)
    assert one.to_json() == two.to_json()


def test_groups_are_pooled_by_themselves_and_persons_of_the_table_are_the_subjects(tmp_path):
    refer(tmp_path / "experts", cohort(tmp_path / "ours"))
    table = tmp_path / "subjects.csv"
    table.write_text("subject,sex,person\n0,F,p\n1,F,p\n2,M,q\n3,M,r\n4,,s\n5,M,t\n")
    found, _ = evaluate_paths(
        str(tmp_path / "experts"), [str(tmp_path / "ours")], subjects_table=table, by=["sex"], person="person"
    )
    groups = found.first.groups["sex"]
    assert [(name, one.n_nights, one.n_subjects) for name, one in groups.items()] == [("F", 2, 1), ("M", 3, 3)]
    assert found.first.pooled.n_subjects == 5
    assert np.isnan(groups["F"].accuracy.interval).all()  # one subject has no interval


def test_arrays_hypnograms_names_and_lists_of_nights_are_taken(tmp_path):
    reference, scored = night(3)
    names = np.array(["W", "N1", "N2", "N3", "R"])
    expected = mc2.evaluate(reference, scored).confusion
    for a, b in (
        (names[reference], names[scored].tolist()),
        (hypnogram(reference), hypnogram(scored)),
        (hypnogram(reference), ScoredHypnogram(hypnogram=hypnogram(scored))),
        (reference.tolist(), scored.astype(float)),
        (csv_file(tmp_path / "a.csv", reference), hypnogram(scored)),
    ):
        assert_array_equal(mc2.evaluate(a, b).confusion, expected)
    nights = [night(i) for i in range(8)]
    found = mc2.evaluate([a for a, _ in nights], [b for _, b in nights])
    low, high = found.intervals["kappa"]
    assert low < found.kappa < high
    assert set(found.f1) == set(found.recall) == {"W", "N1", "N2", "N3", "R"}
    low, high = found.intervals["f1_N2"]
    assert low < found.f1["N2"] < high
    same = mc2.evaluate([a for a, _ in nights], [b for _, b in nights], subjects=["x"] * 8)
    assert np.isnan(same.intervals["kappa"]).all()


@pytest.mark.parametrize(
    ("reference", "predicted", "fault"),
    [
        (["W", "X"], ["W", "W"], "unknown stage|no such file|X"),
        ([0, 7], [0, 0], "whole numbers"),
        (np.zeros((2, 2), int), [0, 0], "2 dimensions"),
        ([np.zeros(3, int)], [np.zeros(3, int)] * 2, "1 nights in the reference, 2 predicted"),
        ([], [], "no night|no epochs"),
    ],
)
def test_what_is_no_hypnogram_says_so(reference, predicted, fault):
    with pytest.raises(InputError, match=fault):
        mc2.evaluate(reference, predicted)


def test_a_real_night_agrees_with_itself_over_its_722_scored_epochs(real_data):
    path = real_data / "ucddb" / "ucddb022-Hypnogram.edf"
    found = mc2.evaluate(path, path)
    assert found.nights[0].n_epochs == 787
    assert found.agreement.support.tolist() == [266, 68, 213, 131, 44]
    assert found.kappa == found.coverage == 1


def test_labels_tell_scorers_apart_by_as_much_of_the_path_as_it_takes(tmp_path):
    for place in ("x/one.csv", "y/one.csv", "two.csv"):
        csv_file(tmp_path / place, REFERENCE)
    paths = [str(tmp_path / place) for place in ("two.csv", "x/one.csv", "y/one.csv")]
    assert [scorer.label for scorer in pair(paths[0], paths[1:]).scorers] == ["two.csv", "x", "y"]
    assert [scorer.label for scorer in pair(paths[0], [paths[0]]).scorers] == ["two.csv", "two.csv (2)"]
