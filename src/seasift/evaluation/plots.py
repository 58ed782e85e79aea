"""Precision-recall curves as SVG. matplotlib is loaded by the functions, not by the module."""

from __future__ import annotations

import io
from typing import Any

from seasift.evaluation.coco_metrics import RECALLS, Metrics, all_curves
from seasift.evaluation.record import FEW_OBJECTS

_COLOUR = {"masks": "#0b6e99", "boxes": "#c2571a"}
_STYLE = {0.5: "-", 0.75: "--"}
_COLUMNS = 4


def overall_curves(figures: Metrics) -> str:
    """One plot: the mean over classes, masks and boxes, at IoU .5 and .75."""
    figure, (axes,) = new_figure(1, 1, (4.9, 3.6))
    for (kind, iou), values in all_curves(figures).items():
        label = f"{kind}, IoU {iou:g}: AP {values.mean():.3f}"
        axes.plot(RECALLS, values, _STYLE[iou], color=_COLOUR[kind], linewidth=1.8, label=label)
    _frame(axes)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.legend(loc="upper right", fontsize=9, frameon=False)
    return to_svg(figure, "overall")


def class_curves(figures: Metrics) -> str:
    """One small plot for each class that has truth."""
    names = [name for name, row in figures.per_class.items() if row["objects"]]
    indices = {name: index for index, name in enumerate(figures.per_class)}
    rows = max(1, -(-len(names) // _COLUMNS))
    figure, panels = new_figure(rows, _COLUMNS, (10.4, 2.05 * rows + 0.45))
    for axes, name in zip(panels, names, strict=False):
        for (kind, iou), values in all_curves(figures, indices[name]).items():
            axes.plot(RECALLS, values, _STYLE[iou], color=_COLOUR[kind], linewidth=1.3)
        _frame(axes)
        count = figures.per_class[name]["objects"]
        axes.set_title(f"{name} ({count})", fontsize=9, color="#a04000" if count < FEW_OBJECTS else "black")
    for index, axes in enumerate(panels):
        axes.tick_params(labelbottom=index >= len(names) - _COLUMNS)
        axes.axison = index < len(names)
    figure.supxlabel("recall", fontsize=9)
    figure.supylabel("precision", fontsize=9)
    return to_svg(figure, "classes")


def reliability(found: dict[str, Any]) -> str:
    """Share of right detections by their score, and below it how many have it."""
    figure, (axes, counts) = new_figure(2, 1, (4.9, 4.6), share=False)
    filled = [each for each in found["bins"] if each["count"]]
    axes.plot([0, 1], [0, 1], color="#9aa7b0", linewidth=1)
    axes.plot([e["score"] for e in filled], [e["right"] for e in filled], "o-", color=_COLOUR["masks"])
    _frame(axes)
    axes.set_ylabel(f"right at IoU {found['iou']:g}")
    counts.bar(
        [(e["from"] + e["to"]) / 2 for e in found["bins"]],
        [e["count"] for e in found["bins"]],
        width=0.09,
        color="#9aa7b0",
    )
    counts.set_xlim(0, 1)
    counts.set_xlabel("score")
    counts.set_ylabel("detections")
    for side in ("top", "right"):
        counts.spines[side].set_visible(False)
    return to_svg(figure, "reliability")


def new_figure(
    rows: int, columns: int, size_inches: tuple[float, float], *, share: bool = True
) -> tuple[Any, list[Any]]:
    """A figure and its panels, row by row; with `share` they have the same axes."""
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
