"""The report's two drawings as data for its template: the timeline by class, and the map."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from seasift.runtime.draw import colour_of
from seasift.survey.axis import Axis
from seasift.survey.navigation import Position

_BINS = 480
_ROW, _TOP = 30, 26
WIDTH, LABEL = 800.0, 250.0
_MAP_WIDTH, _MAP_HEIGHT, _MARGIN = 860.0, 460.0, 50.0
_METRES = 111_320.0  # of a degree of latitude


@dataclass(frozen=True)
class Event:
    """A track on the timeline and the map."""

    number: int
    class_id: int
    name: str
    first_s: float
    last_s: float
    where: Position | None


class Timeline:
    """How many tracks of each class are there at a time, in bins of the axis: the same room for any dive."""

    def __init__(self, axis: Axis) -> None:
        self.axis = axis
        self._changes: dict[int, list[int]] = defaultdict(lambda: [0] * (_BINS + 1))
        self._first: dict[int, float] = {}

    def add(self, event: Event) -> None:
        """One track."""
        begin = self._bin(event.first_s)
        self._changes[event.class_id][begin] += 1
        self._changes[event.class_id][max(self._bin(event.last_s), begin) + 1] -= 1
        self._first.setdefault(event.class_id, event.first_s)

    def rows(self, names: Sequence[str], order: Sequence[int], clock_text: Any) -> dict[str, Any]:
        """What the template draws: rows with bars, ticks, breaks, size.

        Args:
            names: of all classes.
            order: classes from top to bottom.
            clock_text: makes a label of a time.
        """
        rows = []
        for row, class_id in enumerate(order):
            counts, here = [], 0
            for change in self._changes[class_id][:_BINS]:
                here += change
                counts.append(here)
            rows.append(
                {
                    "name": names[class_id],
                    "y": _TOP + row * _ROW,
                    "most": max(counts),
                    "colour": _hex(class_id),
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
    """Equal neighbours as one bar; its height tells the count."""
    most, size = max(counts), WIDTH / _BINS
    bars: list[dict[str, float]] = []
    begin = 0
    for place in range(1, len(counts) + 1):
        if place < len(counts) and counts[place] == counts[begin]:
            continue
        if counts[begin]:
            height = (_ROW - 8) * (0.35 + 0.65 * counts[begin] / most) if most > 1 else _ROW - 14
            bars.append(
                {
                    "x": round(LABEL + begin * size, 1),
                    "y": round(y + _ROW - 4 - height, 1),
                    "width": round(max((place - begin) * size, 2.5), 1),
                    "height": round(height, 1),
                    "count": counts[begin],
                }
            )
        begin = place
    return bars


def map_of(way: Sequence[Position], events: Iterable[Event], names: Sequence[str]) -> dict[str, Any] | None:
    """The way of the vehicle and the events on it, north up; None without two different positions.

    Plate carrée with the scale of the middle latitude, which is true to well below a pixel for the way of a dive.
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

    def xy(p: Position) -> tuple[float, float]:
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
                "colour": _hex(event.class_id),
                "title": f"{event.name}, track {event.number}",
            }
            for event in placed
            if event.where
        ],
        "legend": [
            {"name": names[class_id], "colour": _hex(class_id)}
            for class_id in sorted({event.class_id for event in placed})
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


def _hex(class_id: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour_of(class_id))
