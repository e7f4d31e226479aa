from datetime import datetime

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import N2, N3, UNSCORED, R, W
from mc2sleepnet.formats import read_hypnogram

HEADER = (
    "Signal ID: SchlafProfil\\profil\nStart Time: {start}\nUnit: \nSignal Type: Discret\n"
    "Events list: N4,N3,N2,N1,REM,Wach,Bewegung\nRate: {rate} s\n\n"
)
ROWS = "23:59:00,000; A\n23:59:30,000; Wach\n00:00:00,000; N2\n00:00:30,000; N4\n00:01:00,000; REM\n"


def read(tmp_path, rows, *, start="17.11.2010 23:57:00", rate=30, encoding="utf-8"):
    path = tmp_path / "Schlafprofil.txt"
    path.write_bytes((HEADER.format(start=start, rate=rate) + rows).replace("\n", "\r\n").encode(encoding))
    return read_hypnogram(path)


@pytest.mark.parametrize("start", ["17.11.2010 23:57:00", "11/17/2010 11:57:00 PM", "17/11/2010 23:57:00"])
def test_a_profile_has_its_date_from_the_header_and_crosses_midnight(tmp_path, start):
    hypnogram = read(tmp_path, ROWS, start=start)
    assert hypnogram.stage.tolist() == [UNSCORED, W, N2, N3, R]
    assert hypnogram.start == datetime(2010, 11, 17, 23, 59)
    assert hypnogram.notes == ()


def test_a_profile_may_begin_after_the_midnight_that_follows_the_start(tmp_path):
    assert read(tmp_path, "00:00:30,000; N2\n").start == datetime(2010, 11, 18, 0, 0, 30)


def test_rows_with_dates_need_no_header(tmp_path):
    hypnogram = read(tmp_path, "30.05.2024 20:59:00,000; Wake\n30.05.2024 20:59:30,000; N2\n", start="")
    assert hypnogram.start == datetime(2024, 5, 30, 20, 59)
    assert hypnogram.stage.tolist() == [W, N2]


def test_a_missing_row_leaves_its_epoch_unscored(tmp_path):
    assert read(tmp_path, "22:00:00,000; Wake\n22:01:00,000; N2\n").stage.tolist() == [W, UNSCORED, N2]


def test_another_rate_is_said(tmp_path):
    hypnogram = read(tmp_path, "22:00:00,000; Wake\n22:00:20,000; Wake\n22:00:40,000; N2\n", rate=20)
    assert hypnogram.stage.tolist() == [W, N2]
    assert any("epochs of 20 s" in note for note in hypnogram.notes)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("", "no rows"),
        ("22:00:00,000; dreaming\n", "line 8: unknown stage 'dreaming'"),
        ("99:00:00,000; N2\n", "no clock"),
    ],
)
def test_what_cannot_be_believed_is_refused(tmp_path, rows, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, rows)
