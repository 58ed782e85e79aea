"""Plots of evaluations and comparisons as SVG. matplotlib is loaded by the functions, not by the module."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seasift.evaluation.coco_metrics import RECALLS, Metrics, all_curves
from seasift.evaluation.comparison import Comparison
from seasift.evaluation.document import FEW_OBJECTS

_COLOUR = {"masks": "#0b6e99", "boxes": "#c2571a"}
_STYLE = {0.5: "-", 0.75: "--"}
_COLUMNS = 4
_SIDE, _MARGIN = 240, 46


def overall_curves(metrics: Metrics) -> str:
    """One plot: the mean over classes, masks and boxes, at IoU .5 and .75."""
    figure, (axes,) = new_figure(1, 1, (4.9, 3.6))
    for (kind, iou), values in all_curves(metrics).items():
        label = f"{kind}, IoU {iou:g}: AP {values.mean():.3f}"
        axes.plot(RECALLS, values, _STYLE[iou], color=_COLOUR[kind], linewidth=1.8, label=label)
    _frame(axes)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.legend(loc="upper right", fontsize=9, frameon=False)
    return to_svg(figure, "overall")


def class_curves(metrics: Metrics) -> str:
    """One small plot for each class that has truth."""
    names = [name for name, row in metrics.per_class.items() if row["objects"]]
    indices = {name: index for index, name in enumerate(metrics.per_class)}
    rows = max(1, -(-len(names) // _COLUMNS))
    figure, panels = new_figure(rows, _COLUMNS, (10.4, 2.05 * rows + 0.45))
    for axes, name in zip(panels, names, strict=False):
        for (kind, iou), values in all_curves(metrics, indices[name]).items():
            axes.plot(RECALLS, values, _STYLE[iou], color=_COLOUR[kind], linewidth=1.3)
        _frame(axes)
        count = metrics.per_class[name]["objects"]
        axes.set_title(f"{name} ({count})", fontsize=9, color="#a04000" if count < FEW_OBJECTS else "black")
    for index, axes in enumerate(panels):
        axes.tick_params(labelbottom=index >= len(names) - _COLUMNS)
        axes.axison = index < len(names)
    figure.supxlabel("recall", fontsize=9)
    figure.supylabel("precision", fontsize=9)
    return to_svg(figure, "classes")


def reliability(bins: Sequence[Mapping[str, float]]) -> str:
    """The reliability diagram: share of right detections (up) by score (across).

    Dots grow with the detections of a bin. On the diagonal, a score equals the share of right detections.

    Args:
        bins: "score" (mean), "right" (share) and "count" of each; empty bins are left out.
    """

    def at(score: float, right: float) -> tuple[float, float]:
        return _MARGIN + score * _SIDE, 8 + (1 - right) * _SIDE

    filled = [each for each in bins if each["count"]]
    most = max((each["count"] for each in filled), default=1)
    (left, low), (far, high) = at(0, 0), at(1, 1)
    middle = high + _SIDE / 2
    parts = [
        f'<rect x="{left}" y="{high}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#dfe4e7"/>',
        f'<line x1="{left}" y1="{low}" x2="{far}" y2="{high}" stroke="#9aa7b0"/>',
        *(
            f'<text x="{at(tick, 0)[0]}" y="{low + 14}" text-anchor="middle">{tick:g}</text>'
            f'<text x="{left - 5}" y="{at(0, tick)[1] + 4}" text-anchor="end">{tick:g}</text>'
            for tick in (0, 0.5, 1)
        ),
        f'<text x="{left + _SIDE / 2}" y="{low + 28}" text-anchor="middle">score</text>',
        f'<text x="11" y="{middle}" text-anchor="middle" transform="rotate(-90 11 {middle})">right at IoU .50</text>',
    ]
    points = [at(each["score"], each["right"]) for each in filled]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{_COLOUR["masks"]}" stroke-width="1.5"/>')
    for (x, y), each in zip(points, filled, strict=True):
        radius = 3 + 5 * (each["count"] / most) ** 0.5
        words = f"score {each['score']:.3f}, right {each['right']:.3f}, {each['count']:,.0f} detections"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{_COLOUR["masks"]}"><title>{words}</title></circle>'
        )
    size = f"{_SIDE + _MARGIN + 12} {_SIDE + 42}"
    style = 'font-family="sans-serif" font-size="11" fill="#5b6b76"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" {style}>{"".join(parts)}</svg>'


def new_figure(
    rows: int, columns: int, size_inches: tuple[float, float], *, share: bool = True
) -> tuple[Any, list[Any]]:
    """A figure and its panels, row by row; with `share` all have the same axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_inches, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share)
    return figure, list(grid.ravel())


def _frame(axes: Any) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"], fontsize=8)
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"], fontsize=8)
    axes.grid(color="#e3e6e8", linewidth=0.7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def to_svg(figure: Any, salt: str) -> str:
    """The same figure gives the same bytes: no date, no random ids."""
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({"svg.hashsalt": salt}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


COLOURS = ("#0b6e99", "#c2571a", "#3d8b37", "#8e44ad", "#b8860b", "#c0392b", "#16a085", "#5d6d7e")
_STYLES = ("-", "--", ":", "-.")


def overlays(comparison: Comparison) -> list[tuple[str, str]]:
    """Title and SVG of each plot with data."""
    makers: tuple[tuple[str, Callable[[Comparison], str | None]], ...] = (
        ("Mean AP with 95% intervals", _forest),
        ("Precision and recall, mean over classes", _precision_recall),
        ("Training curves", _training),
    )
    drawn = [(title, make(comparison)) for title, make in makers]
    return [(title, svg) for title, svg in drawn if svg]


def _style(index: int) -> dict[str, Any]:
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
                axes.plot(limits, [index, index], color=_style(index)["color"], linewidth=2.2)
            if run.line(kind)["AP"] is not None:
                axes.plot([run.line(kind)["AP"]], [index], "o", color=_style(index)["color"])
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
                axes.plot(RECALLS, values, linewidth=1.6, label=run.label, **_style(index))
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
                    **_style(index),
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
