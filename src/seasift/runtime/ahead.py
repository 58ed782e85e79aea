"""An iterator that works in a thread of its own, some steps ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _End:
    error: BaseException | None


def ahead(make: Callable[[threading.Event], Iterator[T]], depth: int) -> Iterator[T]:
    """What `make` gives, made by a thread while the caller is busy.

    At most `depth` items wait and one is in the making: memory does not grow. An error of the source comes out
    in its place. When the caller stops early (closes this generator), the event that `make` got is set, the
    source is closed, and the thread ends.
    """
    waiting: queue.Queue[T | _End] = queue.Queue(depth)
    stop = threading.Event()

    def work() -> None:
        error: BaseException | None = None
        source = make(stop)
        try:
            for item in source:
                waiting.put(item)
                del item  # else it lives on while the next is made
                if stop.is_set():
                    break
        except BaseException as caught:
            error = caught
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()
            waiting.put(_End(error))

    thread = threading.Thread(target=work, name="seasift-decode", daemon=True)
    thread.start()
    ended = False
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                ended = True
                if item.error is not None:
                    raise item.error
                return
            yield item
            del item
    finally:
        stop.set()
        while not ended:  # makes room, so that the thread comes to see that it shall stop
            ended = isinstance(waiting.get(), _End)
        thread.join()
