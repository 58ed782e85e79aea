"""The folder that a comparison leaves: compare.html, compare.json and compare.md.

Also here: Curves of several runs in one plot, as SVG to put into a page. matplotlib is loaded when drawing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from seasift.core.files import write_json, write_text
from seasift.core.image import svg_uri
from seasift.core.page import render_template
from seasift.evaluation.coco_metrics import RECALLS
from seasift.evaluation.compare_tables import tables, unit_of
from seasift.evaluation.comparison import Comparison
from seasift.evaluation.plots import new_figure, to_svg
from seasift.evaluation.tables import Table, markdown

COLOURS = ("#0b6e99", "#c2571a", "#3d8b37", "#8e44ad", "#b8860b", "#c0392b", "#16a085", "#5d6d7e")
_STYLES = ("-", "--", ":", "-.")


def overlays(comparison: Comparison) -> list[tuple[str, str]]:
    """Title and SVG of each plot that has anything to show."""
    makers: tuple[tuple[str, Callable[[Comparison], str | None]], ...] = (
        ("Mean AP with 95% intervals", _forest),
        ("Precision and recall, mean over classes", _precision_recall),
        ("Training curves", _training),
    )
    drawn = [(title, make(comparison)) for title, make in makers]
    return [(title, svg) for title, svg in drawn if svg]


def _look(index: int) -> dict[str, Any]:
    return {
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": _STYLES[index // len(COLOURS) % len(_STYLES)],
    }


def _forest(comparison: Comparison) -> str | None:
    runs = comparison.runs
    if not any(run.intervals for run in runs):
        return None
    figure, panels = new_figure(1, 2, (10.4, 0.9 + 0.34 * len(runs)))
    for axes, kind in zip(panels, ("masks", "boxes"), strict=True):
        for index, run in enumerate(runs):
            limits = run.limits(kind, "AP")
            if limits:
                axes.plot(limits, [index, index], color=_look(index)["color"], linewidth=2.2)
            if run.line(kind)["AP"] is not None:
                axes.plot([run.line(kind)["AP"]], [index], "o", color=_look(index)["color"])
        axes.set_title(f"{kind} AP", fontsize=10)
        axes.grid(axis="x", color="#e3e6e8", linewidth=0.7)
        axes.set_axisbelow(True)
    panels[0].set_yticks(range(len(runs)), [f"{run.label}  {run.name}" for run in runs], fontsize=9)
    panels[0].set_ylim(len(runs) - 0.5, -0.5)
    return to_svg(figure, "forest")


def _precision_recall(comparison: Comparison) -> str | None:
    runs = comparison.runs
    if not any(run.curves for run in runs):
        return None
    figure, panels = new_figure(1, 4, (10.4, 3.1))
    chosen = [(kind, iou) for kind in ("masks", "boxes") for iou in ("50", "75")]
    for axes, (kind, iou) in zip(panels, chosen, strict=True):
        for index, run in enumerate(runs):
            values = (run.curves or {}).get(kind, {}).get(iou)
            if values:
                axes.plot(RECALLS, values, linewidth=1.6, label=run.label, **_look(index))
        axes.set_title(f"{kind}, IoU .{iou}", fontsize=10)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.grid(color="#e3e6e8", linewidth=0.7)
        if axes.lines:
            axes.legend(fontsize=8, frameon=False)
    figure.supxlabel("recall", fontsize=9)
    figure.supylabel("precision", fontsize=9)
    return to_svg(figure, "curves")


def _training(comparison: Comparison) -> str | None:
    runs = [(index, run, run.training.curves) for index, run in enumerate(comparison.runs) if run.training]
    columns = (("loss/total", "loss"), ("val/mask_AP", "masks AP on val"), ("val/box_AP", "boxes AP on val"))
    if not any(curves.get(column) for _, _, curves in runs for column, _ in columns):
        return None
    figure, panels = new_figure(1, 3, (10.4, 3.1), share=False)
    for axes, (column, title) in zip(panels, columns, strict=True):
        for index, run, curves in runs:
            points = curves.get(column)
            if points:
                marker = "" if column.startswith("loss") else "."
                axes.plot(
                    *zip(*points, strict=True),
                    marker=marker,
                    label=run.label,
                    linewidth=1.4,
                    **_look(index),
                )
        if column == "loss/total" and axes.lines:
            axes.set_yscale("log")
        axes.set_title(title, fontsize=10)
        axes.grid(color="#e3e6e8", linewidth=0.7)
        axes.locator_params(axis="x", nbins=5)
        axes.tick_params(labelsize=8)
        if axes.lines:
            axes.legend(fontsize=8, frameon=False)
    figure.supxlabel("images seen", fontsize=9)
    return to_svg(figure, "training")


def write_comparison(folder: Path, comparison: Comparison) -> tuple[Path, ...]:
    """Write the three files, each whole or not at all.

    Args:
        comparison: from `compare.compare`.
    Returns:
        What was written.
    """
    page, text = render_page(comparison), render_markdown(comparison)
    paths = (folder / "compare.html", folder / "compare.json", folder / "compare.md")
    write_text(paths[0], page)
    write_json(paths[1], comparison.to_json(), indent=1)
    write_text(paths[2], text)
    return paths


def render_page(comparison: Comparison) -> str:
    """The page: one HTML file that needs nothing else."""
    drawn = [(title, svg_uri(svg)) for title, svg in overlays(comparison)]
    return render_template(
        "evaluation",
        "compare.html",
        {},
        comparison=comparison.to_json(),
        tables=tables(comparison),
        plots=drawn,
        unit=unit_of(comparison),
    )


def render_markdown(comparison: Comparison) -> str:
    """The tables, to paste into a document."""
    parts = [_markdown(table) for table in tables(comparison)]
    notes = [f"- {note}" for note in comparison.notes]
    sources = [f"- {each.name}: {each.source} ({each.split})" for each in comparison.published]
    about = [
        "Published figures are not comparable with figures on splits by video or dive. Sources:",
        "",
        *sources,
    ]
    return "\n".join([*parts, *notes, "", *about]) + "\n"


def _markdown(table: Table) -> str:
    return "\n".join([f"### {table.title}", "", *markdown(table), ""])
