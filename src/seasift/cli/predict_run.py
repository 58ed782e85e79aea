"""What `seasift predict` does once its options are checked."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import typer

from seasift.cli import predict_output as out
from seasift.cli.predict_summary import tell
from seasift.cli.predict_task import Options, Task, prepare
from seasift.cli.terminal import progress_bar
from seasift.core.errors import BadInput
from seasift.core.instances import Instances
from seasift.core.picture import write_picture
from seasift.core.types import UInt8
from seasift.formats import document
from seasift.formats.journal import Journal
from seasift.runtime.draw import draw
from seasift.runtime.inputs import Failure, Source
from seasift.runtime.stream import Found, predict_sources
from seasift.runtime.video import Every, expected_count


def run(options: Options) -> document.Document:
    """Predict, write, and tell on standard error what was done.

    Raises:
        BadInput: a bad option, or no input that gives a result; nothing is written then.
    """
    task = prepare(options)
    kept = {"root": task.root, "formats": task.plan.formats, **document.plain(task.settings)}
    with Journal(task.plan.journal, kept) as journal:
        images, failures = _predict_all(task, journal)
        if not images:
            raise BadInput(f"none of {len(task.sources)} inputs gave a result; nothing was written.")
        result = document.complete(task.settings, images, failures)
        written = out.write_documents(
            task.plan,
            result,
            masks=options.masks,
            file_names=_short_image_names(task, images),
            like=task.like,
            print_text=lambda text: typer.echo(text.encode(), nl=False),
        )
    tell(result, [*written, *out.overlay_places(task.plan)], asked_precision=options.precision)
    return result


def _predict_all(task: Task, journal: Journal) -> tuple[list[document.Image], list[document.FailedFile]]:
    overlays = out.overlay_paths(task.short) if "overlay" in task.plan.formats else {}
    images: list[document.Image] = []
    failures: list[document.FailedFile] = []
    total = sum(_expected(source, task.every) for source in task.sources)
    with progress_bar("predicting") as progress:
        found_all = predict_sources(
            lambda image: _predict_one(task, image), task.sources, every=task.every, known=set(journal.images)
        )
        for found in found_all:
            if isinstance(found, Failure):
                print(f"seasift: {found.error}", file=sys.stderr)  # not echo: the bar moves down for print
                failures.append(document.FailedFile(file=found.file, error=found.error))
            else:
                if found.instances is not None:
                    _finish(task, found, found.instances, overlays, journal)
                images.append(journal.images[found.picture.key])
            progress(len(images) + len(failures), max(total, len(images) + len(failures)))
    return images, failures


def _predict_one(task: Task, image: UInt8) -> Instances:
    settings = task.settings
    (instances,) = task.predictor.predict(
        [image],
        threshold=settings.threshold,
        max_objects=settings.max_objects,
    )
    return instances


def _finish(
    task: Task, found: Found, instances: Instances, overlays: Mapping[str, PurePosixPath], journal: Journal
) -> None:
    """Write what belongs to one picture, then enter it as finished."""
    picture = found.picture
    entry = document.image_entry(
        picture.file, instances, task.predictor.categories, frame=picture.frame, time_s=picture.time_s
    )
    if task.like:
        task.like.check((picture.file,), ())
        task.like.check_size(entry)
    if overlays and picture.image_rgb_u8 is not None:
        path = out.overlay_path(task.plan, overlays[picture.source.name], picture.frame)
        write_picture(path, draw(picture.image_rgb_u8, instances, task.predictor.categories))
    journal.add(picture.key, entry)


def _expected(source: Source | Failure, every: Every) -> int:
    if isinstance(source, Source) and source.kind == "video" and source.path:
        return expected_count(source.path, every)
    return 1


def _short_image_names(task: Task, images: Sequence[document.Image]) -> dict[str, str]:
    """For each image what COCO shall call it: relative to the folder that all inputs share."""
    names = {}
    for image in images:
        base, mark, frame = (
            image.file.rpartition("#frame=") if image.frame is not None else (image.file, "", "")
        )
        names[image.file] = task.short[base] + mark + frame
    return names
