"""The folder that a comparison leaves: compare.html, compare.json and compare.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seasift.core.data_uri import svg_uri
from seasift.core.files import write_json, write_text
from seasift.evaluation import compare_plots as plots
from seasift.evaluation.compare_tables import tables, unit_of
from seasift.evaluation.text_table import Table, markdown


def write_comparison(folder: Path, comparison: dict[str, Any]) -> tuple[Path, ...]:
    """Write the three files, each whole or not at all.

    Args:
        comparison: from `compare.compare`.
    Returns:
        What was written.
    """
    page, text = render_page(comparison), render_markdown(comparison)
    paths = (folder / "compare.html", folder / "compare.json", folder / "compare.md")
    write_text(paths[0], page)
    write_json(paths[1], comparison, indent=1)
    write_text(paths[2], text)
    return paths


def render_page(comparison: dict[str, Any]) -> str:
    """The page: one HTML file that needs nothing else."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("seasift.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = [(title, svg_uri(svg)) for title, svg in plots.overlays(comparison)]
    return environment.get_template("compare.html").render(
        comparison=comparison, tables=tables(comparison), plots=drawn, unit=unit_of(comparison)
    )


def render_markdown(comparison: dict[str, Any]) -> str:
    """The tables, to paste into a document."""
    parts = [_markdown(table) for table in tables(comparison)]
    notes = [f"- {note}" for note in comparison["notes"]]
    sources = [f"- {each['name']}: {each['source']} ({each['split']})" for each in comparison["published"]]
    about = [
        "Published figures are not comparable with figures on splits by video or dive. Sources:",
        "",
        *sources,
    ]
    return "\n".join([*parts, *notes, "", *about]) + "\n"


def _markdown(table: Table) -> str:
    return "\n".join([f"### {table.title}", "", *markdown(table), ""])
