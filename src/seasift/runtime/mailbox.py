"""A place for one thing between two threads, where the newest wins."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """What is put replaces what was not taken yet."""

    def __init__(self) -> None:
        """Empty and open."""
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = False

    def put(self, item: T) -> None:
        """Lay something in; what lay there is lost."""
        with self._changed:
            self._item = item
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing more comes; what lies there can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def look(self) -> T | None:
        """Wait for something and leave it there; None if nothing comes any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed)
            return self._item

    def take(self, timeout_s: float | None = None) -> T | None:
        """Wait for something and take it; None if nothing comes any more, or not in that time."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            return item
