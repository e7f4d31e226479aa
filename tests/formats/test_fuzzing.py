"""Thousands of damaged hypnograms of every dialect: a hypnogram that every dialect can carry on, or one clear line."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.formats import FORMATS, read_scored_hypnogram, write_hypnogram

N_CASES = 6_000
PIECES = [
    *[b"\0", b"\n", b"\r", b"\t", b",", b";", b"|", b"<", b">", b"&", b'"', b"'", b"[", b"]", b"{", b"+", b"..."],
    *[b"-1", b"0", b"30", b"1e9", b"1e20", b"1e-9", b"9" * 30, b"nan", b"inf", b"null", b"true", b"?", b"W", b"e:1"],
    *[b" PM", b"99:99:99", b"00.00.00", b"9999-12-31", b"0001-01-01", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc2\xb2"],
]
SMALL = [
    b"",
    b"W\nN1\n",
    b"22:00:00 W\n22:00:30 N2\n",
    b"Time,Stage\n2022-12-15 23:59:30,WAKE\n2022-12-16 00:00:00,N1\n",
    b"onset,stage\n0,W\n30,R\n",
    b"class\tstart\tstop\nW\t22:00:00\t22:00:30\nN2\t22:00:30\t...\n",
    b"[0, 1, 2, 5]",
    b"Signal ID: SchlafProfil\nStart Time: 17.11.2010 23:57:00\nRate: 30 s\n\n23:59:00,000; A\n23:59:30,000; Wach\n",
    b"Sleep Stage\tTime [hh:mm:ss]\tEvent\tDuration[s]\nW\t23:59:30\tSLEEP-S0\t30\n",
    b"<PatientStudy><Session><RecordingStart>2018-03-02T22:15:07</RecordingStart><Duration>90</Duration></Session>"
    b'<Stage Type="Wake" Start="0"/><Stage Type="REM" Start="30"/></PatientStudy>',
]


def damaged(content: bytes, randomness: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(randomness.randint(1, 5)):
        place = randomness.randrange(len(changed) + 1)
        kind = randomness.random()
        if kind < 0.4:
            changed[place : place + randomness.randint(0, 6)] = randomness.choice(PIECES)
        elif kind < 0.6:
            del changed[place : place + randomness.randint(1, 40)]
        elif kind < 0.8:
            start = randomness.randrange(len(changed) + 1)
            changed[place:place] = changed[start : start + randomness.randint(1, 60)]
        else:
            changed[place : place + 1] = bytes([randomness.randrange(256)])
    return bytes(changed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_of_every_dialect(real_data: Path, tmp_path: Path, seed: int) -> None:
    randomness = random.Random(seed)
    night = read_scored_hypnogram(real_data / "sleep-edf" / "hypnograms" / "ST7021JM-Hypnogram.edf")
    piece = replace(night, hypnogram=replace(night.hypnogram, stage=night.hypnogram.stage[200:230]))
    seeds = list(SMALL)
    for dialect in FORMATS:
        write_hypnogram(piece, tmp_path / "seed", dialect)
        seeds.append((tmp_path / "seed").read_bytes())
    seeds.append((real_data / "psg" / "noxturnal_events_example_unicode.csv").read_bytes()[:1500])
    n_read, messages = 0, set()
    for _ in range(N_CASES):
        (tmp_path / "case").write_bytes(damaged(randomness.choice(seeds), randomness))
        try:
            read = read_scored_hypnogram(tmp_path / "case")
        except InputError as error:
            messages.add(str(error))
            continue
        n_read += 1
        if len(read.hypnogram) > 2000:  # a damaged onset can make a month, which takes seconds to write eight times
            continue
        for dialect in set(FORMATS) - {"edf"}:  # which holds no years before 1985
            write_hypnogram(read, tmp_path / "again", dialect)
            again = read_scored_hypnogram(tmp_path / "again")
            assert again.hypnogram.stage.tolist() == read.hypnogram.stage.tolist()
    assert n_read > N_CASES / 20
    assert not [message for message in messages if "\n" in message]
