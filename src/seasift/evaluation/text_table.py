"""A table as rows of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
