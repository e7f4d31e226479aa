"""A whole corpus beside its published totals, on recordings that hold nothing but names and stages."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mc2sleepnet.corpora.protocols import protocol_of
from mc2sleepnet.corpora.sleep_edf import nights_of
from mc2sleepnet.corpora.summary import Summary
from mc2sleepnet.store import StoredRecording

PUBLISHED = {"W": 65_951, "1": 21_522, "2": 69_132, "3": 13_039, "R": 25_835}


def recording(name: str, stage: str) -> StoredRecording:
    return StoredRecording(
        name=name,
        subject=str(int(name[3:5])),
        night=int(name[5]),
        n_epochs=len(stage),
        scale_uv=1.0,
        n_clipped=0,
        stage=stage,
        is_readable="1" * len(stage),
        start="",
        source_sha256="",
        hypnogram_sha256="",
        signal_sha256="",
        channel="EEG Fpz-Cz",
        protocol={},
        is_synthetic=True,
        findings=(),
    )


def corpus(counts: dict[str, int], nights: Sequence[str] | None = None, name: str = "sleep-edf-78", **options: str):
    """A summary of recordings among which some stages are shared out."""
    nights = sorted(nights_of(name)) if nights is None else nights
    letters = np.array(list("".join(letter * count for letter, count in counts.items())))
    parts = ["".join(letters[place :: len(nights)]) for place in range(len(nights))]
    recordings = tuple(recording(f"{night}E0", part) for night, part in zip(nights, parts, strict=True))
    return Summary(
        protocol=protocol_of(name, **options), store_dir=Path("store"), recordings=recordings, n_already_there=0
    )


def test_the_published_nights_are_153_of_78_subjects_and_39_of_20():
    assert len(nights_of("sleep-edf-78")) == 153
    assert len({night[3:5] for night in nights_of("sleep-edf-78")}) == 78
    assert len(nights_of("sleep-edf-20")) == 39
    assert {"SC4131", "SC4362", "SC4522"} <= nights_of("sleep-edf-78")
    assert not {"SC4132", "SC4361", "SC4521", "SC4391"} & nights_of("sleep-edf-78")


def test_every_real_hypnogram_is_of_a_published_night(real_data):
    paths = (real_data / "sleep-edf" / "hypnograms").rglob("SC4*.edf")
    assert {path.name[:6] for path in paths} <= nights_of("sleep-edf-20")


def test_a_whole_corpus_with_the_published_total_says_so():
    text = corpus({**PUBLISHED, "?": 300}).to_text()
    assert "153 recordings of 78 subjects, synthetic data" in text
    assert "the total is the published one: 195,479 scored epochs" in text


def test_the_other_limits_have_their_own_total():
    found = corpus({**PUBLISHED, "W": 69_824}, trim_limits="any_non_wake")
    assert "the total is the published one: 199,352 scored epochs" in found.to_text()
    assert found.to_json()["expected"]["epochs_per_stage"]["W"] == 69_824


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"W": 65_950}, "195,478, -1 (W -1  N1 +0  N2 +0  N3 +0  R +0)"),
        ({"W": 65_952, "R": 25_834}, "195,479, +0 (W +1  N1 +0  N2 +0  N3 +0  R -1)"),
    ],
)
def test_a_whole_corpus_with_another_total_says_by_which_stages(changed, words):
    assert f"the total is NOT the published one: {words}" in corpus({**PUBLISHED, **changed}).to_text()


def test_a_part_of_the_corpus_names_who_is_absent_and_compares_no_total():
    nights = sorted(nights_of("sleep-edf-78") - {"SC4012", "SC4822"})
    found = corpus(PUBLISHED, nights)
    assert found.absent == ("SC4012", "SC4822")
    assert "2 of these recordings are not here: SC4012, SC4822" in found.to_text()
    assert "the total is" not in found.to_text()


def test_recordings_that_were_never_published_are_named():
    found = corpus(PUBLISHED, [*sorted(nights_of("sleep-edf-78")), "SC4391"])
    assert found.unexpected == ("SC4391E0",)
    assert "not of the published corpus: SC4391E0" in found.to_text()


def test_sleep_edf_20_is_compared_with_the_figure_usually_printed_without_a_verdict():
    text = corpus({"W": 8_000, "2": 34_300}, name="sleep-edf-20").to_text()
    assert "expects 39 recordings of 20 subjects and 42,308 scored epochs" in text
    assert "scored epochs here: 42,300, -8 beside the figure usually printed" in text
