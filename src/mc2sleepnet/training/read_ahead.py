"""Items of an iterator made ahead of their use, by one thread: reading goes on while a step computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
# How long a thread that has nothing to do sleeps before it looks whether it is still wanted.
LOOK_S = 0.2


@dataclass(frozen=True)
class _Made(Generic[Item]):
    item: Item


class _End:
    """No item comes any more."""


@contextmanager
def read_ahead(items: Iterator[Item], depth: int) -> Iterator[Iterator[Item]]:
    """The same items in the same order, up to `depth` of them made before they are asked for.

    An error of the iterator is raised where its item would have come. When the block is left the thread has ended.

    Parameters
    ----------
    items
        Whoever makes them draws from no generator that others draw from.
    depth
        0 makes each when it is asked for, without a thread.
    """
    if depth == 0:
        yield items
        return
    made: Queue[_Made[Item] | BaseException | _End] = Queue(depth)
    is_left = Event()
    thread = Thread(target=_make, args=(items, made, is_left), name="read ahead", daemon=True)
    thread.start()
    try:
        yield _taken(made, thread)
    finally:
        is_left.set()
        thread.join()


def _make(items: Iterator[Item], made: "Queue[_Made[Item] | BaseException | _End]", is_left: Event) -> None:
    try:
        for item in items:
            if not _put(made, _Made(item), is_left):
                return
        _put(made, _End(), is_left)
    except BaseException as error:  # noqa: BLE001, RUF100
        _put(made, error, is_left)


def _put(
    made: "Queue[_Made[Item] | BaseException | _End]", what: _Made[Item] | BaseException | _End, is_left: Event
) -> bool:
    while not is_left.is_set():
        try:
            made.put(what, timeout=LOOK_S)
        except Full:
            continue
        return True
    return False


def _taken(made: "Queue[_Made[Item] | BaseException | _End]", thread: Thread) -> Iterator[Item]:
    while True:
        try:
            what = made.get(timeout=LOOK_S)
        except Empty:
            assert thread.is_alive() or not made.empty()
            continue
        if isinstance(what, _Made):
            yield what.item
        elif isinstance(what, BaseException):
            raise what
        else:
            return
