"""What every dialect promises: what two of them can carry survives the way from one to the other, the rest is named."""

from dataclasses import replace
from datetime import datetime
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.formats import FILE_NAMES, FORMATS, ScoredHypnogram, read_scored_hypnogram, write_hypnogram
from mc2sleepnet.formats.losses import CARRIES

START = datetime(2024, 2, 29, 23, 59, 15)


@st.composite
def scored_hypnograms(draw):
    stage = np.array(draw(st.lists(st.integers(-1, 4), min_size=1, max_size=60)), dtype=np.int8)
    start = draw(st.none() | st.datetimes(datetime(1985, 1, 2), datetime(2084, 12, 30)))
    is_scored = stage != UNSCORED
    weights = np.array(draw(st.lists(st.integers(1, 99), min_size=5, max_size=5)))
    hypnodensity = np.where(is_scored[:, None], np.round(weights / weights.sum(), 5), np.nan)
    has = draw(st.booleans())
    return ScoredHypnogram(
        hypnogram=Hypnogram(stage=stage, start=start),
        hypnodensity=hypnodensity if has else None,
        confidence=hypnodensity.max(axis=1) if has else None,
        review=np.arange(len(stage)) % 3 == 0 if has else None,
        source=tuple("model" if scored else "gap" for scored in is_scored) if has else None,
        scorer=draw(st.sampled_from(["", "somebody"])),
        is_synthetic=draw(st.booleans()),
    )


def check_survivors(before, after, carried):
    assert after.hypnogram.stage.tolist() == before.hypnogram.stage.tolist()
    start = before.hypnogram.start
    if start is not None and "time" in carried:
        expected = start if "fraction" in carried else start.replace(microsecond=0)
        assert after.hypnogram.start == expected
    else:
        assert after.hypnogram.start is None
    for what in ("confidence", "review"):
        value = getattr(before, what)
        if value is not None and what in carried and (before.hypnogram.is_scored.any() or what == "review"):
            np.testing.assert_array_equal(getattr(after, what), value)
    if before.hypnodensity is not None and "probabilities" in carried and before.hypnogram.is_scored.any():
        np.testing.assert_array_equal(after.hypnodensity, before.hypnodensity)
    if before.source is not None and "source" in carried:
        assert tuple(after.source) == tuple(before.source)
    if "scorer" in carried:
        assert after.scorer == before.scorer
    if "synthetic" in carried:
        assert after.is_synthetic == before.is_synthetic


def test_the_formats_are_the_contracts():
    assert set(FORMATS) == {"csv", "edf", "bids", "luna", "nsrr", "profusion", "json", "text"}
    assert set(FILE_NAMES) == set(CARRIES) == set(FORMATS)
    assert len(set(FILE_NAMES.values())) == len(FORMATS)


@pytest.mark.parametrize("dialect", FORMATS)
@settings(max_examples=25, deadline=None)
@given(scored=scored_hypnograms())
def test_what_a_dialect_carries_survives(tmp_path_factory, dialect, scored):
    path = tmp_path_factory.mktemp("round") / FILE_NAMES[dialect]
    write_hypnogram(scored, path, dialect)
    check_survivors(scored, read_scored_hypnogram(path), CARRIES[dialect])


@settings(max_examples=6, deadline=None)
@given(scored=scored_hypnograms())
def test_what_both_of_any_two_dialects_carry_survives_the_way_between(tmp_path_factory, scored):
    folder = tmp_path_factory.mktemp("pairs")
    for first in FORMATS:
        write_hypnogram(scored, folder / f"first-{FILE_NAMES[first]}", first)
    for first, second in permutations(FORMATS, 2):
        path = folder / f"{first}-{FILE_NAMES[second]}"
        write_hypnogram(read_scored_hypnogram(folder / f"first-{FILE_NAMES[first]}"), path, second)
        check_survivors(scored, read_scored_hypnogram(path), CARRIES[first] & CARRIES[second])


@pytest.mark.parametrize("dialect", FORMATS)
@given(scored=scored_hypnograms())
@settings(max_examples=10, deadline=None)
def test_reading_back_and_writing_again_changes_no_byte(tmp_path_factory, dialect, scored):
    folder = tmp_path_factory.mktemp("again")
    write_hypnogram(scored, folder / "a", dialect)
    write_hypnogram(read_scored_hypnogram(folder / "a"), folder / "b", dialect)
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


FULL = ScoredHypnogram(
    hypnogram=Hypnogram(stage=np.array([0, -1, 3], dtype=np.int8), start=START.replace(microsecond=250_000)),
    hypnodensity=np.array([[0.6, 0.1, 0.1, 0.1, 0.1], [np.nan] * 5, [0.1, 0.1, 0.1, 0.6, 0.1]]),
    confidence=np.array([0.6, np.nan, 0.6]),
    review=np.array([True, False, False]),
    source=("model", "gap", "model"),
    scorer="somebody",
    is_synthetic=True,
)
DETAILS = ["confidence", "stage probabilities", "which epochs to review", "why epochs are unscored (source)"]


@pytest.mark.parametrize(
    ("dialect", "lost"),
    [
        ("json", []),
        ("csv", ["the scorer's name", "that the recording is synthetic"]),
        ("bids", ["the scorer's name"]),
        ("edf", [*DETAILS, "the scorer's name"]),
        ("luna", [*DETAILS, "the scorer's name"]),
        ("nsrr", ["fractions of a second of the start time", *DETAILS, "the scorer's name"]),
        ("profusion", ["the start date", "the start time", *DETAILS, "the scorer's name"]),
        (
            "text",
            ["the start date", "the start time", *DETAILS, "the scorer's name", "that the recording is synthetic"],
        ),
    ],
)
def test_what_a_dialect_cannot_carry_is_named(tmp_path, dialect, lost):
    assert list(write_hypnogram(FULL, tmp_path / "out", dialect)) == lost


def test_a_hypnogram_with_nothing_to_lose_loses_nothing(tmp_path):
    bare = Hypnogram(stage=np.array([0, 1], dtype=np.int8))
    assert {write_hypnogram(bare, tmp_path / dialect, dialect) for dialect in FORMATS} == {()}


def test_a_year_that_two_digits_cannot_say_is_named(tmp_path):
    early = replace(FULL, hypnogram=replace(FULL.hypnogram, start=datetime(1970, 1, 1, 22)))
    assert any("two digits" in what for what in write_hypnogram(early, tmp_path / "out.xml", "nsrr"))
    assert read_scored_hypnogram(tmp_path / "out.xml").hypnogram.start == datetime(1985, 1, 1, 22)


@pytest.mark.parametrize("dialect", FORMATS)
def test_a_write_that_fails_at_its_end_leaves_no_half_file(tmp_path, dialect, monkeypatch):
    def taken(temporary, out):
        # A folder that is not empty came to stand where the file should go: the rename fails at the very end.
        out.mkdir()
        (out / "keep").touch()
        return rename(temporary, out)

    rename = Path.replace
    monkeypatch.setattr(Path, "replace", taken)
    with pytest.raises(OSError, match="out"):
        write_hypnogram(FULL, tmp_path / "out", dialect)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_unknown_format_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(InputError, match=r"no format 'xls'\. Choose from csv, edf, bids, luna"):
        write_hypnogram(FULL, tmp_path / "out", "xls")


@pytest.mark.parametrize("dialect", FORMATS)
def test_no_epochs_are_refused(tmp_path, dialect):
    with pytest.raises(InputError, match="nothing to write"):
        write_hypnogram(Hypnogram(stage=np.empty(0, dtype=np.int8)), tmp_path / "out", dialect)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dialect", FORMATS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_anywhere_gives_a_hypnogram_or_one_clear_line(tmp_path_factory, dialect, data):
    path = tmp_path_factory.mktemp("damage") / "h"
    write_hypnogram(FULL, path, dialect)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content)))
        inserted = data.draw(st.binary(max_size=6) | st.sampled_from([b"\0", b"\n", b"-1", b"1e9", b"9" * 30, b"nan"]))
        cut = data.draw(st.integers(0, 8))
        content[place : place + cut] = inserted
    path.write_bytes(content)
    message = ""
    try:
        read = read_scored_hypnogram(path)
        assert len(read.hypnogram) > 0
        # Whatever is read can be written in every dialect that holds its year.
        write_hypnogram(read, path.with_suffix(".json"), "json")
    except InputError as error:
        message = str(error)
    assert "\n" not in message


SEEDS = [
    b"<PSGAnnotation>",
    b"onset\tduration\tstage\n",
    b"class\tstart\tstop\nN1\t",
    b"Epoch,Stage\n0,",
    b'{"stages": [',
    b"W\nN1\n",
]


@settings(max_examples=300, deadline=None)
@example(seed=b"", content=b",")
@given(seed=st.sampled_from([b"", *SEEDS]), content=st.binary(max_size=80) | st.text(max_size=60).map(str.encode))
def test_any_bytes_give_a_hypnogram_or_one_clear_line(tmp_path_factory, seed, content):
    path = tmp_path_factory.mktemp("bytes") / "h"
    path.write_bytes(seed + content)
    message = ""
    try:
        assert len(read_scored_hypnogram(path).hypnogram) > 0
    except InputError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize("dialect", FORMATS)
def test_real_sleep_edf_nights_survive_every_dialect(real_data, tmp_path, dialect):
    for path in sorted((real_data / "sleep-edf" / "hypnograms").glob("*.edf"))[::4]:
        real = read_scored_hypnogram(path)
        out = tmp_path / f"{path.stem}-{FILE_NAMES[dialect]}"
        write_hypnogram(real, out, dialect)
        check_survivors(real, read_scored_hypnogram(out), CARRIES[dialect])
