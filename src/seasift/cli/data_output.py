"""What the `data` commands show: progress by stages, and tables."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from seasift.cli.data_split import Drawn
from seasift.data.check import CheckReport
from seasift.data.defects import REPAIRED
from seasift.data.merge import Merged
from seasift.data.prepared import PreparedDataset


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on standard error, one a stage, on a terminal only; driven by (what, done, in all)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield progress


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A sign of life on standard error, on a terminal only, for work whose end is not known."""
    terminal = Console(stderr=True)
    if not terminal.is_terminal:
        yield
        return
    with terminal.status(f"{what} ..."):
        yield


def console() -> Console:
    """Standard output; wide when it is not a terminal, so that tables in files are not cut."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 140)


def print_json(value: Any) -> None:
    """JSON to standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False))


def tell_check(report: CheckReport) -> None:
    """Every defect on a line, the table of leaks, and a last line that sums up."""
    out = console()
    for defect in report.defects:
        out.print(defect.line(), soft_wrap=True)
    if report.leaks:
        table = Table(
            "scheme",
            "splits",
            "same files",
            "same images",
            "same groups",
            "images in them",
            "same dives",
            "images of them",
            "same minutes",
        )
        for column in table.columns[2:]:
            column.justify = "right"
        for leak in report.leaks:
            of = zip(leak.images_in_groups, leak.images_in_splits, strict=True)
            table.add_row(
                *(leak.scheme, " and ".join(leak.splits), f"{len(leak.files):,}", f"{len(leak.images):,}"),
                *(f"{len(leak.groups):,}", " and ".join(f"{some:,} of {every:,}" for some, every in of)),
                *(f"{len(leak.dives):,}", " and ".join(f"{some:,}" for some in leak.images_in_dives)),
                f"{len(leak.clocks):,}",
            )
        out.print(table)
    if not report.grouped:
        out.print(
            "note: no group is known, so videos in two splits were not looked for; give --group for footage"
        )
    elif not report.dated:
        out.print("note: no dates of videos are known, so shared dives and minutes were not looked for")
    kinds = Counter((defect.severity, defect.kind) for defect in report.defects)
    found = ", ".join(f"{count:,} {kind} ({severity})" for (severity, kind), count in kinds.items())
    if any(defect.kind in REPAIRED for defect in report.defects):
        out.print("note: seasift data prepare --repair mends what is mechanical, and lists what it did")
    out.print(f"{report.images:,} images, {len(report.files)} annotation files: {found or 'no defects'}")


def tell_prepared(prepared: PreparedDataset, done: bool) -> None:
    """One line on what was made, and a table of the schemes."""
    record = prepared.record
    objects = ", ".join(f"{name} {count:,}" for name, count in record.get("objects", {}).items())
    out = console()
    if not done:
        out.print(
            f"{prepared.folder}: up to date, nothing to do ({record['name']}, {record['pictures']:,} images)"
        )
        return
    out.print(f"{prepared.folder}: {record['name']}, {record['pictures']:,} images; objects: {objects}")
    table = Table("scheme", "split", "pictures")
    table.columns[2].justify = "right"
    for scheme, splits in record["splits"].items():
        for split, count in splits.items():
            table.add_row(scheme, split, f"{count:,}")
    out.print(table)
    for line in record.get("repairs", []):
        out.print(f"repaired: {line}", soft_wrap=True)
    for note in record.get("notes", []):
        out.print(f"note: {note}", soft_wrap=True)
    if "citation" in record:
        out.print(f"Licence: {record['licence']}\nCite: {record['citation']}", soft_wrap=True)


def tell_merged(merged: Merged) -> None:
    """What was merged, and what was left out."""
    tell_prepared(merged.prepared, merged.done)
    if not merged.done:
        return
    out = console()
    table = Table("source", "images", "objects", "background")
    for source in merged.prepared.record["sources"]:
        row = (source["name"], f"{source['images']:,}", f"{source['objects']:,}", source["background"])
        table.add_row(*row)
    out.print(table)
    for name, count in merged.twins.items():
        out.print(
            f"note: {count:,} images of {name} left out: an earlier source has the same", soft_wrap=True
        )
    for scheme, count in merged.dropped.items():
        out.print(
            f"note: {count:,} images left out of {scheme}/train: another source's held-out splits have their video, dive "
            "or day",
            soft_wrap=True,
        )
    for name, count in merged.undated.items():
        out.print(
            f"note: {count:,} videos of {name} have neither date nor dive, so shared dives were not looked for",
            soft_wrap=True,
        )


def tell_scheme(drawn: Drawn) -> None:
    """What each split got, and which classes a split lacks."""
    out = console()
    if not drawn.grouped:
        out.print("note: no group is known, so each image was drawn alone; give --group for footage")
    table = Table("scheme", "split", "groups", "pictures", "share", "objects", "classes it lacks")
    for column in table.columns[2:6]:
        column.justify = "right"
    total = len(drawn.group_of)
    for scheme, splits in drawn.schemes.items():
        for split, names in splits.items():
            counts = _counts(drawn, set(names))
            lacking = sorted(name for name, count in counts.items() if not count)
            groups = len({drawn.group_of[name] for name in names})
            table.add_row(
                *(scheme, split, f"{groups:,}", f"{len(names):,}", f"{len(names) / total:.1%}"),
                *(f"{sum(counts.values()):,}", ", ".join(lacking) or "none"),
            )
    out.print(table)
    for folder in drawn.folders.values():
        out.print(f"written: {folder}", soft_wrap=True)


def _counts(drawn: Drawn, names: set[str]) -> Counter[str]:
    """Objects per class over all label sets; classes of no object at all are left out."""
    counts: Counter[str] = Counter()
    for labels, coco in drawn.label_sets.items():
        title = {
            c.id: c.name if len(drawn.label_sets) == 1 else f"{labels} {c.name}" for c in coco.categories
        }
        here = {image.id for image in coco.images if image.file_name in names}
        for annotation in coco.annotations:
            if annotation.is_coarse:
                continue
            counts[title[annotation.category_id]] += annotation.image_id in here
    return counts
