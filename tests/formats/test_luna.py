from datetime import datetime

import numpy as np
import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.formats import read_hypnogram, write_hypnogram


def read(tmp_path, text, **options):
    path = tmp_path / "night.annot"
    path.write_text(text)
    return read_hypnogram(path, **options)


SIX = "class\tinstance\tchannel\tstart\tstop\tmeta\n"


@pytest.mark.parametrize(
    "text",
    [
        SIX + "W\t.\t.\t0\t30\t.\nN2\t.\t.\t30\t90\t.\nR\t.\t.\t120\t150\t.\n",
        "# W | wake\n# N2\n# R\nclass instance start stop\nW . 0 30\nN2 . 30 90\nR . 120 150\n",
        "class\tstart\tstop\nW\t0.00\t30.00\nN2\t30\t+60\nR\t120\t+30\n",
        "W 0 30\nN2 30 90\nR 120 150\n",
        "wake\te:1\t.\nNREM2\te:2\te:3\nREM\te:5\t.\n",
        "W\t0+00:00:00\t0+00:00:30\nN2\t0+00:00:30\t+60\nR\t0+00:02:00\t0+00:02:30\n",
        SIX + "arousal\t.\tC3\t12.5\t15\tx=1\n"
        "W\t.\t.\t0\t...\t.\nN2\t.\t.\t30\t...\t.\n?\t.\t.\t90\t...\t.\nR\t.\t.\t120\t...\t.\n",
        SIX + "SleepStage\twake\t.\t0\t30\t.\nSleepStage\tNREM2\t.\t30\t90\t.\nSleepStage\tREM\t.\t120\t150\t.\n",
        "0 0 30\n2 30 90\n5 120 150\n",
    ],
    ids=["six", "four", "three", "bare", "epochs", "elapsed", "until-next", "instances", "numbers"],
)
def test_every_way_of_writing_one_night(tmp_path, text):
    assert read(tmp_path, text).stage.tolist() == [W, N2, N2, UNSCORED, R]


@pytest.mark.parametrize("separator", [":", "."])
def test_clock_times_cross_midnight_and_need_no_order(tmp_path, separator):
    rows = ["R 00:00:00 00:00:30", "W 23:59:00 23:59:30", "N1 23:59:30 00:00:00"]
    hypnogram = read(tmp_path, "\n".join(rows).replace(":", separator))
    assert hypnogram.stage.tolist() == [W, N1, R]
    assert hypnogram.start == datetime(1985, 1, 1, 23, 59)
    assert any("no date" in note for note in hypnogram.notes)


def test_dates_before_clock_times(tmp_path):
    hypnogram = read(tmp_path, "W 29-02-2024-23:59:45 01-03-2024-00:00:15\nN3 01-03-2024-00:00:15 +30\n")
    assert hypnogram.stage.tolist() == [W, N3]
    assert hypnogram.start == datetime(2024, 2, 29, 23, 59, 45)
    assert hypnogram.notes == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SIX + "W\t.\n", "2 columns"),
        (SIX + "W\t.\t.\tsoon\t30\t.\n", "line 2: 'soon' is no time"),
        (SIX + "arousal\t.\t.\t0\t30\t.\n", "no sleep stages"),
        ("W 0 30\nN2 22:00:00 22:00:30\n", "mixes clock times with elapsed ones"),
        ("W 0 1e30\n", "31 days"),
        ("W e:9999999 .\n", "31 days"),
    ],
)
def test_what_cannot_be_believed_is_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)


def test_what_we_write_has_six_columns_in_elapsed_seconds(tmp_path):
    stage = np.array([W, UNSCORED], dtype=np.int8)
    write_hypnogram(Hypnogram(stage=stage, start=datetime(2024, 2, 29, 23, 59, 45)), tmp_path / "h.annot", "luna")
    assert (tmp_path / "h.annot").read_text() == (
        "# ? | sleep stage; the recording started at 2024-02-29 23:59:45\n"
        "# W | sleep stage; the recording started at 2024-02-29 23:59:45\n"
        "class\tinstance\tchannel\tstart\tstop\tmeta\n"
        "W\t.\t.\t0\t30\t.\n"
        "?\t.\t.\t30\t60\t.\n"
    )
