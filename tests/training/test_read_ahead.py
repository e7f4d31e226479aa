"""Reading ahead: the same items in the same order, errors where they belong, and no thread left behind."""

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from mc2sleepnet.training.read_ahead import read_ahead


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_items_come_in_order_and_end(depth: int) -> None:
    with read_ahead(iter(range(20)), depth) as ready:
        assert list(ready) == list(range(20))


def test_no_more_than_the_depth_and_the_one_in_hand_is_made_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for item in itertools.count():
            made.append(item)
            yield item

    with read_ahead(items(), 2) as ready:
        assert next(ready) == 0
        deadline = time.monotonic() + 10
        while len(made) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        assert made == [0, 1, 2, 3]


@pytest.mark.parametrize("depth", [0, 2])
def test_an_error_is_raised_where_its_item_would_have_come(depth: int) -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("the disk is gone")

    with read_ahead(items(), depth) as ready:
        assert [next(ready), next(ready)] == [1, 2]
        with pytest.raises(ValueError, match="the disk is gone"):
            next(ready)


def test_whoever_leaves_early_leaves_no_thread_behind() -> None:
    def leave() -> None:
        with read_ahead(itertools.count(), 2) as ready:
            assert next(ready) == 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert not [thread for thread in threading.enumerate() if thread.name == "read ahead"]
