import json
import pickle
import resource
from contextlib import contextmanager
from datetime import datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.store import Store, finished_recording, reading, write_index
from mc2sleepnet.store.layout import decode_stages, encode_stages


@pytest.fixture
def few_maps(monkeypatch):
    """As with more recordings than a process can map."""
    monkeypatch.setattr(reading, "MOST_MAPS", 1)


def noise_uv(n_epochs, scale=30.0):
    return np.random.default_rng(7).normal(0, scale, (n_epochs, 3000)).astype(np.float32)


def test_signals_come_back_to_half_a_step(put, opened):
    signal_uv = noise_uv(3)
    stored = put("night1", 3, signal_uv=signal_uv)
    read = opened().signal_uv(np.arange(3))
    assert read.dtype == np.float32
    assert stored.scale_uv < 0.01
    np.testing.assert_allclose(read, signal_uv, atol=stored.scale_uv * 0.51)


def test_all_that_is_known_of_a_recording_comes_back(put, opened):
    stored = put("night1", start=datetime(2024, 2, 29, 23), findings=[Finding(id="flat", message="2 epochs are flat")])
    (read,) = opened().recordings
    assert read == stored
    assert read.start_time == datetime(2024, 2, 29, 23)
    assert read.stages.tolist() == [-1, 0, 1, 2]


@given(st.lists(st.integers(-1, 4)))
def test_stages_as_letters_come_back(stage):
    assert decode_stages(encode_stages(np.array(stage, dtype=np.int8))).tolist() == stage


def test_a_signal_beyond_the_limit_is_clipped_and_counted_and_spoils_nothing_else(put, opened):
    signal_uv = noise_uv(2)
    signal_uv[0, :3] = [1e6, -1e6, 5000]
    stored = put("night1", 2, signal_uv=signal_uv)
    read = opened().signal_uv(np.arange(2))
    assert stored.n_clipped == 2
    np.testing.assert_allclose(read[0, :3], [5000, -5000, 5000], rtol=1e-6)
    np.testing.assert_allclose(read[0, 3:], signal_uv[0, 3:], atol=0.08)


def test_a_recording_of_zeros_is_zeros(put, opened):
    put("night1", 2, signal_uv=np.zeros((2, 3000), np.float32))
    assert not opened().signal_uv(np.arange(2)).any()


def test_epochs_are_numbered_through_all_recordings(put, opened):
    for name, n_epochs in (("b2", 3), ("a1", 2), ("c1", 4)):
        put(name, n_epochs)
    store = opened()
    assert [recording.name for recording in store.recordings] == ["a1", "b2", "c1"]
    assert store.first_epoch.tolist() == [0, 2, 5, 9]
    assert store.n_epochs == 9
    assert store.stage.tolist() == [-1, 0, -1, 0, 1, -1, 0, 1, 2]
    assert store.recording_of(np.array([[0, 1, 2], [4, 8, -1]])).tolist() == [[0, 0, 1], [1, 2, -1]]
    assert store.epochs_of(1).tolist() == [2, 3, 4]
    assert store.subjects == ("1", "2")
    assert store.recordings_of({"1", "9"}).tolist() == [0, 2]
    assert store.corpus == "sleep-edf-78"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(indices=st.lists(st.integers(-1, 11), max_size=40))
def test_any_epochs_in_any_order_equal_a_plain_lookup(put, opened, indices):
    check_lookup(put, opened, indices)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(indices=st.lists(st.integers(-1, 11), max_size=40))
def test_a_store_of_too_many_recordings_to_map_reads_the_same(put, opened, indices, few_maps):
    check_lookup(put, opened, indices)


def check_lookup(put, opened, indices):
    for name, n_epochs in (("a", 5), ("b", 1), ("c", 6)):
        put(name, n_epochs, signal_uv=noise_uv(n_epochs, 20.0 * n_epochs))
    store = opened()
    plain = np.concatenate([store.signal_uv(store.epochs_of(i)) for i in range(3)])
    wanted = np.array(indices, dtype=np.int64)
    expected = np.where(wanted[:, None] < 0, 0, plain[wanted])
    assert np.array_equal(store.signal_uv(wanted), expected)


@pytest.mark.parametrize("harm", ["shortened", "removed"])
def test_epochs_that_vanish_while_a_large_store_is_open_are_named(put, opened, tmp_path, few_maps, harm):
    put("a")
    put("b")
    store = opened()
    if harm == "removed":
        (tmp_path / "b.i16").unlink()
    else:
        (tmp_path / "b.i16").write_bytes(bytes(6000))
    with pytest.raises(InputError, match=r"b\.i16: (is damaged: 6000 bytes|no such file)"):
        store.signal_uv(np.array([7]))


def test_padding_gives_zeros_and_the_shape_is_kept(put, opened):
    put("a", 4)
    batch = opened().signal_uv(np.array([[0, 1, 2], [3, -1, -1]]))
    assert batch.shape == (2, 3, 3000)
    assert batch[1, 0].any()
    assert not batch[1, 1:].any()
    assert opened().signal_uv(np.zeros((0, 16), np.int64)).shape == (0, 16, 3000)


def test_an_epoch_that_is_not_there_is_our_own_bug(put, opened):
    put("a", 4)
    with pytest.raises(AssertionError):
        opened().signal_uv(np.array([4]))


def test_a_store_travels_to_a_worker_without_its_maps(put, opened):
    put("a", 4)
    store = opened()
    before = store.signal_uv(np.arange(4))
    travelled = pickle.dumps(store)
    assert len(travelled) < 10_000
    assert np.array_equal(pickle.loads(travelled).signal_uv(np.arange(4)), before)


def test_what_was_synthetic_says_so(put, opened):
    put("a")
    assert not opened().is_synthetic
    put("b", is_synthetic=True)
    assert opened().is_synthetic


def test_the_content_hash_follows_the_content_and_nothing_else(put, opened, tmp_path):
    put("a")
    first = opened().content_hash
    put("a", findings=[Finding(id="flat", message="")], source_sha256="the same night from another file")
    assert opened().content_hash == first
    changes = [
        {"signal_uv": noise_uv(4)},
        {"stage": np.zeros(4, np.int8)},
        {"is_readable": np.zeros(4, np.bool_)},
        {"protocol": {"trim_limits": "any_non_wake"}},
        {"subject": "another"},
    ]
    hashes = {first}
    for change in changes:
        put("a", **change)
        hashes.add(opened().content_hash)
    assert len(hashes) == len(changes) + 1


def test_a_recording_is_finished_only_when_its_sidecar_and_all_epochs_are_there(put, tmp_path):
    stored = put("a")
    assert finished_recording(tmp_path, "a") == stored
    assert finished_recording(tmp_path, "b") is None
    with (tmp_path / "a.i16").open("r+b") as file:
        file.truncate(1000)
    assert finished_recording(tmp_path, "a") is None
    put("a")
    (tmp_path / "a.json").write_text('{"version": 1')
    assert finished_recording(tmp_path, "a") is None


def test_an_interrupted_write_leaves_no_finished_recording(put, tmp_path):
    put("a")
    with pytest.raises(AssertionError):
        put("a", signal_uv=np.full((4, 3000), np.nan, np.float32))
    assert finished_recording(tmp_path, "a") is None
    assert list(tmp_path.glob("*.part")) == []


def test_recordings_of_two_protocols_make_no_store(put, tmp_path):
    put("a")
    put("b", protocol={"trim_limits": "any_non_wake"})
    with pytest.raises(InputError, match="'b' was prepared otherwise than 'a'"):
        write_index(tmp_path, "sleep-edf-78")


def test_an_empty_folder_makes_no_store(tmp_path):
    with pytest.raises(InputError, match="holds no recordings"):
        write_index(tmp_path, "sleep-edf-78")


def test_a_store_that_cannot_be_used_is_refused_with_the_file_named(put, opened, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        Store.open(tmp_path / "gone")
    with pytest.raises(InputError, match="no finished store"):
        Store.open(tmp_path)
    put("a")
    opened()
    index = tmp_path / "index.json"
    whole = index.read_text()

    def fault_after(text):
        index.write_text(text)
        with pytest.raises(InputError) as raised:
            Store.open(tmp_path)
        assert str(raised.value).startswith(str(index))
        return str(raised.value)

    assert "no JSON" in fault_after(whole[:-20])
    assert "version 1" in fault_after(whole.replace('"version": 1', '"version": 2'))
    assert "version 1" in fault_after("[]")
    content = json.loads(whole)
    assert "names no recordings" in fault_after(json.dumps(content | {"recordings": []}))
    assert "is damaged" in fault_after(json.dumps(content | {"recordings": 3}))
    assert "as many as" in fault_after(json.dumps(content).replace('"n_epochs": 4', '"n_epochs": 5'))
    assert "is damaged" in fault_after(json.dumps(content).replace('"?W12"', '"?W1x"'))
    assert "is damaged" in fault_after(json.dumps(content).replace('"scale_uv"', '"scale"'))


def test_missing_or_short_epochs_are_noticed_when_the_store_opens(put, opened, tmp_path):
    put("a")
    opened()
    (tmp_path / "a.i16").write_bytes(b"\0" * 100)
    with pytest.raises(InputError, match=r"a\.i16: is damaged: 100 bytes instead of 24000"):
        Store.open(tmp_path)
    (tmp_path / "a.i16").unlink()
    with pytest.raises(InputError, match=r"a\.i16: no such file"):
        Store.open(tmp_path)


def test_clipped_samples_are_told(put):
    signal_uv = noise_uv(4)
    assert put("a", signal_uv=signal_uv).findings == ()
    signal_uv[0, :7] = [5000, 6000, -6000, 7000, -5000, 1e9, 5001]
    stored = put("a", signal_uv=signal_uv, findings=[Finding(id="flat", message="")])
    assert stored.n_clipped == 5
    message = "5 samples beyond ±5000 µV were clipped"
    assert stored.findings == (Finding(id="flat", message=""), Finding(id="clipped", message=message))


@contextmanager
def small_disk():
    """No file may grow beyond 4 kB: the system refuses to write, as it does on a full disk.

    Only around the call itself: pytest's own output may go to a file that is larger already.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_disk_that_takes_no_more_is_an_error_that_names_the_file_and_leaves_nothing(put, tmp_path):
    with pytest.raises(OSError, match="File too large") as raised, small_disk():
        put("a")
    assert raised.value.filename == str(tmp_path / "a.i16")
    assert finished_recording(tmp_path, "a") is None
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named_by_the_sidecar_too(put, tmp_path):
    with pytest.raises(OSError, match="File too large") as raised, small_disk():
        put("a", n_epochs=0, findings=[Finding(id="flat", message="." * 5000)])
    assert raised.value.filename == str(tmp_path / "a.json")


def test_signals_are_read_for_a_check_once_and_again_where_they_were_written(tmp_path, put):
    for name in ("a", "b"):
        put(name)
    write_index(tmp_path, "test")
    read = []

    @contextmanager
    def noted(_name):
        yield lambda _done, _total, name: read.append(name)

    for recordings in ([0], [0, 1], [1, 0]):
        Store.open(tmp_path).check_signals(recordings, noted)
    assert read == ["a", "b"]
    signal = tmp_path / "b.i16"
    content = signal.read_bytes()
    signal.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    Store.open(tmp_path).check_signals([0], noted)
    with pytest.raises(InputError, match=r"b\.i16: is not the signal that was prepared"):
        Store.open(tmp_path).check_signals([0, 1], noted)
    assert read == ["a", "b", "b"]
