from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.formats import read_hypnogram, write_hypnogram_csv

HEADER = "epoch,onset_s,clock_time,stage,confidence,p_W,p_N1,p_N2,p_N3,p_R,review,source"


def write(path, stage, start=None, **changes):
    hypnogram = Hypnogram(stage=np.array(stage, dtype=np.int8), start=start)
    is_scored = hypnogram.is_scored[:, None]
    columns = {
        "hypnodensity": np.where(is_scored, [0.5, 0.2, 0.15, 0.1, 0.05], np.nan),
        "confidence": np.where(hypnogram.is_scored, 0.5, np.nan),
        "review": np.arange(len(stage)) == 0,
        "source": ["model" if scored else "gap" for scored in hypnogram.is_scored],
    }
    write_hypnogram_csv(path, hypnogram, **(columns | changes))


def test_the_table_is_exactly_the_contracts(tmp_path):
    path = tmp_path / "hypnogram.csv"
    write(path, [0, -1, 4], datetime(2024, 2, 29, 23, 59, 30))
    assert path.read_bytes().decode() == (
        f"{HEADER}\n"
        "0,0,2024-02-29T23:59:30,W,0.50000,0.50000,0.20000,0.15000,0.10000,0.05000,1,model\n"
        "1,30,2024-03-01T00:00:00,UNS,,,,,,,0,gap\n"
        "2,60,2024-03-01T00:00:30,R,0.50000,0.50000,0.20000,0.15000,0.10000,0.05000,0,model\n"
    )


def test_an_unknown_start_leaves_clock_time_empty(tmp_path):
    write(tmp_path / "h.csv", [2])
    assert (tmp_path / "h.csv").read_text().splitlines()[1].split(",")[2] == ""


def test_a_scored_epoch_without_probabilities_is_our_own_bug(tmp_path):
    with pytest.raises(AssertionError):
        write(tmp_path / "h.csv", [2], confidence=np.array([np.nan]))
    assert list(tmp_path.iterdir()) == []


def test_a_spreadsheets_byte_order_mark_line_ends_and_blank_lines_at_the_end_do_no_harm(tmp_path):
    path = tmp_path / "h.csv"
    write(path, [0, -1, 3])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    assert read_hypnogram(path).stage.tolist() == [0, -1, 3]


@settings(max_examples=60, deadline=None)
@given(
    stage=st.lists(st.integers(-1, 4), min_size=1, max_size=80),
    start=st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
)
def test_a_written_hypnogram_reads_back_the_same(tmp_path_factory, stage, start):
    path = tmp_path_factory.mktemp("round") / "h.csv"
    write(path, stage, start)
    read = read_hypnogram(path)
    assert read.stage.tolist() == stage
    assert read.start == start


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (",W,", ",S4,", "line 2: unknown stage 'S4'"),
        ("\n1,30,", "\n7,30,", "line 3: epoch '7' at '30' s"),
        ("\n1,30,", "\n1,35,", "line 3: epoch '1' at '35' s"),
        ("23:59:30", "23:59:00", "line 3: clock_time"),
        ("2024-02-29T23:59:30", "yesterday", "line 2: clock_time 'yesterday'"),
        ("2024-02-29T23:59:30", "2024-02-29T23:59:30Z", "is no local ISO 8601 time"),
        (",gap\n", "\n", "line 3: 11 columns instead of 12"),
        ("confidence", "certainty", "its columns are not"),
    ],
)
def test_a_table_that_was_changed_is_refused_by_its_line(tmp_path, old, new, words):
    path = tmp_path / "h.csv"
    write(path, [0, -1, 4], datetime(2024, 2, 29, 23, 59, 30))
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=words.replace("(", r"\(")) as raised:
        read_hypnogram(path)
    assert str(raised.value).startswith(str(path))


@pytest.mark.parametrize("seconds", [45, 30])
def test_a_clock_beyond_what_dates_hold_is_refused(tmp_path, seconds):
    path = tmp_path / "h.csv"
    write(path, [0, 2])
    path.write_text(path.read_text().replace("0,0,,", f"0,0,9999-12-31T23:59:{seconds},", 1))
    with pytest.raises(InputError, match=r"h\.csv: line 2: clock_time .* beyond the year 9999"):
        read_hypnogram(path)


def test_a_table_without_epochs_is_refused(tmp_path):
    (tmp_path / "h.csv").write_text(HEADER + "\n")
    with pytest.raises(InputError, match="no epochs"):
        read_hypnogram(tmp_path / "h.csv")


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200), is_ours=st.booleans())
def test_any_bytes_give_a_hypnogram_or_one_clear_line(tmp_path_factory, content, is_ours):
    path = tmp_path_factory.mktemp("bytes") / "h.csv"
    path.write_bytes((HEADER.encode() + b"\n" if is_ours else b"") + content)
    message = ""
    try:
        assert len(read_hypnogram(path)) > 0
    except InputError as error:
        message = str(error)
    assert "\n" not in message
