from datetime import datetime

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import N2, N3, UNSCORED, R, W
from mc2sleepnet.formats import read_hypnogram

PREAMBLE = (
    "RemLogic Event Export\n\nPatient:\t\nPatient ID:\t\nRecording Date:\t31/12/2008\n\n"
    "Events Included:\nSLEEP-S0\nSLEEP-S2\n\n"
)
HEADER = "Sleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n"
ROWS = [
    ("W", "Unknown Position", "23:59:30", "SLEEP-S0", "30", "ROC-LOC"),
    ("S2", "Unknown Position", "00:00:00", "SLEEP-S2", "30", "ROC-LOC"),
    ("S2", "Unknown Position", "00:00:12", "MCAP-A1", "4", "EEG-C3-A2"),
    ("S4", "Unknown Position", "00:00:30", "SLEEP-S4", "30", "ROC-LOC"),
    ("R", "Unknown Position", "00:01:30", "SLEEP-REM", "30", "ROC-LOC"),
]


def read(tmp_path, rows, preamble=PREAMBLE, separator=":"):
    path = tmp_path / "n1.txt"
    body = "".join("\t".join((*row[:2], row[2].replace(":", separator), *row[3:])) + "\n" for row in rows)
    path.write_text(preamble + HEADER + body)
    return read_hypnogram(path)


@pytest.mark.parametrize("separator", [":", "."])
def test_epochs_among_other_events_by_the_clock(tmp_path, separator):
    hypnogram = read(tmp_path, ROWS, separator=separator)
    assert hypnogram.stage.tolist() == [W, N2, N3, UNSCORED, R]
    assert hypnogram.start == datetime(2008, 12, 31, 23, 59, 30)
    assert hypnogram.notes == ()


def test_without_a_date_that_is_said(tmp_path):
    hypnogram = read(tmp_path, ROWS, preamble="")
    assert hypnogram.start == datetime(1985, 1, 1, 23, 59, 30)
    assert any("no date" in note for note in hypnogram.notes)


@pytest.mark.parametrize(
    ("rows", "words"),
    [(ROWS[2:3], "no sleep stages"), ([("W", "", "late", "SLEEP-S0", "30", "")], "'late' is no clock time")],
)
def test_what_cannot_be_believed_is_refused(tmp_path, rows, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, rows)
