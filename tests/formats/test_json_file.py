import json
from datetime import datetime

import numpy as np
import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import N1, N3, UNSCORED, R, W
from mc2sleepnet.formats import read_hypnogram, read_scored_hypnogram, write_hypnogram
from mc2sleepnet.formats.json_file import KEYS


def read(tmp_path, content):
    path = tmp_path / "h.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_hypnogram(path)


def test_the_keys_are_the_contracts(tmp_path):
    hypnogram = Hypnogram(stage=np.array([W, UNSCORED], dtype=np.int8), start=datetime(2024, 1, 1, 22))
    write_hypnogram(hypnogram, tmp_path / "h.json", "json")
    content = json.loads((tmp_path / "h.json").read_text())
    assert tuple(content) == KEYS
    assert content["stages"] == ["W", "UNS"]
    assert content["start"] == "2024-01-01T22:00:00"


def test_a_list_as_dods_scorers_have_it(tmp_path):
    assert read(tmp_path, [0, 1, 3, 4, -1]).stage.tolist() == [W, N1, N3, R, UNSCORED]
    assert read(tmp_path, ["W", "N1", None]).stage.tolist() == [W, N1, UNSCORED]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ({"a": 1}, "no list 'stages'"),
        ({"stages": []}, "no epochs"),
        ({"stages": [True, False]}, "neither names nor numbers"),
        ({"stages": [[0]]}, "neither names nor numbers"),
        ({"stages": [0.5]}, "unknown stage"),
        ({"stages": ["W"], "epoch_s": 20}, "epoch_s is not 30"),
        ({"stages": ["W"], "start": "soon"}, "start 'soon'"),
        ({"stages": ["W"], "start": "9999-12-31T23:59:59"}, "beyond the year 9999"),
        ({"stages": ["W"], "confidence": [2]}, "'confidence' is no list of 1 epochs"),
        ({"stages": ["W"], "confidence": [[0.5]]}, "'confidence' is no list of 1 epochs"),
        ({"stages": ["W"], "hypnodensity": [[0.5]]}, "'hypnodensity' is no list"),
        ({"stages": ["W"], "review": [1, 0]}, "'review' is no list"),
        ({"stages": ["W"], "source": [1]}, "'source' is no list"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, content)


def test_dods_five_scorers_survive(real_data, tmp_path):
    with np.load(real_data / "dod" / "dod_5scorers.npz", allow_pickle=False) as nights:
        stages = nights[nights.files[0]]
    for scorer in stages:
        path = tmp_path / "scorer.json"
        path.write_text(json.dumps(scorer.tolist()))
        assert read_scored_hypnogram(path).hypnogram.stage.tolist() == scorer.tolist()
