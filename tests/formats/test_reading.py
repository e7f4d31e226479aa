import numpy as np
import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.formats import read_hypnogram
from mc2sleepnet.formats.edfplus import write_hypnogram


def test_a_format_is_told_by_content_whatever_the_files_name(tmp_path):
    hypnogram = Hypnogram(stage=np.array([0, 2], dtype=np.int8))
    write_hypnogram(tmp_path / "h.csv", hypnogram, is_synthetic=False)
    assert read_hypnogram(tmp_path / "h.csv").stage.tolist() == [0, 2]


def test_a_file_of_no_known_format_is_refused_with_a_remedy(tmp_path):
    (tmp_path / "notes.txt").write_text("slept well")
    with pytest.raises(InputError, match=r"notes.txt: is no hypnogram of a known format\. Give EDF\+"):
        read_hypnogram(tmp_path / "notes.txt")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"gone.edf: no such file"):
        read_hypnogram(tmp_path / "gone.edf")
    with pytest.raises(InputError, match="is a directory"):
        read_hypnogram(tmp_path)
