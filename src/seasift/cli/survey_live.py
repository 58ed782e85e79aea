"""A live source under `seasift survey`: what does not go with one, and how it ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from seasift.core.errors import InputError
from seasift.video.dive import Dive, LiveDive


def check_live(dive: Dive | LiveDive, *, on_ray: bool, video: bool) -> None:
    """Hold the options to a live source, if it is one.

    Raises:
        InputError: an option needs footage that can be gone through again.
    """
    if not isinstance(dive, LiveDive):
        return
    for given, option, why in (
        (on_ray, "--engine ray", "one process looks at it"),
        (video, "--video", "what was live cannot be read a second time"),
    ):
        if given:
            dive.close()
            raise InputError(
                f"{dive.videos[0].file}: a live source goes without {option}: {why}. Leave it out."
            )


@contextmanager
def ending_by_key(dive: Dive | LiveDive) -> Iterator[None]:
    """A live source has no end: the first Ctrl-C, or SIGTERM, is it, and what was seen until then is written. The next
    one stops.
    """
    if not isinstance(dive, LiveDive):
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def end(_number: int, _frame: FrameType | None) -> None:
        restore()
        print("seasift: the live source is ended; writing what was seen", file=sys.stderr)
        dive.close()

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        restore()
        dive.close()
