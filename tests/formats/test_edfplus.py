from datetime import date, datetime, timedelta
from pathlib import Path

import edfio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.formats import read_hypnogram, write_annotations
from mc2sleepnet.formats.edfplus import write_hypnogram

START = datetime(2024, 2, 29, 23, 30)


def written(folder: Path, *annotations: tuple[float, float, str], start: datetime | None = START) -> Path:
    path = folder / "night-Hypnogram.edf"
    write_annotations(path, annotations, start=start, recording_text="")
    return path


def fault_of(path: Path) -> str:
    with pytest.raises(InputError) as raised:
        read_hypnogram(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        *[("Sleep stage W", W), ("Sleep stage 1", N1), ("Sleep stage 2", N2), ("Sleep stage R", R)],
        *[("Sleep stage 3", N3), ("Sleep stage 4", N3), ("Sleep stage N1", N1), ("Sleep stage N2", N2)],
        *[("Sleep stage N3", N3), ("sleep stage rem", R), ("Sleep stage M", UNSCORED)],
        *[("Sleep stage ?", UNSCORED), ("Movement time", UNSCORED)],
    ],
)
def test_stages_of_both_manuals_are_understood(tmp_path, text, stage):
    hypnogram = read_hypnogram(written(tmp_path, (0, 60, text)))
    assert hypnogram.stage.tolist() == [stage, stage]


def test_epochs_lie_on_the_grid_of_the_headers_start(tmp_path):
    hypnogram = read_hypnogram(written(tmp_path, (90, 60, "Sleep stage 2"), (180, 30, "Sleep stage R")))
    assert hypnogram.stage.tolist() == [UNSCORED] * 3 + [N2, N2, UNSCORED, R]
    assert hypnogram.start == START
    assert hypnogram.clock_time(3) == START + timedelta(seconds=90)
    assert hypnogram.scorer == "night-Hypnogram"


def test_a_stage_without_duration_lasts_until_the_next(tmp_path):
    path = written(tmp_path, (0, 0, "Sleep stage W"), (90, 0, "Sleep stage 2"))
    assert read_hypnogram(path).stage.tolist() == [W, W, W, N2]


def test_the_end_of_a_recording_within_an_epoch_is_unscored(tmp_path):
    assert read_hypnogram(written(tmp_path, (0, 75, "Sleep stage 2"))).stage.tolist() == [N2, N2, UNSCORED]


def test_annotations_about_other_things_are_ignored(tmp_path):
    path = written(tmp_path, (12.3, 0.5, "Lights off"), (0, 30, "Sleep stage W"), (44, 3, "Arousal"))
    assert read_hypnogram(path).stage.tolist() == [W]


def test_the_same_stage_twice_is_no_contradiction(tmp_path):
    path = written(tmp_path, (0, 60, "Sleep stage W"), (30, 60, "Sleep stage W"))
    assert read_hypnogram(path).stage.tolist() == [W, W, W]


@pytest.mark.parametrize(
    "texts",
    [
        ["Stage - W", "Stage - N2", "Stage - No Stage", "Stage - R"],
        ["SLEEP-S0", "SLEEP-S2", "SLEEP-UNSCORED", "SLEEP-REM"],
        ["Wake", "N2", "?", "REM"],
    ],
)
def test_other_houses_names_are_understood_where_no_sleep_stage_is_written(tmp_path, texts):
    stages = [(30.0 * i, 30.0, text) for i, text in enumerate(texts)]
    path = written(tmp_path, *stages, (31.5, 2, "Movement"), (12.3, 0.5, "Lights off"))
    assert read_hypnogram(path).stage.tolist() == [W, N2, UNSCORED, R]


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ([(0, 60, "Sleep stage W"), (30, 60, "Sleep stage 2")], "overlaps another stage"),
        ([(0, 60, "Sleep stage W"), (0, 60, "Sleep stage ?")], "overlaps another stage"),
        ([(0, 0, "Sleep stage W"), (0, 0, "Sleep stage 2")], "lies from 0 s to 0 s"),
        ([(0, 30, "Sleep stage W"), (45, 30, "Sleep stage 2")], "starts 45 s"),
        ([(0, 40, "Sleep stage W"), (60, 30, "Sleep stage 2")], "ends 40 s"),
        ([(-30, 60, "Sleep stage W")], "lies from -30 s"),
        ([(0, 1e12, "Sleep stage W")], "31 days"),
        ([(0, 30, "Sleep stage 5")], "unknown stage 'Sleep stage 5'"),
        ([(0, 30, "Lights off")], "no sleep stages"),
    ],
)
def test_stages_that_cannot_be_believed_are_refused(tmp_path, annotations, words):
    assert words in fault_of(written(tmp_path, *annotations))


def test_a_truncated_file_is_refused(tmp_path):
    path = written(tmp_path, *((30.0 * i, 30.0, "Sleep stage 2") for i in range(50)))
    path.write_bytes(path.read_bytes()[:-200])
    assert "cannot be read" in fault_of(path)


def test_a_damaged_field_is_refused_in_plain_words(tmp_path):
    path = written(tmp_path, (0, 30, "Sleep stage W"))
    content = bytearray(path.read_bytes())
    content[236:244] = b"oops    "  # how many data records there are
    path.write_bytes(content)
    assert "its EDF+ annotations cannot be read, a field of the file is damaged" in fault_of(path)


def test_an_unknown_start_stays_unknown(tmp_path):
    assert read_hypnogram(written(tmp_path, (0, 30, "Sleep stage W"), start=None)).start is None


def test_the_plain_date_and_time_belong_together_when_the_edfplus_date_is_the_evening_before(tmp_path):
    # As in Sleep-EDF's ST7021JM: recording of the 19th, started 30 s after midnight.
    path = written(tmp_path, (0, 30, "Sleep stage W"), start=datetime(1994, 9, 20, 0, 0, 30))
    path.write_bytes(path.read_bytes().replace(b"Startdate 20-SEP-1994", b"Startdate 19-SEP-1994"))
    assert read_hypnogram(path).start == datetime(1994, 9, 20, 0, 0, 30)


def test_stages_are_read_from_a_recording_that_carries_them(tmp_path):
    signal = edfio.EdfSignal(np.zeros(90), 1, label="EEG Fpz-Cz", physical_dimension="uV")
    annotations = [edfio.EdfAnnotation(0, 60, "Sleep stage W"), edfio.EdfAnnotation(60, 30, "Sleep stage N2")]
    edfio.Edf([signal], annotations=annotations).write(tmp_path / "night.edf")
    assert read_hypnogram(tmp_path / "night.edf").stage.tolist() == [W, W, N2]


def test_equal_epochs_become_one_annotation_as_in_physionets_files(tmp_path):
    stage = np.array([W, W, N1, N3, N3, N3, UNSCORED, R], dtype=np.int8)
    write_hypnogram(tmp_path / "h.edf", Hypnogram(stage=stage, start=START), is_synthetic=False)
    edf = edfio.read_edf(tmp_path / "h.edf")
    assert [(a.onset, a.duration, a.text) for a in edf.annotations] == [
        (0, 60, "Sleep stage W"),
        (60, 30, "Sleep stage 1"),
        (90, 90, "Sleep stage 3"),
        (180, 30, "Sleep stage ?"),
        (210, 30, "Sleep stage R"),
    ]
    assert edf.startdatetime == START
    assert "synthetic" not in edf.local_recording_identification


def test_what_was_synthetic_says_so_in_the_header(tmp_path):
    hypnogram = Hypnogram(stage=np.zeros(2, dtype=np.int8), start=START)
    write_hypnogram(tmp_path / "h.edf", hypnogram, is_synthetic=True, recording_text="demo")
    identification = edfio.read_edf(tmp_path / "h.edf").local_recording_identification
    assert identification == "Startdate 29-FEB-2024 X X X synthetic demo"


def test_what_edf_cannot_hold_is_refused_and_leaves_no_file(tmp_path):
    hypnogram = Hypnogram(stage=np.zeros(0, dtype=np.int8), start=datetime(2024, 1, 1))
    with pytest.raises(InputError):
        write_hypnogram(tmp_path / "h.edf", hypnogram, is_synthetic=False)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60, deadline=None)
@given(
    stage=st.lists(st.integers(-1, 4), min_size=1, max_size=80),
    start=st.none() | st.datetimes().filter(lambda start: start.date() != date(1985, 1, 1)),
)
def test_a_written_hypnogram_reads_back_the_same(tmp_path_factory, stage, start):
    path = tmp_path_factory.mktemp("round") / "h.edf"
    written = Hypnogram(stage=np.array(stage, dtype=np.int8), start=start)
    write_hypnogram(path, written, is_synthetic=True)
    read = read_hypnogram(path)
    assert read.stage.tolist() == stage
    assert read.start == start


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 900), bytes_=st.binary(min_size=1, max_size=12), cut=st.integers(0, 900))
def test_damage_anywhere_gives_a_hypnogram_or_one_clear_line(tmp_path_factory, place, bytes_, cut):
    path = tmp_path_factory.mktemp("damage") / "h.edf"
    write_hypnogram(path, Hypnogram(stage=np.arange(-1, 5, dtype=np.int8) % 5, start=START), is_synthetic=True)
    content = bytearray(path.read_bytes())
    content[place : place + len(bytes_)] = bytes_
    path.write_bytes(content[: len(content) - cut // 10])
    message = ""
    try:
        read_hypnogram(path)
    except InputError as error:
        message = str(error)
    assert "\n" not in message


CASSETTE_EPOCHS, N_CASSETTE, N_TELEMETRY = 2880, 20, 13


def test_all_real_sleep_edf_hypnograms_are_read_with_their_tails(real_data):
    paths = sorted((real_data / "sleep-edf" / "hypnograms").rglob("*.edf"))
    cassette = [read_hypnogram(path) for path in paths if path.name.startswith("SC")]
    telemetry = [read_hypnogram(path) for path in paths if path.name.startswith("ST")]
    assert (len(cassette), len(telemetry)) == (N_CASSETTE, N_TELEMETRY)
    assert {len(hypnogram) for hypnogram in cassette} == {CASSETTE_EPOCHS}
    assert all(set(hypnogram.stage.tolist()) == {-1, 0, 1, 2, 3, 4} for hypnogram in cassette)
    # Telemetry starts around midnight, and its first minutes may lack a stage.
    assert all(hypnogram.start.hour in {22, 23, 0} for hypnogram in telemetry)
    assert sum(int(hypnogram.stage[0] == UNSCORED) for hypnogram in telemetry) > 0


def test_the_real_ucddb_hypnogram_has_722_scored_epochs_of_787(real_data):
    hypnogram = read_hypnogram(real_data / "ucddb" / "ucddb022-Hypnogram.edf")
    assert np.bincount(hypnogram.stage + 1).tolist() == [65, 266, 68, 213, 131, 44]
    assert hypnogram.start == datetime(1985, 1, 1, 23)


@pytest.mark.parametrize("name", ["SC4001EC-Hypnogram.edf", "ST7041JO-Hypnogram.edf"])
def test_a_real_hypnogram_written_by_us_reads_back_the_same(real_data, tmp_path, name):
    (path,) = (real_data / "sleep-edf" / "hypnograms").rglob(name)
    real = read_hypnogram(path)
    write_hypnogram(tmp_path / name, real, is_synthetic=False)
    again = read_hypnogram(tmp_path / name)
    assert np.array_equal(again.stage, real.stage)
    assert again.start == real.start
