"""Real nights by several real scorers: the published agreements come out, through the library and from files."""

import json

import numpy as np
import pytest

from hypnogram_files import text_file
from mc2sleepnet.evaluation.evaluate import evaluate_paths


@pytest.fixture(scope="module")
def five_scorers(real_data, tmp_path_factory):
    """Both cohorts in their authors' layout: a folder a scorer, a file a night; every scorer in another dialect."""
    folder = tmp_path_factory.mktemp("dod")
    nights = np.load(real_data / "dod" / "dod_5scorers.npz")
    for name in nights.files:
        cohort = name.split("_")[0]
        for scorer, stage in enumerate(nights[name].astype(np.int8), start=1):
            place = folder / cohort / f"scorer_{scorer}" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if scorer % 2:
                place.with_suffix(".json").write_text(json.dumps(stage.tolist()))
            else:
                text_file(place.with_suffix(".txt"), stage)
    return folder


@pytest.mark.parametrize(("cohort", "n_nights", "agreement"), [("dodh", 25, 0.792), ("dodo", 55, 0.776)])
def test_mean_pairwise_agreement_of_five_scorers_from_files(five_scorers, cohort, n_nights, agreement):
    scorers = [str(five_scorers / cohort / f"scorer_{i}") for i in range(1, 6)]
    found, _ = evaluate_paths(scorers[0], scorers[1:])
    assert len(found.nights) == n_nights
    assert found.failures == ()
    assert round(float(found.several.mean_pairwise), 3) == agreement
    low, high = found.several.mean_pairwise.interval
    assert low < agreement < high
    assert found.several.is_panel.all()


def test_both_cohorts_at_once_from_one_file_of_arrays(real_data, tmp_path):
    path = real_data / "dod" / "dod_5scorers.npz"
    table = tmp_path / "cohorts.csv"
    table.write_text("recording,cohort\n" + "".join(f"{name},{name[:4]}\n" for name in np.load(path).files))
    found, _ = evaluate_paths(str(path), subjects_table=table, by=["cohort"])
    groups = found.several_groups["cohort"]
    assert {name: round(float(one.mean_pairwise), 3) for name, one in groups.items()} == {"dodh": 0.792, "dodo": 0.776}
    # A published framework puts these scorers' mean soft agreement near 0.9; every one lies between the pairwise
    # agreement and 1, and nobody is far from the others.
    assert (groups["dodh"].soft_agreement.value > 0.8).all()
    assert sorted(found.several.place.tolist()) == [1, 2, 3, 4, 5]


def test_human_and_machine_of_boas_from_one_file_a_night(real_data):
    folder = real_data / "boas"
    found, _ = evaluate_paths(str(folder), subjects_table=folder / "participants.tsv", by=["sex"])
    assert found.labels == ("stage_hum", "stage_ai")
    assert len(found.nights) == 128
    assert round(found.accuracy, 3) == 0.871
    assert round(float(found.first.pooled.mean_accuracy), 3) == 0.871
    assert found.first.pooled.n_subjects < 128  # some people came twice
    low, high = found.intervals["accuracy"]
    assert low < 0.871 < high
