from datetime import datetime

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.formats import read_hypnogram, read_scored_hypnogram, write_hypnogram

STAGES = "Stages|Stages"


def event(kind, concept, start, duration, more=""):
    return (
        f"<ScoredEvent><EventType>{kind}</EventType><EventConcept>{concept}</EventConcept>"
        f"<Start>{start}</Start><Duration>{duration}</Duration>{more}</ScoredEvent>\n"
    )


def recording(clock="00.00.00 21.30.10", duration=180):
    return event("", "Recording Start Time", 0, duration, f"<ClockTime>{clock}</ClockTime>")


def written(tmp_path, *events, epoch_length="<EpochLength>30</EpochLength>", encoding="utf-8"):
    path = tmp_path / "shhs1-200001-nsrr.xml"
    text = (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<PSGAnnotation>\n'
        f"<SoftwareVersion>Compumedics</SoftwareVersion>\n{epoch_length}\n<ScoredEvents>\n"
        f"{''.join(events)}</ScoredEvents>\n</PSGAnnotation>\n"
    )
    path.write_bytes(text.encode(encoding))
    return path


def fault_of(path):
    with pytest.raises(InputError) as raised:
        read_hypnogram(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_every_concept_of_nsrr_is_understood(tmp_path):
    concepts = ["Wake|0", "Stage 1 sleep|1", "Stage 2 sleep|2", "Stage 3 sleep|3", "Stage 4 sleep|4", "REM sleep|5"]
    events = [event(STAGES, c, 30.0 * i, 30.0) for i, c in enumerate([*concepts, "Movement|6", "Unscored|9"])]
    hypnogram = read_hypnogram(written(tmp_path, recording(duration=240), *events))
    assert hypnogram.stage.tolist() == [W, N1, N2, N3, N3, R, UNSCORED, UNSCORED]
    assert hypnogram.start == datetime(1985, 1, 1, 21, 30, 10)
    assert any("no date" in note for note in hypnogram.notes)


def test_a_start_with_a_date_is_kept(tmp_path):
    path = written(tmp_path, recording("24.04.89 16.13.00"), event(STAGES, "Wake|0", 0, 30))
    assert read_hypnogram(path).start == datetime(1989, 4, 24, 16, 13)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(tmp_path, newline):
    path = written(tmp_path, recording(duration=60), event(STAGES, "Wake|0", 0, 60))
    path.write_bytes(path.read_bytes().replace(b"\n", newline.encode()))
    assert read_hypnogram(path).stage.tolist() == [W, W]


def test_other_events_are_ignored_and_missing_stretches_are_unscored(tmp_path):
    path = written(
        tmp_path,
        recording(duration=200),
        event("Respiratory|Respiratory", "Hypopnea|Hypopnea", 12.3, 20.1),
        event("Arousals|Arousals", "Arousal|Arousal ()", 40, 5),
        event(STAGES, "Wake|0", 30, 30),
        event(STAGES, "REM sleep|5", 120, 30),
    )
    # The recording goes on for 50 s after the last stage: one epoch, and part of one that nobody scored.
    expected = [UNSCORED, W, UNSCORED, UNSCORED, R, UNSCORED, UNSCORED]
    assert read_hypnogram(path).stage.tolist() == expected


def test_stages_beyond_the_recording_are_kept(tmp_path):
    path = written(tmp_path, recording(duration=30), event(STAGES, "Wake|0", 0, 90))
    assert read_hypnogram(path).stage.tolist() == [W, W, W]


def test_an_epoch_with_two_stages_is_unscored_and_said(tmp_path):
    events = [event(STAGES, "Stage 2 sleep|2", 0, 1800), event(STAGES, "REM sleep|5", 1770, 60)]
    hypnogram = read_hypnogram(written(tmp_path, *events))
    assert hypnogram.stage.tolist() == [N2] * 59 + [UNSCORED, R]
    assert "1 epochs with two different stages at one time are unscored." in hypnogram.notes


def test_the_same_stage_twice_is_no_contradiction(tmp_path):
    path = written(tmp_path, event(STAGES, "Wake|0", 0, 60), event(STAGES, "Wake|0", 30, 60))
    hypnogram = read_hypnogram(path)
    assert hypnogram.stage.tolist() == [W, W, W]
    assert hypnogram.notes == ()


def test_two_scorers_in_one_list_are_refused(tmp_path):
    events = [event(STAGES, concept, 0, 600) for concept in ("Wake|0", "REM sleep|5")]
    assert "20 of 20 epochs have two stages at one time" in fault_of(written(tmp_path, *events))


def test_epochs_of_20_s_give_each_epoch_the_stage_that_fills_most_of_it(tmp_path):
    stages = ["Wake|0", "Stage 1 sleep|1", "Stage 2 sleep|2"]
    events = [event(STAGES, c, 20 * i, 20) for i, c in enumerate(stages)]
    hypnogram = read_hypnogram(written(tmp_path, *events, epoch_length="<EpochLength>20</EpochLength>"))
    # 0-30 s: 20 s of W, 10 s of N1; 30-60 s: 10 s of N1, 20 s of N2.
    assert hypnogram.stage.tolist() == [W, N2]
    assert any("epochs of 20 s" in note and "2 hold more than one" in note for note in hypnogram.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_the_encoding_is_told_by_the_bytes_whatever_is_declared(tmp_path, encoding):
    path = written(tmp_path, event("Notes", "Éveil à 3 h", 0, 0), event(STAGES, "Wake|0", 0, 30), encoding=encoding)
    assert read_hypnogram(path).stage.tolist() == [W]


def test_namespaces_case_attributes_commas_and_spaces_do_no_harm(tmp_path):
    path = tmp_path / "vendor.xml"
    path.write_text(
        '\n<ns:psgannotation xmlns:ns="http://example.org/x">\n<ns:epochLength> 30,0 </ns:epochLength><ns:scoredEvents>'
        '<ns:scoredEvent eventtype=" STAGES|STAGES " EventConcept=" REM  Sleep |5" start="30,0" Duration="30,00"/>'
        "<ns:scoredEvent><ns:EVENTTYPE>Stages</ns:EVENTTYPE><ns:EventConcept>wake</ns:EventConcept>"
        "<ns:Start> 0 </ns:Start><ns:Duration/></ns:scoredEvent></ns:scoredEvents></ns:psgannotation>\n\n"
    )
    assert read_hypnogram(path).stage.tolist() == [W, R]


@pytest.mark.parametrize(
    "concepts",
    [
        ["SLEEP-S0", "SLEEP-S1", "SLEEP-S2", "SLEEP-S4", "SLEEP-REM"],
        ["SRO:Wake", "SRO:Stage1Sleep", "SRO:Stage2Sleep", "SRO:Stage3Sleep", "SRO:RapidEyeMovement"],
        [
            "SDO:WakeState",
            *(f"SDO:NonRapidEyeMovementSleep-N{i}" for i in (1, 2, 3)),
            "SDO:RapidEyeMovementSleep",
        ],
    ],
    ids=["embla", "sro", "sdo"],
)
def test_older_files_have_no_types_and_other_concepts_and_epochs_off_the_recordings_second_0(tmp_path, concepts):
    untyped = [event("", c, 61.0 + 30 * i, 30.0) for i, c in enumerate(concepts)]
    other = [event("", "ACTIVITY-MOVE", 64.5, 37.4), event("", "SRO:SignalArtifact", "", 222.5)]
    path = written(tmp_path, recording("26.01.10 21.29.59"), *other, *untyped, epoch_length="<EpochLength/>")
    path.write_text(path.read_text().replace("<EventType></EventType>", ""))
    hypnogram = read_hypnogram(path)
    assert hypnogram.stage.tolist() == [UNSCORED, UNSCORED, W, N1, N2, N3, R]
    # Epochs begin one second after the recording did, on the full minute.
    assert hypnogram.start == datetime(2010, 1, 26, 21, 30)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([event("Respiratory|Respiratory", "Hypopnea", 0, 10)], "no sleep stages"),
        ([event(STAGES, "Stage 7 sleep|7x", 0, 30)], "unknown stage 'Stage 7 sleep|7x'"),
        ([event(STAGES, "Wake|5", 0, 30)], "names one stage and has the code of another"),
        ([event(STAGES, "Wake|0", "soon", 30)], "start 'soon' is no number"),
        ([event(STAGES, "Wake|0", "", 30)], "has no start"),
        ([event(STAGES, "Wake|0", -30, 30)], "lies from -30 s to 0 s"),
        ([event(STAGES, "Wake|0", 0, 1e9)], "31 days"),
        ([event(STAGES, "Wake|0", "nan", 30)], "start 'nan' is no number"),
    ],
)
def test_what_cannot_be_believed_is_refused(tmp_path, events, words):
    assert words in fault_of(written(tmp_path, *events))


@pytest.mark.parametrize("length", ["-30", "1e9", "thirty"])
def test_an_impossible_epoch_length_is_refused(tmp_path, length):
    path = written(tmp_path, event(STAGES, "Wake|0", 0, 30), epoch_length=f"<EpochLength>{length}</EpochLength>")
    assert "EpochLength" in fault_of(path)


def test_lunas_own_xml_is_read(tmp_path):
    # As its WRITE-ANNOTS leaves it: no start, and 0 for a length of epochs that it does not know.
    instances = "".join(
        f'<Instance class="{name}">\n <Start>{30 * i}.000000</Start>\n <Duration>30.000000</Duration>\n</Instance>\n'
        for i, name in enumerate(["W", "N1", "?", "R"])
    )
    path = tmp_path / "luna.xml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n\n<Annotations>\n<StartTime>.</StartTime>\n<Duration>.</Duration>\n'
        '<EpochLength>0</EpochLength>\n<Classes>\n<Class name="N1">\n</Class>\n</Classes>\n'
        f"<Instances>\n{instances}</Instances>\n</Annotations>\n"
    )
    assert read_hypnogram(path).stage.tolist() == [W, N1, UNSCORED, R]


def test_entities_are_refused_before_they_grow(tmp_path):
    path = tmp_path / "laughs.xml"
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    path.write_text(f'<!DOCTYPE p [<!ENTITY l0 "lol">{entities}]><PSGAnnotation>&l9;</PSGAnnotation>')
    assert "declares the entity 'l0'" in fault_of(path)


def test_no_other_file_is_ever_read(tmp_path):
    (tmp_path / "secret").write_text("0")
    path = tmp_path / "external.xml"
    path.write_text(f'<!DOCTYPE p [<!ENTITY x SYSTEM "{tmp_path / "secret"}">]><PSGAnnotation>&x;</PSGAnnotation>')
    assert "declares the entity 'x'" in fault_of(path)


@pytest.mark.parametrize("text", ["<PSGAnnotation><ScoredEvents>", "<" * 50, "<a>" * 100_000, "<html></html>"])
def test_what_is_no_such_xml_is_refused(tmp_path, text):
    (tmp_path / "broken.xml").write_text(text)
    fault_of(tmp_path / "broken.xml")


def test_what_we_write_is_laid_out_as_nsrr_does(tmp_path):
    import numpy as np

    stage = np.array([W, W, N3, UNSCORED, R], dtype=np.int8)
    path = tmp_path / "out.xml"
    lost = write_hypnogram(Hypnogram(stage=stage, start=datetime(2024, 2, 29, 23, 30, 5)), path, "nsrr")
    text = path.read_text()
    assert lost == ()
    assert "<ClockTime>29.02.24 23.30.05</ClockTime>" in text
    # Programs in use look for this very text.
    assert "<EventConcept>Recording Start Time</EventConcept>\n<Start>0</Start>" in text
    assert "<EventConcept>Wake|0</EventConcept>\n<Start>0.0</Start>\n<Duration>60.0</Duration>" in text
    assert text.count("<EventType>Stages|Stages</EventType>") == 4
    assert read_scored_hypnogram(path).hypnogram.stage.tolist() == stage.tolist()
