import numpy as np
import pytest

from hypnogram_files import csv_file, text_file
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.evaluation.scorer_files import scorers_of
from mc2sleepnet.evaluation.scorings import read_scoring


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_rows_of_an_npz_are_scorers_and_arrays_nights(tmp_path):
    path = npz(tmp_path / "n.npz", one=np.array([[0, 1], [2, -1]]), two=np.array([[3], [4]]))
    scorers = scorers_of(str(path))
    assert [scorer.label for scorer in scorers] == ["scorer 1", "scorer 2"]
    assert read_scoring(scorers[1].nights["one"]).hypnogram.stage.tolist() == [2, -1]
    assert list(scorers[0].nights) == ["one", "two"]


@pytest.mark.parametrize(
    "array",
    [np.zeros(3), np.array([[{}]], dtype=object), np.zeros((2, 2, 2))],
    ids=["one axis", "pickled objects", "three axes"],
)
def test_an_npz_of_something_else_is_refused(tmp_path, array):
    with pytest.raises(InputError, match="shape"):
        scorers_of(str(npz(tmp_path / "n.npz", x=array)))


@pytest.mark.parametrize("array", [np.full((2, 3), 0.5), np.full((2, 3), 7)])
def test_arrays_of_other_numbers_are_refused_when_read(tmp_path, array):
    (first, _) = scorers_of(str(npz(tmp_path / "n.npz", x=array)))
    with pytest.raises(InputError, match="whole numbers from -1 to 4"):
        read_scoring(first.nights["x"])


def test_a_damaged_npz_is_an_input_error(tmp_path):
    path = npz(tmp_path / "n.npz", x=np.zeros((2, 3), int))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="no file of arrays"):
        scorers_of(str(path))


def test_a_column_of_a_file_without_columns_is_refused_and_a_colon_in_a_name_is_no_column(tmp_path):
    with pytest.raises(InputError, match="no columns of stages"):
        scorers_of(f"{csv_file(tmp_path / 'a.csv', [0])}:stage")
    odd = csv_file(tmp_path / "a:b.csv", [0])
    assert next(iter(scorers_of(str(odd))[0].nights.values())).path == odd


def test_of_several_files_of_one_night_the_one_with_probabilities_is_read(tmp_path):
    ours = csv_file(tmp_path / "night" / "hypnogram.csv", [0])
    text_file(tmp_path / "night" / "hypnogram.txt", [1])
    (scorer,) = scorers_of(str(tmp_path))
    assert {name: file.path for name, file in scorer.nights.items()} == {"night": ours}


def test_signals_beside_their_hypnogram_are_not_taken_for_it(tmp_path):
    hypnogram = text_file(tmp_path / "n1_stage.txt", [0])
    (tmp_path / "n1.edf").write_bytes(b"0       ")
    (tmp_path / "n1-PSG.edf").write_bytes(b"0       ")
    (scorer,) = scorers_of(str(tmp_path))
    assert [file.path for file in scorer.nights.values()] == [hypnogram]


def test_nothing_there_and_an_empty_folder_say_so(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        scorers_of(str(tmp_path / "none"))
    with pytest.raises(InputError, match="holds no hypnogram"):
        scorers_of(str(tmp_path))
