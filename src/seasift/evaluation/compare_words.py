"""How values of a comparison are written."""

from __future__ import annotations

from typing import Any

from seasift.evaluation.comparison import Change
from seasift.evaluation.document import EvaluatedData, Number

NONE = "–"


def number(value: float | None) -> str:
    """A figure with three digits."""
    return NONE if value is None else f"{value:.3f}"


def count(value: Number | None) -> str:
    """A whole number."""
    return NONE if value is None else f"{value:,}"


def text(value: Any) -> str:
    """What is known, or a dash."""
    return NONE if value is None or value == "" else str(value)


def signed(found: Change | None) -> str:
    """A difference with its interval."""
    if found is None:
        return NONE
    return f"{found.value:+.3f} {_limits(found.interval, '+.3f')}"


def with_limits(value: str, limits: list[Number] | None) -> str:
    """A figure with its interval, if there is one."""
    return value if limits is None else f"{value} {_limits(limits, '.3f')}"


def _limits(limits: list[Number], form: str) -> str:
    """In brackets, without the noughts before the point: tables are wide enough."""
    low, high = (format(limit, form).replace("0.", ".", 1) for limit in limits)
    return f"[{low}, {high}]"


def duration(seconds: float | None) -> str:
    """Hours and minutes."""
    if seconds is None:
        return NONE
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{seconds / 60:.1f} min"


def part_name(data: EvaluatedData) -> str:
    """The part and how much of it was judged."""
    pictures, of = data.pictures, data.of_pictures or data.pictures
    return f"{data.name}, {pictures:,} {f'of {of:,} ' if of > pictures else ''}pictures"
