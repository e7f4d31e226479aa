from datetime import datetime

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.formats import read_hypnogram

SESSION = "<Session><RecordingStart>2018-03-02T22:15:07</RecordingStart><Duration>200</Duration></Session>"


def written(tmp_path, staging, session=SESSION):
    path = tmp_path / "night.rml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<PatientStudy xmlns="http://www.respironics.com/PatientStudy.xsd">'
        f"<Acquisition><Sessions>{session}</Sessions></Acquisition><ScoringData><StagingData>{staging}</StagingData>"
        "</ScoringData></PatientStudy>"
    )
    return path


def staging(*stages, kind="UserStaging"):
    inside = "".join(f'<Stage Type="{name}" Start="{start}" />' for name, start in stages)
    return f"<{kind}><NeuroAdultAASMStaging>{inside}</NeuroAdultAASMStaging></{kind}>"


STAGES = [("NotScored", 0), ("Wake", 30), ("NonREM1", 60), ("NonREM2", 90), ("NonREM3", 120), ("REM", 150)]


def test_each_stage_lasts_until_the_next_and_the_last_to_the_end(tmp_path):
    hypnogram = read_hypnogram(written(tmp_path, staging(*STAGES)))
    # The session ends 20 s into its seventh epoch, which was no epoch to score.
    assert hypnogram.stage.tolist() == [UNSCORED, W, N1, N2, N3, R, UNSCORED]
    assert hypnogram.start == datetime(2018, 3, 2, 22, 15, 7)
    assert hypnogram.notes == ()


def test_a_persons_stages_go_before_the_softwares_which_are_said(tmp_path):
    machine = staging(("REM", 0), kind="MachineStaging")
    assert read_hypnogram(written(tmp_path, machine + staging(*STAGES))).stage[1] == W
    alone = read_hypnogram(written(tmp_path, machine))
    assert alone.stage.tolist() == [R] * 6 + [UNSCORED]
    assert any("software" in note for note in alone.notes)


@pytest.mark.parametrize(
    ("stages", "session", "words"),
    [
        ([("Dreaming", 0)], SESSION, "unknown type 'Dreaming'"),
        ([("Wake", "soon")], SESSION, "no start in seconds"),
        ([("Wake", 0)], SESSION * 2, "2 sessions"),
        ([], SESSION, "no sleep stages"),
    ],
)
def test_what_cannot_be_believed_is_refused(tmp_path, stages, session, words):
    with pytest.raises(InputError, match=words):
        read_hypnogram(written(tmp_path, staging(*stages), session))
