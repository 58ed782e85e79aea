"""The time axis of a dive's timeline: stretches that were looked at, with the pauses between them squeezed."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BREAK = 16.0
"""Width of a squeezed pause, px."""
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200)


@dataclass(frozen=True)
class Stretch:
    """Part of a dive without a long pause, dive's clock, seconds."""

    from_s: float
    to_s: float


def stretches(times_s: Iterable[float], pause_s: float) -> list[Stretch]:
    """Join frames that are at most `pause_s` apart; what is kept does not grow with frames."""
    found: list[Stretch] = []
    first = last = None
    for time_s in times_s:
        if first is None or last is None:
            first = time_s
        elif time_s - last > pause_s:
            found.append(Stretch(first, last))
            first = time_s
        last = time_s
    if first is not None and last is not None:
        found.append(Stretch(first, last))
    return found


class Axis:
    """From times to px, `width` px for all stretches together with the pauses between them."""

    def __init__(self, parts: Sequence[Stretch], width: float) -> None:
        self.parts = list(parts)
        self.width = width
        whole = sum(part.to_s - part.from_s for part in parts) or 1.0
        self._scale = max(width - BREAK * (len(parts) - 1), width / 2) / whole
        self.starts: list[float] = []
        x = 0.0
        for part in parts:
            self.starts.append(x)
            x += (part.to_s - part.from_s) * self._scale + BREAK

    def x(self, time_s: float) -> float:
        """Where a time lies; one in a pause lies at its beginning."""
        place = max(0, bisect_right([part.from_s for part in self.parts], time_s) - 1)
        part = self.parts[place]
        return self.starts[place] + (min(max(time_s, part.from_s), part.to_s) - part.from_s) * self._scale

    @property
    def breaks(self) -> list[float]:
        """Middle of each squeezed pause, px."""
        return [start - BREAK / 2 for start in self.starts[1:]]

    def ticks(self, most: int = 9) -> list[float]:
        """Round times, about `most` of them."""
        whole = sum(part.to_s - part.from_s for part in self.parts)
        step = next((s for s in _STEPS_S if whole / s <= most), 86400.0)
        found: list[float] = []
        for part in self.parts:
            first = math.ceil(part.from_s / step - 1e-9)
            inside = [k * step for k in range(first, first + most + 2) if k * step <= part.to_s + 1e-9]
            found += inside or [part.from_s]
        x = -math.inf
        apart = []
        for time_s in found:
            if self.x(time_s) - x >= self.width / most * 0.6:
                apart.append(time_s)
                x = self.x(time_s)
        return apart
