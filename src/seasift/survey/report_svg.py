"""Data for the report's two drawings: the timeline by class, with long pauses shortened, and the map."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from seasift.survey.navigation import VehiclePosition
from seasift.viz.drawing import colour_of

BREAK = 16.0
"""Width of a shortened pause, px."""
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200)


@dataclass(frozen=True)
class TimelineSegment:
    """Part of a dive without a long pause, dive's clock, seconds."""

    from_s: float
    to_s: float


def segments(times_s: Iterable[float], pause_s: float) -> list[TimelineSegment]:
    """Join frames that are at most `pause_s` apart; memory does not grow with frames."""
    found: list[TimelineSegment] = []
    first = last = None
    for time_s in times_s:
        if first is None or last is None:
            first = time_s
        elif time_s - last > pause_s:
            found.append(TimelineSegment(first, last))
            first = time_s
        last = time_s
    if first is not None and last is not None:
        found.append(TimelineSegment(first, last))
    return found


class Axis:
    """Maps times to px; `width` px hold all segments and the pauses between them."""

    def __init__(self, parts: Sequence[TimelineSegment], width: float) -> None:
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
        """Position of a time; a time in a pause is at its start."""
        index = max(0, bisect_right([part.from_s for part in self.parts], time_s) - 1)
        part = self.parts[index]
        return self.starts[index] + (min(max(time_s, part.from_s), part.to_s) - part.from_s) * self._scale

    @property
    def breaks(self) -> list[float]:
        """Centre of each shortened pause, px."""
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


_BINS = 480
_ROW, _TOP = 30, 26
WIDTH, LABEL = 800.0, 250.0
_MAP_WIDTH, _MAP_HEIGHT, _MARGIN = 860.0, 460.0, 50.0
_METRES = 111_320.0  # in a degree of latitude


@dataclass(frozen=True)
class Event:
    """A track on the timeline and the map."""

    number: int
    name_id: int
    name: str
    first_s: float
    last_s: float
    where: VehiclePosition | None


class Timeline:
    """Number of tracks of each class at a time, in bins of the axis: constant memory for any dive."""

    def __init__(self, axis: Axis) -> None:
        self.axis = axis
        self._changes: dict[int, list[int]] = defaultdict(lambda: [0] * (_BINS + 1))
        self._first: dict[int, float] = {}

    def add(self, event: Event) -> None:
        """One track."""
        begin = self._bin(event.first_s)
        self._changes[event.name_id][begin] += 1
        self._changes[event.name_id][max(self._bin(event.last_s), begin) + 1] -= 1
        self._first.setdefault(event.name_id, event.first_s)

    def rows(self, names: Sequence[str], order: Sequence[int], clock_text: Any) -> dict[str, Any]:
        """Data for the template: rows with bars, ticks, breaks, size.

        Args:
            names: of all classes.
            order: classes from top to bottom.
            clock_text: converts a time to a label.
        """
        rows = []
        for row, name_id in enumerate(order):
            counts, here = [], 0
            for change in self._changes[name_id][:_BINS]:
                here += change
                counts.append(here)
            rows.append(
                {
                    "name": names[name_id],
                    "y": _TOP + row * _ROW,
                    "most": max(counts),
                    "colour": _hex(name_id),
                    "bars": _bars(counts, _TOP + row * _ROW),
                }
            )
        return {
            "rows": rows,
            "ticks": [(round(LABEL + self.axis.x(t), 1), clock_text(t)) for t in self.axis.ticks()],
            "breaks": [round(LABEL + x, 1) for x in self.axis.breaks],
            "width": LABEL + WIDTH + 32,
            "height": _TOP + len(rows) * _ROW + 8,
            "label": LABEL,
            "plot": WIDTH,
        }

    def _bin(self, time_s: float) -> int:
        return min(int(self.axis.x(time_s) / WIDTH * _BINS), _BINS - 1)


def _bars(counts: Sequence[int], y: float) -> list[dict[str, float]]:
    """Join equal neighbours to one bar; its height shows the count."""
    most, size = max(counts), WIDTH / _BINS
    bars: list[dict[str, float]] = []
    begin = 0
    for index in range(1, len(counts) + 1):
        if index < len(counts) and counts[index] == counts[begin]:
            continue
        if counts[begin]:
            height = (_ROW - 8) * (0.35 + 0.65 * counts[begin] / most) if most > 1 else _ROW - 14
            bars.append(
                {
                    "x": round(LABEL + begin * size, 1),
                    "y": round(y + _ROW - 4 - height, 1),
                    "width": round(max((index - begin) * size, 2.5), 1),
                    "height": round(height, 1),
                    "count": counts[begin],
                }
            )
        begin = index
    return bars


def map_of(
    way: Sequence[VehiclePosition], events: Iterable[Event], names: Sequence[str]
) -> dict[str, Any] | None:
    """The path of the vehicle with events, north up; None without two different positions.

    Plate carrée with the scale of the middle latitude, exact to well below a pixel for a dive.
    """
    placed = [event for event in events if event.where is not None]
    points = [*way, *(event.where for event in placed if event.where)]
    if len({(p.latitude, p.longitude) for p in points}) < 1:
        return None
    latitudes = [p.latitude for p in points]
    base = points[0].longitude
    east = [(p.longitude - base + 180) % 360 - 180 for p in points]
    middle = math.radians((min(latitudes) + max(latitudes)) / 2)
    metres_x = max((max(east) - min(east)) * _METRES * math.cos(middle), 1.0)
    metres_y = max((max(latitudes) - min(latitudes)) * _METRES, 1.0)
    scale = min((_MAP_WIDTH - 2 * _MARGIN) / metres_x, (_MAP_HEIGHT - 2 * _MARGIN) / metres_y)
    height = max(metres_y * scale + 2 * _MARGIN, 220.0)
    left = (_MAP_WIDTH - metres_x * scale) / 2
    top = (height - metres_y * scale) / 2

    def xy(p: VehiclePosition) -> tuple[float, float]:
        across = ((p.longitude - base + 180) % 360 - 180 - min(east)) * _METRES * math.cos(middle) * scale
        down = (max(latitudes) - p.latitude) * _METRES * scale
        return round(left + across, 1), round(top + down, 1)

    bar_m = _round_metres(160 / scale)
    return {
        "width": _MAP_WIDTH,
        "height": round(height, 1),
        "way": " ".join(f"{x},{y}" for x, y in map(xy, way)),
        "begin": xy(way[0]) if way else None,
        "end": xy(way[-1]) if way else None,
        "events": [
            {
                "x": xy(event.where)[0],
                "y": xy(event.where)[1],
                "colour": _hex(event.name_id),
                "title": f"{event.name}, track {event.number}",
            }
            for event in placed
            if event.where
        ],
        "legend": [
            {"name": names[name_id], "colour": _hex(name_id)}
            for name_id in sorted({event.name_id for event in placed})
        ],
        "bar": round(bar_m * scale, 1),
        "bar_text": f"{bar_m:g} m" if bar_m < 1000 else f"{bar_m / 1000:g} km",
        "corner": f"{_degrees(max(latitudes), 'N', 'S')}, {_degrees(base + min(east), 'E', 'W')}",
        "other_corner": f"{_degrees(min(latitudes), 'N', 'S')}, {_degrees(base + max(east), 'E', 'W')}",
    }


def _round_metres(metres: float) -> float:
    power = 10.0 ** math.floor(math.log10(metres))
    return float(max(step * power for step in (1, 2, 5) if step * power <= metres * 1.0001))


def _degrees(value: float, positive: str, negative: str) -> str:
    value = (value + 180) % 360 - 180
    return f"{abs(value):.5f}° {positive if value >= 0 else negative}"


def _hex(name_id: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour_of(name_id))
