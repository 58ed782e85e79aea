"""Live sources in a survey: unsupported options, and how they end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from seasift.core.errors import InputError
from seasift.video.dive import Dive, LiveDive


def check_live(dive: Dive | LiveDive, *, on_ray: bool, video: bool) -> None:
    """Check the options of a live source, if the dive is one.

    Raises:
        InputError: an option needs footage that can be read again.
    """
    if not isinstance(dive, LiveDive):
        return
    for given, option, why in (
        (on_ray, "--engine ray", "one process evaluates it"),
        (video, "--video", "live footage cannot be read a second time"),
    ):
        if given:
            dive.close()
            raise InputError(
                f"{dive.videos[0].file}: a live source does not support {option}: {why}. Remove it."
            )


@contextmanager
def ending_by_key(dive: Dive | LiveDive, tell: Callable[[str], None]) -> Iterator[None]:
    """End a live source at the first Ctrl-C or SIGTERM, so that the frames until then are written.

    The next one stops the program. Outside the main thread, Python delivers no signals: the source ends by itself or by
    `--end`.

    Args:
        tell: called with one line when the source ends.
    """
    if not isinstance(dive, LiveDive):
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def end(_number: int, _frame: FrameType | None) -> None:
        restore()
        tell("the live source has ended; writing the results")
        dive.close()

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        restore()
        dive.close()
