"""End generators at a known time: a thread may work behind one, and at the exit of the process it is too late to end that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def ending(items: Iterable[T]) -> Iterator[Iterable[T]]:
    """Close a generator at the end of a `with` block, however it ends; other iterables are left alone."""
    try:
        yield items
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
