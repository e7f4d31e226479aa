"""A file is written whole or not at all."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import atomic_path, folder_to_oneself, write_text_atomically


def test_text_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    write_text_atomically(path, "old\n")
    write_text_atomically(path, "κ\n")
    assert path.read_bytes() == "κ\n".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_halfway_leaves_the_old_file_and_no_litter(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")

    def write_half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("ne")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_not_there_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"


def test_an_error_names_the_file_and_never_its_temporary_name(tmp_path: Path) -> None:
    missing = tmp_path / "not there" / "x.txt"
    with pytest.raises(OSError, match="No such file") as raised:
        write_text_atomically(missing, "text")
    assert raised.value.filename == str(missing)


@pytest.mark.parametrize(("second", "named"), [("the temporary file", "copy"), (None, "source"), ("other", "source")])
def test_a_copy_that_has_no_room_names_what_was_to_be_written_and_not_its_source(
    second: str | None, named: str, tmp_path: Path
) -> None:
    """Python tells the source of a copy first, and where it goes as the second."""

    def copy(temporary: Path) -> None:
        where = str(temporary) if second == "the temporary file" else second
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "source", None, where)

    with pytest.raises(OSError, match="No space left") as caught, atomic_path(tmp_path / "copy") as temporary:
        copy(temporary)
    assert Path(caught.value.filename).name == named


def test_no_pipe_device_or_folder_is_replaced(tmp_path: Path) -> None:
    pipe, link, folder = tmp_path / "pipe", tmp_path / "link", tmp_path / "folder"
    os.mkfifo(pipe)
    link.symlink_to("/dev/null")
    folder.mkdir()
    # Where the output of a call goes into a file, /dev/stdout leads to one: its name must still not be taken.
    for path, fault in ((pipe, "no regular file"), (link, "no regular file"), (folder, "a folder")):
        with pytest.raises(InputError, match=f"is {fault}. Name a file to write"):
            write_text_atomically(path, "text")
    child = "from pathlib import Path; from mc2sleepnet.core import files; files.check_place(Path('/dev/stdout'))"
    with (tmp_path / "x.txt").open("w") as out:
        done = subprocess.run([sys.executable, "-c", child], stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert "/dev/stdout: is no regular file" in done.stderr
    assert (pipe.is_fifo(), link.is_symlink(), folder.is_dir()) == (True, True, True)
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "link", "folder", "x.txt"}


def test_only_what_a_killed_call_left_of_our_own_names_is_cleared(tmp_path: Path) -> None:
    zombie = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert zombie.stdout is not None
    zombie.stdout.read()  # it has ended, or is about to, and nobody has asked for its exit status
    running = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    theirs = {
        ".SC4001E0-PSG.edf.part",  # a download that will be resumed
        ".notes.part",
        "hypnogram.csv.part",
        f".other.csv.{ended.pid}.part",
        f".hypnogram.csv.{running.pid}.part",  # a writer that is at work
        f".hypnogram.csv.{os.getpid()}.part",
        ".hypnogram.csv.1.part",
        ".hypnogram.csv.part",
        ".hypnogram.csv.99999999999999999999.part",
    }
    ours = {f".hypnogram.csv.{ended.pid}.part", f".report.html.{zombie.pid}.part"}
    for name in theirs | ours:
        (tmp_path / name).touch()
    wait_until_ended(zombie.pid)
    with folder_to_oneself(tmp_path, ["hypnogram.csv", "report.html"]):
        assert {path.name for path in tmp_path.iterdir()} == theirs
    running.communicate(b"\n")
    zombie.communicate()


def wait_until_ended(process: int) -> None:
    while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
