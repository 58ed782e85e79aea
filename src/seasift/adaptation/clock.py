"""The time of an adaptation: how much is left, and whether the user wants to end now."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class RunClock:
    """Counts the seconds of a budget.

    Args:
        minutes: the budget.
        progress: called with seconds used and in all.
    """

    def __init__(self, minutes: float, progress: Callable[[int, int], None] | None = None) -> None:
        self.total = 60 * minutes
        self._progress, self._since = progress, time.monotonic()

    @property
    def left(self) -> float:
        """Seconds left, 0 or more."""
        return max(self.total - (time.monotonic() - self._since), 0.0)

    def tick(self) -> None:
        """Tell how much is used."""
        if self._progress:
            total = max(round(self.total), 1)
            self._progress(min(round(self.total - self.left), total - 1), total)

    def words(self) -> str:
        """The time left, for a line."""
        minutes = self.left / 60
        return f"{minutes:.0f} min left" if minutes >= 1 else f"{self.left:.0f} s left"


class Interrupt:
    """While it is open, the first Ctrl-C sets `asked`; the second one interrupts.

    Outside the main thread, where signals cannot be caught, it does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
