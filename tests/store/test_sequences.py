import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.store import sequences


def with_gaps(put, opened, *readable: str):
    for i, text in enumerate(readable):
        is_readable = np.array([letter == "1" for letter in text])
        put(f"night{i}", len(text), is_readable=is_readable)
    return opened()


def test_the_last_sequence_is_moved_back_to_the_end(put, opened):
    store = with_gaps(put, opened, "1" * 7)
    assert sequences(store, [0], length=3, stride=3).tolist() == [[0, 1, 2], [3, 4, 5], [4, 5, 6]]


def test_a_short_stretch_is_padded_at_its_end(put, opened):
    store = with_gaps(put, opened, "11")
    assert sequences(store, [0], length=4, stride=1).tolist() == [[0, 1, -1, -1]]


def test_sequences_never_straddle_a_gap_or_a_recording(put, opened):
    store = with_gaps(put, opened, "11101", "1111")
    found = sequences(store, [0, 1], length=2, stride=2).tolist()
    assert found == [[0, 1], [1, 2], [4, -1], [5, 6], [7, 8]]


def test_gaps_are_joined_only_if_asked_and_recordings_never(put, opened):
    store = with_gaps(put, opened, "11101", "1111", "01")
    found = sequences(store, [0, 1, 2], length=3, stride=3, join_gaps=True).tolist()
    assert found == [[0, 1, 2], [1, 2, 4], [5, 6, 7], [6, 7, 8], [10, -1, -1]]


def test_only_the_recordings_asked_for_are_cut(put, opened):
    store = with_gaps(put, opened, "11", "11", "11")
    assert sequences(store, np.array([2, 0]), length=2, stride=1).tolist() == [[4, 5], [0, 1]]


def test_nothing_to_cut_gives_no_sequences(put, opened):
    store = with_gaps(put, opened, "000")
    assert sequences(store, [0], length=5, stride=1).shape == (0, 5)
    assert sequences(store, [], length=5, stride=1).shape == (0, 5)


@pytest.mark.parametrize(("length", "stride"), [(4, 5), (4, 0), (0, 0)])
def test_a_stride_that_would_skip_epochs_is_refused(put, opened, length, stride):
    store = with_gaps(put, opened, "11")
    with pytest.raises(InputError, match=rf"^sequence_stride: {stride} does not lie between 1 and .* {length}\."):
        sequences(store, [0], length=length, stride=stride)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    readable=st.lists(st.text("01", min_size=1, max_size=12), min_size=2, max_size=2),
    length=st.integers(1, 6),
    data=st.data(),
)
def test_every_readable_epoch_is_covered_and_no_other(put, opened, readable, length, data):
    stride = data.draw(st.integers(1, length))
    store = with_gaps(put, opened, *readable)
    found = sequences(store, [0, 1], length=length, stride=stride)
    assert set(found[found >= 0].tolist()) == set(np.flatnonzero(store.is_readable).tolist())
    for sequence in found:
        epochs = sequence[sequence >= 0]
        assert len(epochs) > 0
        # Padding stands at the end only, and epochs follow one another within one recording.
        assert (sequence[len(epochs) :] == -1).all()
        assert (np.diff(epochs) == 1).all()
        assert len(set(store.recording_of(epochs).tolist())) == 1
