"""What `seasift compare` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from seasift.evaluation import compare_tables as tables
from seasift.evaluation.comparison import Comparison
from seasift.evaluation.text_table import Table as TextTable

_WIDTH = 200


def tell(comparison: Comparison, written: Sequence[Path]) -> None:
    """Print the tables and notes on standard output, where things lie on standard error."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=_WIDTH)
    for table in tables.tables(comparison):
        console.print(_shown(table))
        console.print()
    for note in comparison.notes:
        console.print(f"note: {note}", soft_wrap=True)
    if written:
        locations = ", ".join(str(path) for path in written)
        Console(stderr=True, highlight=False, markup=False).print(f"written: {locations}", soft_wrap=True)


def _shown(table: TextTable) -> RichTable:
    shown = RichTable(title=table.title, title_justify="left", box=None, pad_edge=False, title_style="bold")
    for location, head in enumerate(table.heads):
        is_text = location in table.texts
        shown.add_column(head, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    for row in table.rows:
        shown.add_row(*row)
    return shown
