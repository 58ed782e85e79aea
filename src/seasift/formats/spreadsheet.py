"""Tables that people open in a spreadsheet: a text of a stranger must not become a formula there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain_text(value: Any) -> Any:
    """The value of a cell; a text that a spreadsheet would compute gets an apostrophe before it. Numbers stay.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def plain_rows(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Rows of such values."""
    return (tuple(map(plain_text, row)) for row in rows)


def plain_records(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of such values by column."""
    return ({key: plain_text(value) for key, value in row.items()} for row in rows)
