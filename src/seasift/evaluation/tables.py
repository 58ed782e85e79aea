"""Tables of an evaluation as rows of text, the same for terminal, page, card and comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seasift.evaluation.comparison import ComparedRun
from seasift.evaluation.document import (
    Evaluation,
    FigureLimits,
    LevelCategory,
    LevelMetrics,
    Number,
    TriageMetrics,
)

NONE = "–"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: its subject.
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
    """A metric with three digits."""
    return NONE if value is None else f"{value:.3f}"


def count(value: Number | None) -> str:
    """A whole number."""
    return NONE if value is None else f"{value:,}"


def with_limits(value: str, limits: list[Number] | None) -> str:
    """A metric with its interval, if it has one."""
    return value if limits is None else f"{value} {bracketed(limits, '.3f')}"


def bracketed(limits: list[Number], form: str) -> str:
    """In brackets, without the zero before the point, to save width."""
    low, high = (format(limit, form).replace("0.", ".", 1) for limit in limits)
    return f"[{low}, {high}]"


SHOWN = tuple((kind, metric) for kind in ("masks", "boxes") for metric in ("AP", "AP50"))
ANY_OBJECT = "any object"
Labelled = Sequence[tuple[str, Evaluation | ComparedRun]]
"""Label of a run (one without: "") and its record; records of an older seasift have no rows."""


def level_table(runs: Labelled) -> Table:
    """A row for each supercategory, for their mean, and for any object."""
    labelled = any(label for label, _ in runs)
    rows: list[tuple[str, ...]] = []
    for label, record in runs:
        for name, objects, of, by_kind in _levels(record.levels):
            cells = [_with(of.line(kind)[metric], by_kind.get(kind), metric) for kind, metric in SHOWN]
            rows.append((*([label] if labelled else []), name, count(objects), *cells))
    heads = ("of", "objects", *(f"{kind} {metric}" for kind, metric in SHOWN))
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
        "frames to review for 95% recall",
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
    """A row for each relation to the training; no rows where all images have the same."""
    rows: list[tuple[str, ...]] = []
    for row in record.unseen.kinds if record.unseen else ():
        if row.masks is None or row.boxes is None:
            continue
        kind, line = ("masks", row.masks) if row.masks["AP"] is not None else ("boxes", row.boxes)
        limits = (row.intervals or {}).get(kind)
        cells = [_with(line[metric], limits, metric) for metric in ("AP", "AP50")]
        for name in ("supercategory", "object"):
            level = row.levels.get(name)
            own = level.intervals.of_kind(kind) if level and level.intervals else None
            cells.append(NONE if level is None else _with(level.line(kind)["AP50"], own, "AP50"))
        rows.append((f"{row.name} ({kind})", count(row.images), count(row.objects), *cells))
    heads = ("of", "images", "objects", "AP", "AP50", "supercategories AP50", "any object AP50")
    return Table("By novelty to the model", heads, rows)


def rollup_table(record: Evaluation) -> Table:
    """Results of the model's own thresholds of the roll-up; no rows without them."""
    own = record.rollup.own if record.rollup else None
    rows = [
        (level, number(own.thresholds[level]), count(row.count), with_limits(number(row.right), row.interval))
        for level, row in (own.levels if own else {}).items()
        if own
    ]
    return Table("Roll-up: names of objects", ("named by", "from score", "objects", "right"), rows)


def tables_of(record: Evaluation) -> list[Table]:
    """All tables with rows, of one record."""
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
