import xml.etree.ElementTree as ET

import numpy as np
import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.formats import read_hypnogram, write_hypnogram


def written(tmp_path, codes, *, length="<EpochLength>30</EpochLength>", root="CMPStudyConfig", encoding="utf-8"):
    path = tmp_path / "shhs1-200001-profusion.xml"
    stages = "".join(f"\t\t<SleepStage>{code}</SleepStage>\r\n" for code in codes)
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\r\n<!--Compumedics-->\r\n<{root}>\r\n\t{length}\r\n'
        "\t<StepChannels><StepChannel><Input>POSITION</Input></StepChannel></StepChannels>\r\n"
        "\t<ScoredEventSettings><ScoredEventSetting><Name>Arousal ()</Name></ScoredEventSetting></ScoredEventSettings>"
        "\t<ScoredEvents><ScoredEvent><Name>SpO2 artifact</Name><Start>17.2</Start><Duration>3</Duration>"
        f"<Input>SAO2</Input></ScoredEvent></ScoredEvents>\r\n\t<SleepStages>\r\n{stages}\t</SleepStages>\r\n"
        f"<Montage><TracePanes/></Montage></{root}>\r\n"
    )
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_every_code_is_understood_in_any_encoding(tmp_path, encoding):
    hypnogram = read_hypnogram(written(tmp_path, [0, 1, 2, 3, 4, 5, 6, 9], encoding=encoding))
    assert hypnogram.stage.tolist() == [W, N1, N2, N3, N3, R, UNSCORED, UNSCORED]
    assert hypnogram.start is None
    assert hypnogram.notes == ()


def test_a_lone_4_is_a_stage_here_and_never_rem(tmp_path):
    assert read_hypnogram(written(tmp_path, [0, 2, 4])).stage.tolist() == [W, N2, N3]


def test_the_list_may_stand_in_nsrrs_root_and_the_length_may_be_missing(tmp_path):
    path = written(tmp_path, [0, 5], root="PSGAnnotation", length="")
    assert read_hypnogram(path).stage.tolist() == [W, R]


@pytest.mark.parametrize(
    ("length", "expected"),
    [("20", [W, N2]), ("60", [W, W, N1, N1, N2, N2]), ("30.0", [W, N1, N2]), ("30,0", [W, N1, N2])],
)
def test_epochs_of_any_length_become_epochs_of_30_s_and_that_is_said(tmp_path, length, expected):
    hypnogram = read_hypnogram(written(tmp_path, [0, 1, 2], length=f"<EpochLength>{length}</EpochLength>"))
    assert hypnogram.stage.tolist() == expected
    assert bool(hypnogram.notes) == (not length.startswith("30"))


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ([0, 12], "epoch 1: unknown sleep stage '12'"),
        ([0, ""], "epoch 1: unknown sleep stage ''"),
        ([], "no sleep stages"),
    ],
)
def test_what_cannot_be_believed_is_refused(tmp_path, codes, words):
    with pytest.raises(InputError, match=words):
        read_hypnogram(written(tmp_path, codes))


def test_two_lists_are_refused(tmp_path):
    path = written(tmp_path, [0, 1])
    text = path.read_text()
    path.write_text(text.replace("<Montage>", "<SleepStages><SleepStage>5</SleepStage></SleepStages><Montage>"))
    with pytest.raises(InputError, match="2 lists of sleep stages"):
        read_hypnogram(path)


def test_what_we_write_has_the_stages_fifth_as_readers_expect(tmp_path):
    stage = np.array([W, N1, N3, R, UNSCORED], dtype=np.int8)
    assert write_hypnogram(Hypnogram(stage=stage), tmp_path / "out.xml", "profusion") == ()
    root = ET.parse(tmp_path / "out.xml").getroot()
    assert (root.tag, root[0].tag, root[0].text) == ("CMPStudyConfig", "EpochLength", "30")
    assert [element.text for element in root[4]] == ["0", "1", "3", "5", "9"]
