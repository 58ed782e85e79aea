"""The tables of a comparison, and its folder: compare.html, compare.json, compare.md.

Terminal, Markdown and page show the same tables, as rows of text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from seasift.core.files import write_json, write_text
from seasift.core.image import svg_uri
from seasift.core.page import render_template
from seasift.evaluation.coco_metrics import LINE
from seasift.evaluation.comparison import Change, ComparedClass, ComparedRun, Comparison, Pair
from seasift.evaluation.document import EvaluatedData, Speed
from seasift.evaluation.intervals import FEW_CLASS_GROUPS
from seasift.evaluation.plots import overlays
from seasift.evaluation.tables import (
    ANY_OBJECT,
    NONE,
    Table,
    bracketed,
    count,
    level_table,
    markdown,
    number,
    triage_table,
    with_limits,
)


def text(value: Any) -> str:
    """The known parts, or a dash."""
    return NONE if value is None or value == "" else str(value)


def signed(found: Change | None) -> str:
    """A difference with its interval."""
    if found is None:
        return NONE
    return f"{found.value:+.3f} {bracketed(found.interval, '+.3f')}"


def duration(seconds: float | None) -> str:
    """Hours and minutes."""
    if seconds is None:
        return NONE
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{seconds / 60:.1f} min"


def split_name(data: EvaluatedData) -> str:
    """The split, and how much of it was evaluated."""
    images, of = data.images, data.of_images or data.images
    return f"{data.name}, {images:,} {f'of {of:,} ' if of > images else ''}images"


WITH_INTERVAL = ("AP", "AP50", "AP75")
SHOWN_KINDS = ("masks", "boxes")


def tables(comparison: Comparison) -> list[Table]:
    """All tables of a comparison, in the order to read them; those without rows are left out."""
    makers: tuple[Callable[[Comparison], Table], ...]
    makers = (
        *(summary, levels, triage, differences, level_differences),
        *(sizes, trainings, lines, classes, class_differences),
    )
    return [table for make in makers if (table := make(comparison)).rows]


def summary(comparison: Comparison) -> Table:
    """One row per run, then the published results."""
    rows = [
        (
            f"{run.label}  {run.name}",
            split_name(run.data),
            *(with_interval(run, kind, metric) for kind in SHOWN_KINDS for metric in WITH_INTERVAL),
        )
        for run in comparison.runs
    ]
    for each in comparison.published:
        cells = [
            cell
            for kind in SHOWN_KINDS
            for cell in (number(each.masks if kind == "masks" else each.boxes), NONE, NONE)
        ]
        rows.append((f"published: {each.name}", each.split, *cells))
    heads = (f"{kind} {metric}" for kind in SHOWN_KINDS for metric in WITH_INTERVAL)
    return Table("Average precision", ("run", "evaluated on", *heads), rows, (0, 1))


def levels(comparison: Comparison) -> Table:
    """Supercategories and any object of each run, with the intervals of its own evaluation."""
    return level_table([(f"{run.label}  {run.name}", run) for run in comparison.runs])


def triage(comparison: Comparison) -> Table:
    """Frames with trash and with animals of each run, with the intervals of its own evaluation."""
    return triage_table([(f"{run.label}  {run.name}", run) for run in comparison.runs])


def differences(comparison: Comparison) -> Table:
    """One row per pair of runs and kind: second minus first."""
    rows: list[tuple[str, ...]] = []
    for pair in comparison.pairs:
        name = f"{pair.second} − {pair.first}"
        if not pair.same_split:
            rows.append((name, NONE, NONE, NONE, NONE, "evaluated on different splits: no difference"))
        for kind in SHOWN_KINDS:
            found = pair.difference.of_kind(kind) if pair.difference else None
            if found:
                cells = [signed(found[metric]) for metric in WITH_INTERVAL]
                rows.append((name, kind, *cells, verdict(found["AP"], pair)))
    heads = ("pair", "kind", *WITH_INTERVAL, "meaning of the interval of AP")
    return Table("Differences", heads, rows, (0, 1, 5))


def level_differences(comparison: Comparison) -> Table:
    """Supercategories and any object: second minus first, from the same draws."""
    rows: list[tuple[str, ...]] = []
    for pair in comparison.pairs:
        name = f"{pair.second} − {pair.first}"
        for level, changes in pair.levels.items():
            for kind in SHOWN_KINDS:
                whole = changes.of_kind(kind)
                if level != "object":
                    for category, kinds in changes.per_class.items():
                        if kinds.get(kind):
                            rows.append((name, category, kind, signed(kinds[kind]), NONE))
                if whole:
                    of = ANY_OBJECT if level == "object" else "mean of these"
                    rows.append((name, of, kind, signed(whole["AP"]), signed(whole["AP50"])))
    title = "Differences of supercategories and any object"
    return Table(title, ("pair", "of", "kind", "AP", "AP50"), rows, (0, 1, 2))


def sizes(comparison: Comparison) -> Table:
    """One row per run and measured engine."""
    rows = []
    for run in comparison.runs:
        facts = run.facts
        about = (
            count(facts["parameters"]),
            count(facts["trainable"]),
            NONE if facts["bytes"] is None else f"{facts['bytes'] / 2**20:,.1f}",
            NONE if facts["gflops"] is None else f"{facts['gflops']:,.1f}",
            count(facts["priors"]),
        )
        for index, speed in enumerate(run.speeds or [None]):
            label = f"{run.label}  {run.name}" if index == 0 else run.label
            rows.append((label, *(about if index == 0 else [""] * len(about)), *_speed(speed)))
    heads = (
        "run",
        "parameters",
        "trainable",
        "memory MiB",
        "GFLOPs",
        "priors",
        "images/s",
        "end to end/s",
        "engine",
        "hardware",
    )
    return Table("Size and speed", heads, rows, (0, 8, 9))


def trainings(comparison: Comparison) -> Table:
    """One row per training run."""
    rows = []
    for run in comparison.runs:
        about = run.training
        if about:
            network = " ".join(str(each) for each in (about.arch, about.backbone) if each)
            rows.append(
                (
                    f"{run.label}  {run.name}",
                    text(about.recipe),
                    f"{network} {about.size} px" if about.size else network or NONE,
                    text(about.weights),
                    text(about.data),
                    count(about.images_seen),
                    duration(about.seconds),
                    text(about.machine),
                )
            )
    heads = ("run", "recipe", "network", "initial weights", "trained on", "images seen", "time", "hardware")
    return Table("Training", heads, rows, (0, 1, 2, 3, 4, 7))


def lines(comparison: Comparison) -> Table:
    """The 24 COCO metrics: 12 rows, masks and boxes of each run."""
    rows = [
        (metric, *(number(run.line(kind)[metric]) for kind in SHOWN_KINDS for run in comparison.runs))
        for metric in LINE
    ]
    return Table("The 24 COCO metrics", ("metric", *_by_kind(comparison)), rows)


def classes(comparison: Comparison) -> Table:
    """One row per class: AP of masks and of boxes of each run."""
    runs = comparison.runs
    by_run = [{row.name: row for row in run.per_class} for run in runs]
    rows = []
    for name in dict.fromkeys(name for own in by_run for name in own):
        found = [own[name] for own in by_run if name in own]
        cells = [
            class_cell(run, own[name], kind) if name in own else NONE
            for kind in SHOWN_KINDS
            for run, own in zip(runs, by_run, strict=True)
        ]
        rows.append(
            (name, _counts(row.objects for row in found), _counts(row.groups for row in found), *cells)
        )
    return Table(
        "AP of each class", ("class", "objects", f"{unit_of(comparison)}s", *_by_kind(comparison)), rows
    )


def unit_of(comparison: Comparison) -> str:
    """The resampled unit: "dive", "video" or "image"."""
    return comparison.bootstrap.unit if comparison.bootstrap else "video"


def _by_kind(comparison: Comparison) -> list[str]:
    return [f"{kind} {run.label}" for kind in SHOWN_KINDS for run in comparison.runs]


def _counts(numbers: Iterable[int | None]) -> str:
    """Counts of the runs' splits: one number if they agree."""
    counts = dict.fromkeys(count(each) for each in numbers)
    known = [each for each in counts if each != NONE] or [NONE]
    return " / ".join(known)


def class_differences(comparison: Comparison) -> Table:
    """One row per pair and class whose difference has an interval without 0; classes with few dives or videos are left out."""
    groups = {run.label: {row.name: row.groups or 0 for row in run.per_class} for run in comparison.runs}
    rows = []
    for pair in comparison.pairs:
        for name, kinds in (pair.difference.per_class if pair.difference else {}).items():
            enough = groups[pair.first][name] >= FEW_CLASS_GROUPS
            for kind in SHOWN_KINDS if enough else ():
                found = kinds.get(kind)
                if found and not found.zero_inside:
                    rows.append((f"{pair.second} − {pair.first}", name, kind, signed(found)))
    title = f"Classes in {FEW_CLASS_GROUPS} or more {unit_of(comparison)}s whose difference has an interval without 0"
    return Table(title, ("pair", "class", "kind", "AP"), rows, (0, 1, 2))


def verdict(found: Change | None, pair: Pair) -> str:
    """The meaning of a difference's interval, in plain words."""
    if found is None:
        return NONE
    if found.zero_inside:
        return "0 is inside: no difference shown"
    better = pair.second if found.value > 0 else pair.first
    return f"0 is outside: {better} is better"


def with_interval(run: ComparedRun, kind: str, metric: str) -> str:
    """A metric with its interval, if there is one."""
    return with_limits(number(run.line(kind)[metric]), run.limits(kind, metric))


def class_cell(run: ComparedRun, row: ComparedClass, kind: str) -> str:
    """A class's AP with its interval, if there is one."""
    limits = run.intervals.of_class(row.name, kind) if run.intervals else None
    return with_limits(number(row.line(kind)["AP"]), limits)


def _speed(speed: Speed | None) -> tuple[str, ...]:
    if speed is None:
        return (NONE, NONE, NONE, NONE)
    paces = (speed.images_per_second, speed.end_to_end_per_second)
    threads = f", {speed.threads} threads" if speed.threads else ""
    engine = " ".join(each for each in (speed.engine, speed.precision) if each)
    rates = (NONE if pace is None else f"{pace:.1f}" for pace in paces)
    return (*rates, engine + threads or NONE, text(speed.machine))


def write_comparison(folder: Path, comparison: Comparison) -> tuple[Path, ...]:
    """Write the three files, each whole or not at all.

    Args:
        comparison: from `compare.compare`.
    Returns:
        Paths of the files.
    """
    page, text = render_page(comparison), render_markdown(comparison)
    paths = (folder / "compare.html", folder / "compare.json", folder / "compare.md")
    write_text(paths[0], page)
    write_json(paths[1], comparison.to_json(), indent=1)
    write_text(paths[2], text)
    return paths


def render_page(comparison: Comparison) -> str:
    """The page: one self-contained HTML file."""
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
        "Published results are not comparable with results on splits by video or dive. Sources:",
        "",
        *sources,
    ]
    return "\n".join([*parts, *notes, "", *about]) + "\n"


def _markdown(table: Table) -> str:
    return "\n".join([f"### {table.title}", "", *markdown(table), ""])
