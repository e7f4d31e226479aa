import errno
import hashlib
import resource
import signal
import subprocess
import sys
import time

import pytest

from bad_server import BadServer, serve
from mc2sleepnet.core.errors import InputError, SomeInputsError
from mc2sleepnet.core.lock import only_writer
from mc2sleepnet.corpora.download import download
from mc2sleepnet.corpora.fetching import Patience

PATIENCE = Patience(attempts=4, first_wait_s=0.001, timeout_s=5)
PSG = "sleep-cassette/SC4001E0-PSG.edf"
HYPNOGRAM = "sleep-cassette/SC4001EC-Hypnogram.edf"
TELEMETRY = "sleep-telemetry/ST7011J0-PSG.edf"
CONTENT = {
    PSG: b"".join(hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(4000)),
    HYPNOGRAM: b"hypnogram" * 50,
    TELEMETRY: b"telemetry" * 700,
    "SC-subjects.xls": b"table",
}


@pytest.fixture
def server():
    sums = "".join(f"{hashlib.sha256(content).hexdigest()} {name}\n" for name, content in CONTENT.items())
    files = {**CONTENT, "SHA256SUMS.txt": sums.encode(), "RECORDS": f"{PSG}\n{TELEMETRY}\n".encode()}
    with serve(BadServer(files=files)) as running:
        yield running


def fetched(server, out, **options):
    return download("sleep-edf", out, base_url=server.url, patience=PATIENCE, **options)


def check_whole(out, names=CONTENT):
    for name in names:
        assert (out / name).read_bytes() == CONTENT[name]
    assert [path.name for path in out.rglob("*.part")] == []


def test_all_files_come_in_physionets_layout_and_once(server, tmp_path):
    result = fetched(server, tmp_path)
    check_whole(tmp_path)
    assert (result.n_files, result.n_already_there, result.remarks) == (4, 0, ())
    assert result.n_bytes == sum(map(len, CONTENT.values()))
    assert (tmp_path / "SHA256SUMS.txt").read_bytes() == server.files["SHA256SUMS.txt"]
    n_requests = len(server.requests)
    assert fetched(server, tmp_path).n_already_there == 4
    assert len(server.requests) == n_requests + 2


def test_only_what_is_asked_for_comes(server, tmp_path):
    assert fetched(server, tmp_path, only=["sleep-cassette/*"]).n_files == 2
    assert not (tmp_path / TELEMETRY).exists()
    with pytest.raises(InputError, match="fits none of the 4 files"):
        fetched(server, tmp_path, only=["cassette"])


def test_a_broken_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.faults[PSG] = ["break:1000", "break:2000", "drop", "break:1"]
    fetched(server, tmp_path)
    check_whole(tmp_path)
    assert server.asked_for(PSG)[:3] == [None, "bytes=1000-", "bytes=3000-"]


def test_what_a_killed_run_left_is_gone_on_with(server, tmp_path):
    (tmp_path / "sleep-cassette").mkdir()
    (tmp_path / "sleep-cassette" / ".SC4001E0-PSG.edf.part").write_bytes(CONTENT[PSG][:5000])
    (tmp_path / "sleep-cassette" / ".SC4001EC-Hypnogram.edf.part").write_bytes(CONTENT[HYPNOGRAM])
    fetched(server, tmp_path)
    check_whole(tmp_path)
    assert server.asked_for(PSG) == ["bytes=5000-"]
    assert server.asked_for(HYPNOGRAM) == []


def test_a_connection_that_breaks_often_but_gets_on_is_never_given_up(server, tmp_path):
    server.faults[PSG] = ["break:4000*"]
    fetched(server, tmp_path)
    check_whole(tmp_path)


@pytest.mark.parametrize(
    "faults",
    [
        ["short:700"],
        ["long:700"],
        ["long:700*"],
        ["wrong"],
        ["break:900", "norange"],
        ["norange:0", "break:5", "norange*"],
        ["break:900", "elsewhere", "elsewhere"],
        ["break:900", "wrong"],
        ["html"],
        ["short:128000", "html"],
        ["500", "503:0", "429"],
        ["drop", "502"],
    ],
)
def test_lies_wrong_bytes_and_refusals_are_overcome(server, tmp_path, faults):
    server.faults[PSG] = faults
    fetched(server, tmp_path)
    check_whole(tmp_path)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (["wrong*"], "is not the file that SHA256SUMS.txt names"),
        (["html*"], "is not the file that SHA256SUMS.txt names"),
        (["404"], "the server answers 404"),
        (["403"], "the server answers 403"),
        (["500*"], "the server answers 500 Internal Server Error, 4 times"),
        (["break:0*"], "the connection broke after 0 of 128000 bytes, 4 times"),
        (["drop*"], "closed connection without response, 4 times"),
    ],
)
def test_a_file_that_cannot_be_had_is_named_when_all_others_are_there(server, tmp_path, faults, words):
    server.faults[PSG] = faults
    with pytest.raises(SomeInputsError, match=f"1 of 4 files could not be fetched.*{PSG}: .*{words}"):
        fetched(server, tmp_path)
    assert not (tmp_path / PSG).exists()
    for name in set(CONTENT) - {PSG}:
        assert (tmp_path / name).read_bytes() == CONTENT[name]
    server.faults.clear()
    fetched(server, tmp_path)
    check_whole(tmp_path)


def test_a_file_that_was_damaged_here_is_fetched_again(server, tmp_path):
    fetched(server, tmp_path)
    (tmp_path / PSG).write_bytes(b"damaged")
    assert fetched(server, tmp_path).n_already_there == 3
    check_whole(tmp_path)


def test_a_server_that_is_gone_ends_the_attempt_early(server, tmp_path):
    for name in CONTENT:
        server.faults[name] = ["drop*"]
    with pytest.raises(SomeInputsError, match="given up after 2 of 4 files"):
        fetched(server, tmp_path)
    with pytest.raises(InputError, match="connection refused, 4 times"):
        download("sleep-edf", tmp_path, base_url="http://127.0.0.1:9/", patience=PATIENCE)


def test_a_list_that_was_cut_short_is_not_believed(server, tmp_path):
    lines = server.files["SHA256SUMS.txt"].splitlines(keepends=True)
    server.files["SHA256SUMS.txt"] = b"".join(lines[:2])
    with pytest.raises(InputError, match=f"lacks 1 of the 2 recordings of RECORDS, such as '{TELEMETRY}'"):
        fetched(server, tmp_path)
    server.files["SHA256SUMS.txt"] = b"".join(lines)[:-30]
    with pytest.raises(InputError, match=r"(names a file|is no SHA-256|lacks)"):
        fetched(server, tmp_path)


def test_a_list_without_records_is_used_and_told(server, tmp_path):
    del server.files["RECORDS"]
    assert "could not be checked" in fetched(server, tmp_path).to_text()


def test_a_list_that_breaks_off_is_asked_for_again(server, tmp_path):
    server.faults["SHA256SUMS.txt"] = ["break:40", "503"]
    fetched(server, tmp_path)
    check_whole(tmp_path)


@pytest.mark.parametrize("name", ["../escaped.edf", "/tmp/escaped.edf", "a/../../b", "C:\\x", "a//b", "./a"])
def test_a_list_cannot_write_outside_its_folder(server, tmp_path, name):
    server.files["SHA256SUMS.txt"] = f"{'0' * 64} {name}\n".encode()
    with pytest.raises(InputError, match="names a file outside its folder"):
        fetched(server, tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".lock"]


@pytest.mark.parametrize("text", ["<html></html>", "", "abc  file.edf\n", f"{'0' * 64}\n", f"{'g' * 64} a\n"])
def test_what_is_no_list_of_hashes_is_refused(server, tmp_path, text):
    server.files["SHA256SUMS.txt"] = text.encode()
    with pytest.raises(InputError, match=r"SHA256SUMS\.txt: (line 1 is no SHA-256|names no files)"):
        fetched(server, tmp_path)


def test_addresses_and_corpora_that_cannot_be_meant_are_refused(server, tmp_path):
    with pytest.raises(InputError, match="is no address"):
        download("sleep-edf", tmp_path, base_url="file:///etc/")
    with pytest.raises(InputError, match=r"SHHS is handed out by sleepdata\.org"):
        download("shhs", tmp_path)
    with pytest.raises(InputError, match="the server answers 404"):
        download("sleep-edf", tmp_path, base_url=server.url + "gone", patience=PATIENCE)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        fetched(server, tmp_path / "file")


def test_two_at_once_are_refused(server, tmp_path):
    with (
        only_writer(tmp_path, "downloading to"),
        pytest.raises(InputError, match="another process is downloading to it"),
    ):
        fetched(server, tmp_path)


def test_a_full_disk_is_named_and_not_tried_again(server, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as raised:
            fetched(server, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.errno == errno.EFBIG
    assert "SC4001E0-PSG.edf" in raised.value.filename
    assert len(server.asked_for(PSG)) == 1
    fetched(server, tmp_path)
    check_whole(tmp_path)


def test_killed_at_any_moment_it_goes_on(server, tmp_path):
    server.faults[PSG] = ["slow*"]
    verb = [sys.executable, "-c", "from mc2sleepnet.cli import main; main()", "download", "sleep-edf"]
    command = [*verb, "--out", str(tmp_path), "--base-url", server.url]
    part = tmp_path / "sleep-cassette" / ".SC4001E0-PSG.edf.part"
    for n_bytes in (1, 30_000, 60_000):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and not (part.exists() and part.stat().st_size >= n_bytes):
                time.sleep(0.001)
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert part.stat().st_size >= n_bytes
        assert not (tmp_path / PSG).exists()
    server.faults.clear()
    fetched(server, tmp_path)
    check_whole(tmp_path)
    # Nothing that had arrived was asked for again.
    starts = [int((wanted or "bytes=0-")[6:-1]) for wanted in server.asked_for(PSG)]
    assert starts == sorted(starts)
    assert starts[-1] >= 60_000
