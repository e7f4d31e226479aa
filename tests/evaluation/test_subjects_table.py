import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.evaluation.subjects_table import read_subjects, without_table


def table(tmp_path, text, name="subjects.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_without_a_table_names_say_whose_a_recording_is():
    assert without_table(["SC4001E0", "SC4002E0", "a"]).subjects == ("SC400", "SC400", "a")


def test_a_column_of_persons_joins_recordings_as_boas_has_it(tmp_path):
    path = table(tmp_path, "participant_id\tage\tpid\nsub-1\t27\t89\nsub-2\t27\t89\nsub-3\t61\t7\n", "participants.tsv")
    found = read_subjects(path, ["sub-1_task-Sleep", "sub-2_task-Sleep", "sub-3_task-Sleep"], by=["age"])
    assert found.subjects == ("89", "89", "7")
    assert found.groups == {"age": ("27", "27", "61")}
    assert found.n_found == 3


@pytest.mark.parametrize("name", ["4", "SC404", "sc4041", "SC4041E0", "SC4041E0-PSG.edf"])
def test_sleep_edf_subjects_are_found_by_number_subject_night_or_file(tmp_path, name):
    path = table(tmp_path, f"id;sex\n{name};F\nother;M\n")
    assert read_subjects(path, ["SC4041E0"], by=["sex"]).groups["sex"] == ("F",)


def test_ages_become_bands_and_other_numbers_thirds(tmp_path):
    rows = [(f"n{i}", 15 + 7 * i, 20 + i) for i in range(12)]
    path = table(tmp_path, "recording,age,bmi\n" + "".join(f"{n},{a},{b}\n" for n, a, b in rows))
    groups = read_subjects(path, [n for n, _, _ in rows], by=["age", "bmi"]).groups
    assert groups["age"][:2] == ("<20", "20–39")
    assert groups["age"][-1] == "80 or more"
    assert sorted(set(groups["bmi"])) == ["20–23", "24–27", "28–31"]


def test_words_and_few_numbers_stay_as_they_are_and_missing_is_no_group(tmp_path):
    path = table(tmp_path, "recording,site\na,1\nb,n/a\nc,\n")
    assert read_subjects(path, ["a", "b", "c", "d"], by=["site"]).groups["site"] == ("1", "", "", "")


@pytest.mark.parametrize(
    ("text", "by", "fault"),
    [
        ("recording,age\nx,3\n", (), "none of its rows is about a recording"),
        ("recording,age\na,3\n", ("sex",), "no column 'sex'. Choose from recording, age"),
        ("subject,age\na,3\na,4\n", ("age",), "several rows for a, 'age' '3' and '4'. Name recordings instead"),
        ("recording,age\n", (), "has no rows"),
        ("", (), "has no rows"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path, text, by, fault):
    with pytest.raises(InputError, match=fault):
        read_subjects(table(tmp_path, text), ["a"], by=by)


def test_several_rows_of_a_subject_may_differ_in_what_is_not_asked_for(tmp_path):
    path = table(tmp_path, "subject,night,age\nSC404,1,30\nSC404,2,30\n")
    assert read_subjects(path, ["SC4041E0", "SC4042E0"], by=["age"]).groups["age"] == ("30", "30")


def test_a_missing_table_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_subjects(tmp_path / "none.csv", ["a"])
