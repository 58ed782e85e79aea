"""Tables of the `data` commands."""

from __future__ import annotations

from collections import Counter

from rich.table import Table

from seasift.cli.terminal import console_of
from seasift.data.check import CheckReport
from seasift.data.defects import REPAIRED
from seasift.data.draw_scheme import Drawn
from seasift.data.merge import Merged
from seasift.data.prepared import PreparedDataset
from seasift.data.stats import SIZES, Stats

_PAIRS = 10
_MOST_LINES = 20  # of one kind of defect
_WIDTH = 140


def tell_check(report: CheckReport) -> None:
    """The first defects of each kind on a line each, the table of leaks, and a summary in the last line."""
    out = console_of(_WIDTH)
    shown: Counter[str] = Counter()
    for defect in report.defects:
        shown[defect.kind] += 1
        if shown[defect.kind] <= _MOST_LINES:
            out.print(defect.line(), soft_wrap=True)
    for kind, count in shown.items():
        if count > _MOST_LINES:
            out.print(f"... and {count - _MOST_LINES:,} more: {kind}. --json lists all.")
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
            "note: no group is known, so videos in two splits were not searched; give --group for footage"
        )
    elif not report.dated:
        out.print("note: no dates of videos are known, so shared dives and minutes were not searched")
    kinds = Counter((defect.severity, defect.kind) for defect in report.defects)
    found = ", ".join(f"{count:,} {kind} ({severity})" for (severity, kind), count in kinds.items())
    if any(defect.kind in REPAIRED for defect in report.defects):
        out.print("note: seasift data prepare --repair repairs mechanical defects, and lists every repair")
    out.print(f"{report.images:,} images, {len(report.files)} annotation files: {found or 'no defects'}")


def tell_prepared(prepared: PreparedDataset, done: bool) -> None:
    """A line on the data set, and a table of the schemes."""
    record = prepared.record
    objects = ", ".join(f"{name} {count:,}" for name, count in record.get("objects", {}).items())
    out = console_of(_WIDTH)
    if not done:
        out.print(
            f"{prepared.folder}: up to date, nothing to do ({record['name']}, {record['pictures']:,} images)"
        )
        return
    out.print(f"{prepared.folder}: {record['name']}, {record['pictures']:,} images; objects: {objects}")
    table = Table("scheme", "split", "images")
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
    """The merged data set, and images that were left out."""
    tell_prepared(merged.prepared, merged.done)
    if not merged.done:
        return
    out = console_of(_WIDTH)
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
            f"note: {count:,} videos of {name} have neither date nor dive, so shared dives were not searched",
            soft_wrap=True,
        )


def tell_scheme(drawn: Drawn) -> None:
    """The content of each split, and its missing classes."""
    out = console_of(_WIDTH)
    if not drawn.grouped:
        out.print("note: no group is known, so each image is its own group; give --group for footage")
    table = Table("scheme", "split", "groups", "images", "share", "objects", "classes it lacks")
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
    """Objects per class over all label sets; classes without any object are left out."""
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


def tell_stats(stats: Stats) -> None:
    """Tables of splits, classes, and the pairs of classes that occur together most often."""
    out = console_of(_WIDTH)
    out.print(stats.name, soft_wrap=True)
    out.print(_splits(stats))
    out.print(_classes(stats))
    if stats.partial:
        out.print(_partial(stats))
    pairs = [
        (int(stats.together[i, j]), first, second)
        for i, first in enumerate(stats.classes)
        for j, second in enumerate(stats.classes[:i])
        if stats.together[i, j]
    ]
    if pairs:
        table = Table("together in images", "and", "images", title="most often together")
        table.columns[2].justify = "right"
        for count, first, second in sorted(pairs, key=lambda pair: -pair[0])[:_PAIRS]:
            table.add_row(first, second, f"{count:,}")
        out.print(table)


def _splits(stats: Stats) -> Table:
    table = Table("split", "images", "videos", "without objects", "objects", "crowds", *SIZES, "median size")
    for column in table.columns[1:]:
        column.justify = "right"
    for split, counts in stats.splits.items():
        videos = f"{counts.groups:,}" if stats.grouped else "-"
        sizes = [f"{value:,}" for value in (counts.small, counts.medium, counts.large)]
        table.add_row(
            *(split, f"{counts.pictures:,}", videos, f"{stats.empty_images[split]:,}", f"{counts.objects:,}"),
            *(f"{counts.crowds:,}", *sizes, f"{counts.median_side_px:.0f} px"),
        )
    return table


def _partial(stats: Stats) -> Table:
    table = Table("split", "coarse class", "without mask", "loose box", "images with unlabelled background")
    table.title = "missing parts of labels; objects of a coarse class count for no class"
    for column in table.columns[1:]:
        column.justify = "right"
    for split, found in stats.partial.items():
        values = (found.coarse, found.without_mask, found.loose_box, found.unlabelled)
        table.add_row(split, *(f"{value:,}" for value in values))
    return table


def _classes(stats: Stats) -> Table:
    table = Table("class", *stats.splits, *SIZES)
    table.title = "objects" + (" / videos" if stats.grouped else "") + " of each class"
    for column in table.columns[1:]:
        column.justify = "right"
    for name, row in stats.by_class.items():
        cells = [
            f"{counts.objects:,}" + (f" / {counts.groups:,}" if stats.grouped else "")
            for counts in row.values()
        ]
        last = list(row.values())[-1]
        table.add_row(name, *cells, f"{last.small:,}", f"{last.medium:,}", f"{last.large:,}")
    return table
