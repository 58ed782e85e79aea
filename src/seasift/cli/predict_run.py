"""What `seasift predict` does once its options are checked."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

import typer

from seasift.cli import predict_output as out
from seasift.cli.predict_summary import tell
from seasift.cli.predict_task import Options, Task, prepare
from seasift.cli.terminal import progress_bar
from seasift.core.errors import BadInput
from seasift.core.picture import write_picture
from seasift.core.types import UInt8
from seasift.formats import document
from seasift.formats.journal import Finished, Journal
from seasift.runtime.draw import draw
from seasift.runtime.inputs import Failure, Source
from seasift.runtime.stream import Picture, predict_sources
from seasift.runtime.video import Every, expected_count


def run(options: Options) -> list[document.FailedFile]:
    """Predict, write, and tell on standard error what was done; gives the inputs that failed.

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
            file_names=_short_image_names(task, images) if "coco" in task.plan.formats else {},
            like=task.like,
            print_text=lambda text: typer.echo(text.encode(), nl=False),
        )
        tell(result, [*written, *out.overlay_places(task.plan)], asked_precision=options.precision)
    return failures


def _predict_all(task: Task, journal: Journal) -> tuple[Finished, list[document.FailedFile]]:
    overlays = out.overlay_paths(task.short) if "overlay" in task.plan.formats else {}
    done: list[str] = []
    failures: list[document.FailedFile] = []
    total = sum(_expected(source, task.every) for source in task.sources)
    with progress_bar("predicting") as progress:
        found_all = predict_sources(
            partial(_look, task, overlays),
            task.sources,
            every=task.every,
            known=set(journal),
            at_once=task.at_once,
        )
        for found in found_all:
            if isinstance(found, Failure):
                print(f"seasift: {found.error}", file=sys.stderr)  # not echo: the bar moves down for print
                failures.append(document.FailedFile(file=found.file, error=found.error))
            else:
                if found.result is not None:
                    journal.add(found.picture.key, found.result)
                done.append(found.picture.key)
            progress(len(done) + len(failures), max(total, len(done) + len(failures)))
    return Finished(journal, done), failures


def _look(
    task: Task, overlays: Mapping[str, PurePosixPath], picture: Picture, image_rgb_u8: UInt8
) -> document.Image:
    """Predict, and write what belongs to one picture. Several threads do this at once."""
    settings, categories = task.settings, task.predictor.categories
    (instances,) = task.predictor.predict(
        [image_rgb_u8],
        threshold=settings.threshold,
        max_objects=settings.max_objects,
    )
    entry = document.image_entry(
        picture.file, instances, categories, frame=picture.frame, time_s=picture.time_s
    )
    if task.like:
        task.like.check((picture.file,), ())
        task.like.check_size(entry)
    if overlays:
        path = out.overlay_path(task.plan, overlays[picture.source.name], picture.frame)
        write_picture(path, draw(image_rgb_u8, instances, categories))
    return entry


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
