"""A table as rows of text, and how its values are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seasift.evaluation.document import Number

NONE = "–"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: what it is of.
        heads: of the columns; the first is text, the others are numbers unless in `texts`.
        rows: as many cells as heads.
        texts: columns of text.
    """

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    texts: tuple[int, ...] = (0,)


def markdown(table: Table) -> list[str]:
    """Lines of a Markdown table without its title."""
    marks = ["---" if index in table.texts else "---:" for index in range(len(table.heads))]
    rows = [table.heads, tuple(marks), *table.rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def number(value: float | None) -> str:
    """A figure with three digits."""
    return NONE if value is None else f"{value:.3f}"


def count(value: Number | None) -> str:
    """A whole number."""
    return NONE if value is None else f"{value:,}"


def with_limits(value: str, limits: list[Number] | None) -> str:
    """A figure with its interval, if there is one."""
    return value if limits is None else f"{value} {bracketed(limits, '.3f')}"


def bracketed(limits: list[Number], form: str) -> str:
    """In brackets, without the noughts before the point: tables are wide enough."""
    low, high = (format(limit, form).replace("0.", ".", 1) for limit in limits)
    return f"[{low}, {high}]"
