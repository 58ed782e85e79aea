"""Supercategories, any object and triage as rows of text, the same for terminal, page, card and comparison."""

from __future__ import annotations

from collections.abc import Sequence

from seasift.evaluation.comparison import ComparedRun
from seasift.evaluation.document import (
    Evaluation,
    FigureLimits,
    LevelCategory,
    LevelMetrics,
    Number,
    TriageMetrics,
)
from seasift.evaluation.text_table import NONE, Table, count, number, with_limits

SHOWN = tuple((kind, figure) for kind in ("masks", "boxes") for figure in ("AP", "AP50"))
ANY_OBJECT = "any object"
Labelled = Sequence[tuple[str, Evaluation | ComparedRun]]
"""Label of a run (one without: "") and its record; records of an older seasift have no rows."""


def level_table(runs: Labelled) -> Table:
    """A row for each supercategory, their mean, and any object."""
    labelled = any(label for label, _ in runs)
    rows: list[tuple[str, ...]] = []
    for label, record in runs:
        for name, objects, of, by_kind in _levels(record.levels):
            cells = [_with(of.line(kind)[figure], by_kind.get(kind), figure) for kind, figure in SHOWN]
            rows.append((*([label] if labelled else []), name, count(objects), *cells))
    heads = ("of", "objects", *(f"{kind} {figure}" for kind, figure in SHOWN))
    title = "Supercategories and any object"
    return Table(title, ("run", *heads) if labelled else heads, rows, (0, 1) if labelled else (0,))


def triage_table(runs: Labelled) -> Table:
    """A row for frames with trash and one for frames with animals."""
    labelled = any(label for label, _ in runs)
    rows: list[tuple[str, ...]] = []
    for label, record in runs:
        for name, row in record.triage.items():
            held = f"{row.with_:,} of {row.frames:,}"
            rows.append((*([label] if labelled else []), name, held, *_triage(row)))
    heads = (
        "frames with",
        "frames",
        "recall at precision .80",
        "recall at precision .90",
        "frames to look at for 95% recall",
    )
    title = "Triage: frames picked by their best detection"
    return Table(title, ("run", *heads) if labelled else heads, rows, (0, 1) if labelled else (0,))


def _triage(row: TriageMetrics) -> list[str]:
    values = {
        "recall_at_precision_80": row.recall_at_precision_80,
        "recall_at_precision_90": row.recall_at_precision_90,
        "look_at_for_recall_95": row.look_at_for_recall_95,
    }
    return [_with(value, row.intervals, name) for name, value in values.items()]


def unseen_table(record: Evaluation) -> Table:
    """A row for each nearness to the training; no rows where all images are of one."""
    rows: list[tuple[str, ...]] = []
    for row in record.unseen.kinds if record.unseen else ():
        if row.masks is None or row.boxes is None:
            continue
        kind, line = ("masks", row.masks) if row.masks["AP"] is not None else ("boxes", row.boxes)
        limits = (row.intervals or {}).get(kind)
        cells = [_with(line[figure], limits, figure) for figure in ("AP", "AP50")]
        for name in ("supercategory", "object"):
            level = row.levels.get(name)
            own = level.intervals.of_kind(kind) if level and level.intervals else None
            cells.append(NONE if level is None else _with(level.line(kind)["AP50"], own, "AP50"))
        rows.append((f"{row.name} ({kind})", count(row.images), count(row.objects), *cells))
    heads = ("of", "images", "objects", "AP", "AP50", "supercategories AP50", "any object AP50")
    return Table("By what was new to the model", heads, rows)


def rollup_table(record: Evaluation) -> Table:
    """What the model's own thresholds of the roll-up give; no rows without."""
    own = record.rollup.own if record.rollup else None
    rows = [
        (level, number(own.thresholds[level]), count(row.count), with_limits(number(row.right), row.interval))
        for level, row in (own.levels if own else {}).items()
        if own
    ]
    return Table("Roll-up: what objects are called", ("named by", "from score", "objects", "right"), rows)


def tables_of(record: Evaluation) -> list[Table]:
    """All of these tables that have rows, for one record."""
    own = [("", record)]
    found = (level_table(own), triage_table(own), unseen_table(record), rollup_table(record))
    return [table for table in found if table.rows]


def _levels(
    levels: dict[str, LevelMetrics],
) -> list[tuple[str, int, LevelCategory | LevelMetrics, dict[str, FigureLimits]]]:
    """Name, objects, metrics, and intervals by kind."""
    found: list[tuple[str, int, LevelCategory | LevelMetrics, dict[str, FigureLimits]]] = []
    for name, level in levels.items():
        limits = level.intervals
        by_category = limits.per_class if limits else {}
        for row in level.per_class:
            shown = ANY_OBJECT if name == "object" else row.name
            found.append((shown, row.objects, row, by_category.get(row.name, {})))
        if name != "object":
            total = sum(row.objects for row in level.per_class)
            mean = {"boxes": limits.boxes, "masks": limits.masks} if limits else {}
            found.append(("mean of these", total, level, mean))
    return found


def _with(value: Number | None, limits: FigureLimits | None, name: str) -> str:
    shown = number(value)
    return shown if shown == NONE else with_limits(shown, (limits or {}).get(name))
