import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.formats import read_hypnogram
from mc2sleepnet.formats.decoding import LARGEST_BYTES, MOST_LINES, read_text


def test_a_recording_given_by_mistake_is_refused_before_it_fills_the_memory(tmp_path):
    with (tmp_path / "night.bin").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(InputError, match="larger than 32 MiB"):
        read_hypnogram(tmp_path / "night.bin")


def test_too_many_lines_or_elements_are_refused(tmp_path):
    (tmp_path / "long.txt").write_bytes(b"0\n" * (MOST_LINES + 1))
    with pytest.raises(InputError, match="more than 500000 lines"):
        read_hypnogram(tmp_path / "long.txt")
    (tmp_path / "wide.xml").write_bytes(b"<p>" + b"<a/>" * 300_000 + b"</p>")
    with pytest.raises(InputError, match="more than 300000 elements"):
        read_hypnogram(tmp_path / "wide.xml")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Éveil".encode("utf-8-sig"), "Éveil"),
        ("Éveil".encode("utf-16"), "Éveil"),
        ("W\nN1".encode("utf-16-le"), "W\nN1"),
        ("W\nN1".encode("utf-16-be"), "W\nN1"),
        ("Éveil".encode("utf-32"), "Éveil"),
        ("Éveil".encode("cp1252"), "Éveil"),
        ('<?xml version="1.0" encoding="koi8-r"?><a>Сон</a>'.encode("koi8-r"), None),
        (b"W\r\nN1\rN2\n", "W\nN1\nN2\n"),
        (b"", ""),
    ],
)
def test_the_bytes_tell_the_encoding(tmp_path, content, text):
    (tmp_path / "f").write_bytes(content)
    read = read_text(tmp_path / "f")
    assert read == text if text is not None else "Сон" in read


def test_zero_bytes_are_no_text(tmp_path):
    (tmp_path / "f").write_bytes(b"W\0\0\0N1N2N3")
    with pytest.raises(InputError, match="no text file"):
        read_text(tmp_path / "f")
