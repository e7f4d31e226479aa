"""How long work tells how far it is, whoever shows it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Advance = Callable[[int, int, str], None]
"""Told what is done, what there is in all, and a word about it."""

Step = Callable[[str], AbstractContextManager[Advance]]
"""Opens a step of the given name, which lasts as long as the block."""


@contextmanager
def silent(_name: str) -> Iterator[Advance]:
    """A step that nobody watches."""
    yield lambda _done, _total, _detail: None
