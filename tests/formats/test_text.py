from datetime import datetime

import numpy as np
import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.formats import read_hypnogram
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram
from mc2sleepnet.formats.text import write_integers

NIGHT = [W, N1, N2, N3, R, UNSCORED]


def read(tmp_path, text, name="night.txt", **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_hypnogram(path, **options)


@pytest.mark.parametrize(
    "lines",
    [
        ["W", "N1", "N2", "N3", "R", "?"],
        ["wake", "NREM1", "NREM2", "NREM3", "REM", "unscored"],
        ["WAKE", "N1", "N2", "N3", "REM", "UNS"],
        ["Sleep stage W", "Sleep stage 1", "Sleep stage 2", "Sleep stage 4", "Sleep stage R", "Sleep stage ?"],
        ["SLEEP-S0", "SLEEP-S1", "SLEEP-S2", "SLEEP-S4", "SLEEP-REM", "SLEEP-MT"],
        ["W", "S1", "S2", "S3", "REM", "MT"],
        ["W", "1", "2", "3", "R", "?"],
        ["Éveil", "N1", "N2", "N3", "REM", "Unscored"],
    ],
)
def test_names_of_many_houses(tmp_path, lines):
    assert read(tmp_path, "\n".join(lines)).stage.tolist() == NIGHT


@pytest.mark.parametrize(
    ("numbers", "codes", "expected"),
    [
        ("0 1 2 3 4 -1", None, NIGHT),
        ("0 1 2 3 5 9", None, NIGHT),
        ("0 1 2 4 5 6", None, NIGHT),
        ("0 2 3 5 1 7", "ucddb", NIGHT),
        ("0 1 2 3 4 -2", "aasm", NIGHT),
        ("0 1 2 3 4", "nsrr", [W, N1, N2, N3, N3]),
        ("0 1.0 2. 3 4.0 -1", None, NIGHT),
    ],
)
def test_numbers(tmp_path, numbers, codes, expected):
    for separator in ("\n", "\r\n", ",", " "):
        hypnogram = read(tmp_path, numbers.replace(" ", separator), codes=codes)
        assert hypnogram.stage.tolist() == expected
        assert bool(hypnogram.notes) == (codes is None)


def test_numbers_that_fit_no_one_numbering_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"fit no one numbering of stages\. Say which with --codes: aasm .*ucddb"):
        read(tmp_path, "0\n5\n8\n")
    with pytest.raises(InputError, match="code 5 is none of 0 W"):
        read(tmp_path, "0\n5\n", codes="aasm")
    with pytest.raises(InputError, match="no numbering 'mine'"):
        read(tmp_path, "0\n5\n", codes="mine")


@pytest.mark.parametrize(
    "text",
    [
        "stage\nW\nN2\n",
        "# a comment\nW\nN2\n",
        "W\n\nN2\n\n",
        '"Stage"\n"W"\n"N2"\n',
        "0 W\n1 N2\n",
        "1,W\n2,N2",
        "0\tW\n30\tN2",
    ],
)
def test_headings_comments_blanks_epochs_and_seconds_do_no_harm(tmp_path, text):
    assert read(tmp_path, text).stage.tolist() == [W, N2]


@pytest.mark.parametrize("text", ["W\nN1\n\nN2\nR\n", "Stage\nW\n\n\nN2\nR\n", "0\n\n1\n2\n"])
def test_an_empty_line_among_stages_could_shift_all_that_follows_and_is_refused(tmp_path, text):
    with pytest.raises(InputError, match=r"line [23] is empty"):
        read(tmp_path, text)


def test_empty_lines_after_every_stage_before_and_behind_or_among_numbered_epochs_mean_nothing(tmp_path):
    assert read(tmp_path, "\nstage\n\nW\n\nN1\n\nN2\n\n\n").stage.tolist() == [W, N1, N2]
    assert read(tmp_path, "1 W\n\n2 N1\n3 N2\n").stage.tolist() == [W, N1, N2]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_the_encoding_does_not_matter(tmp_path, encoding):
    assert read(tmp_path, "Éveil\nN2\nN2\n".encode(encoding)).stage.tolist() == [W, N2, N2]


def test_a_row_that_is_missing_leaves_its_epoch_unscored(tmp_path):
    assert read(tmp_path, "1 W\n2 N2\n4 R\n").stage.tolist() == [W, N2, UNSCORED, R]


def test_clock_times_before_stages(tmp_path):
    hypnogram = read(tmp_path, "11:59:30 PM,W\n12:00:00 AM,N2\n12:01:00 AM,R\n")
    assert hypnogram.stage.tolist() == [W, N2, UNSCORED, R]
    assert hypnogram.start == datetime(1985, 1, 1, 23, 59, 30)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("W\nN2\nasleep\n", "line 3: unknown stage 'asleep'"),
        ("W\nN2 N3\n", "line 2: 2 values where one stage is expected"),
        ("1 W\n1 N2\n", "does not come after"),
        ("", "no hypnogram of a known format"),
        ("slept well\n", "no hypnogram of a known format"),
        ("participant_id\tage\tsex\nsub-1\t27\tM\n", "no hypnogram of a known format"),
    ],
)
def test_what_cannot_be_believed_is_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)


def test_changes_of_stage_alone_last_until_the_next(tmp_path):
    hypnogram = read(tmp_path, "22:00:00 W\n22:02:00 N2\n22:03:30 R\n")
    assert hypnogram.stage.tolist() == [W] * 4 + [N2] * 3 + [R]


def test_yasas_numbers_are_written(tmp_path):
    from mc2sleepnet.core.hypnogram import Hypnogram

    write_integers(ScoredHypnogram(hypnogram=Hypnogram(stage=np.array(NIGHT, dtype=np.int8))), tmp_path / "h.txt")
    assert (tmp_path / "h.txt").read_text() == "0\n1\n2\n3\n4\n-2\n"


# UCDDB's numbers are 0 W, 1 REM, 2-5 stages 1-4, 6 artefact, 7 indeterminate. Read as any other numbering, N2 would
# not be the stage that fills most of the sleep, nor REM a tenth to a quarter of it.
def test_real_ucddb_nights_have_the_shape_of_a_night(real_data):
    paths = sorted((real_data / "ucddb").glob("ucddb*_stage.txt"))
    assert len(paths) == 23
    total = np.zeros(6, dtype=int)
    for path in paths:
        total += np.bincount(read_hypnogram(path).stage + 1, minlength=6)
    share = total[2:] / total[2:].sum()
    assert share[1] == share.max()
    assert 0.1 < share[3] < 0.25
