"""What people and machines do to `prepare`: at once, killed, linked, read-only, in other letters."""

import os
import signal
import subprocess
import sys
import time

import pytest

from corpus_files import write_shhs
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.lock import only_writer
from mc2sleepnet.corpora.pairs import files_below
from mc2sleepnet.corpora.prepare import prepare
from mc2sleepnet.store import Store

STAGES = [0, 1, 2, 3, 5, 2, 2, 2]


@pytest.fixture
def source(tmp_path):
    for number in range(200001, 200009):
        write_shhs(tmp_path / "shhs", number, stages=STAGES)
    return tmp_path / "shhs"


@pytest.fixture
def store_dir(tmp_path):
    return tmp_path / "store"


def contents(store_dir):
    return {path.name: path.read_bytes() for path in store_dir.iterdir()}


def edf_of(source, number):
    return source / "polysomnography" / "edfs" / "shhs1" / f"shhs1-{number}.edf"


def test_a_store_is_prepared_by_one_at_a_time_and_survives_the_attempt(source, store_dir):
    prepare("shhs", source, store_dir)
    before = contents(store_dir)
    with only_writer(store_dir, "preparing"), pytest.raises(InputError, match="another process is preparing it"):
        prepare("shhs", source, store_dir)
    assert contents(store_dir) == before
    assert prepare("shhs", source, store_dir).n_already_there == 8


def started(source, store_dir):
    verb = [sys.executable, "-c", "from mc2sleepnet.cli import main; main()", "prepare", "shhs", str(source)]
    return subprocess.Popen(
        [*verb, "--store", str(store_dir)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_killed_at_any_moment_it_leaves_whole_recordings_and_goes_on(source, store_dir, tmp_path):
    prepare("shhs", source, tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    n_killed = 0
    for n_written in (1, 3, 6):
        with started(source, store_dir) as process:
            while process.poll() is None and len(list(store_dir.glob("shhs1-*.json"))) < n_written:
                time.sleep(0.001)
            process.kill()
            process.communicate()
            n_killed += process.returncode == -signal.SIGKILL
        # Whatever has a sidecar is whole, to the byte.
        for sidecar in store_dir.glob("shhs1-*.json"):
            assert sidecar.read_bytes() == whole[sidecar.name]
            assert sidecar.with_suffix(".i16").read_bytes() == whole[sidecar.with_suffix(".i16").name]
    assert n_killed
    assert prepare("shhs", source, store_dir).n_already_there >= 1
    assert contents(store_dir) == whole


def test_interrupted_it_says_so_and_keeps_what_is_finished(source, store_dir):
    process = started(source, store_dir)
    while process.poll() is None and not list(store_dir.glob("*.json")):
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    if process.returncode == 0:
        pytest.skip("it had ended before the signal came")
    assert process.returncode == 130
    assert "interrupted; what was finished is kept" in errors
    assert list(store_dir.glob(".*.part")) == []
    assert prepare("shhs", source, store_dir).n_already_there >= 1


def test_a_file_that_changes_in_place_is_prepared_again(source, store_dir):
    prepare("shhs", source, store_dir)
    path = edf_of(source, 200003)
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[-20:-10] = bytes(10)
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    # Neither its size nor its time tells.
    assert prepare("shhs", source, store_dir).n_already_there == 7


def test_a_corpus_of_links_is_followed_and_met_once(source, store_dir, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "a").symlink_to(source, target_is_directory=True)
    (linked / "b").symlink_to(source, target_is_directory=True)
    (source / "loop").symlink_to(linked, target_is_directory=True)
    assert len(prepare("shhs", linked, store_dir).recordings) == 8
    (linked / "shhs1-200001.edf").symlink_to(edf_of(source, 200001))
    assert len([path for path in files_below(linked) if path.name == "shhs1-200001.edf"]) == 1


def test_a_link_to_nothing_is_a_file_that_cannot_be_read(source, store_dir):
    edf_of(source, 200001).unlink()
    edf_of(source, 200001).symlink_to("gone.edf")
    with pytest.raises(InputError, match=r"shhs1-200001\.edf: no such file"):
        prepare("shhs", source, store_dir)
    assert len(list(store_dir.glob("*.i16"))) == 7


def test_names_in_capitals_are_the_same_names(source, store_dir):
    for path in [*source.rglob("*.edf"), *source.rglob("*.xml")]:
        path.rename(path.with_name(path.name.upper()))
    assert prepare("shhs", source, store_dir).recordings[0].name == "shhs1-200001"


def test_copies_are_refused_and_both_are_named(source, store_dir):
    copy = source / "copy" / "SHHS1-200001.EDF"
    copy.parent.mkdir()
    copy.write_bytes(edf_of(source, 200001).read_bytes())
    with pytest.raises(InputError, match=r"shhs1-200001\.edf: is the same night as .*SHHS1-200001\.EDF"):
        prepare("shhs", source, store_dir)
    assert not store_dir.exists()


def test_a_store_in_the_corpus_or_over_it(source):
    with pytest.raises(InputError, match="is the folder of the recordings themselves"):
        prepare("shhs", source, source)
    prepare("shhs", source, source / "store")
    assert prepare("shhs", source, source / "store").n_already_there == 8


def test_a_store_that_lost_a_file_is_mended(source, store_dir):
    prepare("shhs", source, store_dir)
    whole = contents(store_dir)
    (store_dir / "shhs1-200002.i16").unlink()
    with (store_dir / "shhs1-200003.i16").open("r+b") as file:
        file.truncate(999)
    (store_dir / "shhs1-200004.json").write_text("{")
    with pytest.raises(InputError, match=r"shhs1-200002\.i16: no such file"):
        Store.open(store_dir)
    assert prepare("shhs", source, store_dir).n_already_there == 5
    assert contents(store_dir) == whole


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_store_that_cannot_be_written_is_named(source, store_dir):
    store_dir.mkdir(mode=0o500)
    with pytest.raises(PermissionError) as raised:
        prepare("shhs", source, store_dir)
    assert str(store_dir) in str(raised.value.filename)


def test_a_store_whose_place_is_taken_is_refused(source, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        prepare("shhs", source, tmp_path / "file")
    with pytest.raises(OSError, match="Not a directory"):
        prepare("shhs", source, tmp_path / "file" / "store")
