from datetime import datetime

import numpy as np
import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.formats import read_hypnogram, read_scored_hypnogram


def read(tmp_path, text, **options):
    path = tmp_path / "night.csv"
    path.write_text(text)
    return read_hypnogram(path, **options)


@pytest.mark.parametrize(
    "text",
    [
        "Epoch,Stage\n0,WAKE\n1,N2\n2,UNS\n3,REM\n",
        "epoch;sleep_stage\n1;W\n2;N2\n3;?\n4;R\n",
        "Stage\nWAKE\nN2\nART\nREM\n",
        ",stage\n0,0\n1,2\n2,-1\n3,4\n",
        "epoch\tstage\n1\tW\n2\tN2\n4\tR\n",
        "onset,duration,value,description\n0,30,0,WAKE\n30,30,2,N2\n90,30,4,REM\n",
        "onset,description\n0,WAKE\n30,N2\n60,UNS\n90,REM\n",
    ],
)
def test_yasas_tables(tmp_path, text):
    assert read(tmp_path, text).stage.tolist() == [W, N2, UNSCORED, R]


def test_times_tell_the_start(tmp_path):
    hypnogram = read(tmp_path, "Time,Stage\n2022-12-15 23:59:30,WAKE\n2022-12-16 00:00:00,N1\n")
    assert hypnogram.stage.tolist() == [W, N1]
    assert hypnogram.start == datetime(2022, 12, 15, 23, 59, 30)


def test_a_vendors_events_in_american_time(tmp_path):
    text = (
        "Start Time,End Time,Event,Duration\n[],[],[],[s]\n"
        "12/31/2015 11:59:30 PM,1/1/2016 12:00:00 AM,Wake,30\n"
        "1/1/2016 12:00:00 AM,1/1/2016 12:01:00 AM,N3,60\n"
        "1/1/2016 12:00:10 AM,1/1/2016 12:00:13 AM,Arousal,3\n"
    )
    hypnogram = read(tmp_path, text)
    assert hypnogram.stage.tolist() == [W, N3, N3]
    assert hypnogram.start == datetime(2015, 12, 31, 23, 59, 30)
    assert hypnogram.notes == ()


def test_probabilities_beside_the_stages_are_kept(tmp_path):
    path = tmp_path / "h.csv"
    path.write_text("epoch,stage,p_W,p_N1,p_N2,p_N3,p_R\n0,W,.6,.1,.1,.1,.1\n1,N2,.1,.1,.6,.1,.1\n")
    np.testing.assert_allclose(read_scored_hypnogram(path).hypnodensity[1], [0.1, 0.1, 0.6, 0.1, 0.1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Epoch,Stage\n0,WAKE\n1,asleep\n", "line 3: unknown stage 'asleep'"),
        ("Epoch,Stage\n0,WAKE\nx,N2\n", "Epoch 'x' is no number"),
        ("Time,Stage\n2022-12-15 23:59:30,WAKE\n2099-12-16 00:00:00,N1\n", "31 days"),
    ],
)
def test_what_cannot_be_believed_is_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)


def test_the_real_noxturnal_export_is_read(real_data):
    hypnogram = read_hypnogram(real_data / "psg" / "noxturnal_events_example_unicode.csv")
    # Counted with iconv and grep: 213 Éveil, 66 N1, 466 N2, 364 N3, 249 REM; four stretches without a stage.
    assert np.bincount(hypnogram.stage + 1).tolist() == [139, 213, 66, 466, 364, 249]
    assert hypnogram.start == datetime(2016, 1, 15, 22, 30)
    assert hypnogram.stage[:5].tolist() == [W] * 5
    assert N3 in hypnogram.stage
    assert hypnogram.notes == ()
