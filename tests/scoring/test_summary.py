"""What `score` says in a terminal."""

from pathlib import Path

from mc2sleepnet.scoring.job import Finished
from mc2sleepnet.scoring.summary import Outcome, outcome_text


def told(n_epochs, tst_min, se_percent):
    facts = {"n_epochs": n_epochs, "n_scored": n_epochs, "n_review": 0, "is_synthetic": False, "dissent": None}
    facts |= {"channel": {"label": "C4-M1"}, "findings": []}
    statistics = {"tst_min": tst_min, "se_percent": se_percent}
    finished = Finished(provenance=facts, statistics=statistics, was_finished_before=False, folder_name="a")
    return outcome_text(Outcome(index=0, path=Path("a.edf"), folder=Path("out/a"), finished=finished)).splitlines()[0]


def test_half_minutes_and_tenths_of_a_percent_are_said_as_in_the_report():
    assert told(1, 0.5, 100.0) == "a.edf: 1 epoch of C4-M1, TST 0.5 min, efficiency 100.0 %, 0 to review (0 %)"
    assert "TST 402.5 min, efficiency 98.5 %" in told(960, 402.5, 98.5)
    assert "no sleep" in told(3, 0.0, 0.0)
