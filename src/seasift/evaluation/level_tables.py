"""Supercategories, any object and triage as rows of text, the same for terminal, page, card and comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seasift.evaluation.compare_tables import NONE, count, number, with_limits
from seasift.evaluation.text_table import Table

SHOWN = tuple((kind, figure) for kind in ("masks", "boxes") for figure in ("AP", "AP50"))
ANY_OBJECT = "any object"
_TRIAGE = (
    ("recall_at_precision_80", "recall at precision .80"),
    ("recall_at_precision_90", "recall at precision .90"),
    ("look_at_for_recall_95", "frames to look at for 95% recall"),
)


def level_table(runs: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    """A row for each supercategory, their mean, and any object.

    Args:
        runs: label of a run (one without: "") and its record; records of an older seasift have no rows.
    """
    labelled = any(label for label, _ in runs)
    rows = []
    for label, record in runs:
        for name, objects, row, limits in _levels(record):
            cells = [_with(row[kind][figure], limits.get(kind), figure) for kind, figure in SHOWN]
            rows.append((*([label] if labelled else []), name, count(objects), *cells))
    heads = ("of", "objects", *(f"{kind} {figure}" for kind, figure in SHOWN))
    if labelled:
        return Table("Supercategories and any object", ("run", *heads), rows, (0, 1))
    return Table("Supercategories and any object", heads, rows)


def triage_table(runs: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    """A row for frames with trash and one for frames with animals; see `level_table`."""
    labelled = any(label for label, _ in runs)
    rows = []
    for label, record in runs:
        for name, row in (record.get("triage") or {}).items():
            limits = row.get("intervals") or {}
            cells = [_with(row[key], limits, key) for key, _ in _TRIAGE]
            held = f"{row['with']:,} of {row['frames']:,}"
            rows.append((*([label] if labelled else []), name, held, *cells))
    heads = ("frames with", "frames", *(head for _, head in _TRIAGE))
    title = "Triage: frames picked by their best detection"
    return Table(title, ("run", *heads) if labelled else heads, rows, (0, 1) if labelled else (0,))


def unseen_table(record: Mapping[str, Any]) -> Table:
    """A row for each nearness to the training; no rows where all images are of one."""
    rows = []
    for row in (record.get("unseen") or {}).get("kinds", []):
        if "masks" not in row:
            continue
        kind = "masks" if row["masks"]["AP"] is not None else "boxes"
        limits = (row.get("intervals") or {}).get(kind)
        cells = [_with(row[kind][figure], limits, figure) for figure in ("AP", "AP50")]
        for level in ("supercategory", "object"):
            evaluated = row["levels"].get(level)
            own = ((evaluated or {}).get("intervals") or {}).get(kind)
            cells.append(NONE if evaluated is None else _with(evaluated[kind]["AP50"], own, "AP50"))
        rows.append((f"{row['name']} ({kind})", count(row["images"]), count(row["objects"]), *cells))
    heads = ("of", "images", "objects", "AP", "AP50", "supercategories AP50", "any object AP50")
    return Table("By what was new to the model", heads, rows)


def rollup_table(record: Mapping[str, Any]) -> Table:
    """What the model's own thresholds of the roll-up give; no rows without."""
    own = (record.get("rollup") or {}).get("own") or {"thresholds": {}, "levels": {}}
    rows = [
        (level, number(own["thresholds"][level]), count(row["count"]), number(row["right"]))
        for level, row in own["levels"].items()
    ]
    return Table("Roll-up: what objects are called", ("named by", "from score", "objects", "right"), rows)


def tables_of(record: Mapping[str, Any]) -> list[Table]:
    """All of these tables that have rows, for one record."""
    own = [("", record)]
    found = (level_table(own), triage_table(own), unseen_table(record), rollup_table(record))
    return [table for table in found if table.rows]


def _levels(record: Mapping[str, Any]) -> list[tuple[str, Any, Mapping[str, Any], Mapping[str, Any]]]:
    levels, found = record.get("levels") or {}, []
    for level, evaluated in levels.items():
        limits = evaluated.get("intervals") or {}
        if level == "object":
            row = evaluated["per_class"][0]
            found.append((ANY_OBJECT, row["objects"], row, limits.get("per_class", {}).get(row["name"], {})))
            continue
        for row in evaluated["per_class"]:
            found.append((row["name"], row["objects"], row, limits.get("per_class", {}).get(row["name"], {})))
        total = sum(row["objects"] for row in evaluated["per_class"])
        found.append(("mean of these", total, evaluated, limits))
    return found


def _with(value: float | None, limits: Mapping[str, Any] | None, name: str) -> str:
    shown = number(value)
    return shown if shown == NONE else with_limits(shown, (limits or {}).get(name))
