"""What `seasift predict` does once its options are checked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import typer

from seasift.cli import predict_output as out
from seasift.cli.predict_look import Looked, Looker
from seasift.cli.predict_summary import tell
from seasift.cli.predict_task import Options, Task, prepare
from seasift.cli.predict_video import AnnotatedVideos
from seasift.cli.terminal import progress_bar
from seasift.core.errors import InputError
from seasift.formats import document
from seasift.formats.journal import Finished, Journal
from seasift.inference.inputs import Failure, Source
from seasift.inference.stream import Found, predict_sources
from seasift.video.reading import expected_count


def run(options: Options) -> list[document.FailedFile]:
    """Predict, write, and tell on standard error what was done; gives the inputs that failed.

    Raises:
        InputError: a bad option, or no input that gives a result; nothing is written then.
    """
    task = prepare(options)
    kept = {"root": task.root, "formats": task.plan.formats, **document.plain(task.settings)}
    with Journal(task.plan.journal, kept) as journal:
        images, failures = _predict_all(task, journal)
        if not images:
            raise InputError(f"none of {len(task.sources)} inputs gave a result; nothing was written.")
        result = document.complete(task.settings, images, failures)
        written = out.write_documents(
            task.plan,
            result,
            masks=options.masks,
            file_names=_short_image_names(task, images) if "coco" in task.plan.formats else {},
            like=task.like,
            print_text=lambda text: typer.echo(text.encode(), nl=False),
        )
        tell(result, [*written, *out.overlay_outputs(task.plan)], asked_precision=options.precision)
    return failures


def _predict_all(task: Task, journal: Journal) -> tuple[Finished, list[document.FailedFile]]:
    looker = Looker(task, journal)
    done: list[str] = []
    failures: list[document.FailedFile] = []
    total = sum(_expected(source, task) for source in task.sources)
    with progress_bar("predicting") as progress, AnnotatedVideos(task) as videos:
        found_all = predict_sources(
            looker.look, task.sources, span=task.span, known=looker.known, max_in_flight=task.max_in_flight
        )
        for found in _until_stopped(found_all, task.sources):
            if isinstance(found, Failure):
                print(f"seasift: {found.error}", file=sys.stderr)  # not echo: the bar moves down for print
                failures.append(document.FailedFile(file=found.file, error=found.error))
            else:
                if found.item.note:
                    print(f"seasift: {found.item.note}", file=sys.stderr)
                if found.result is not None:
                    looker.keep(found.item, found.result)
                    videos.add(found.item, found.result.drawn)
                done.append(found.item.key)
            progress(len(done) + len(failures), max(total, len(done) + len(failures)))
    return Finished(journal, done), failures


def _until_stopped(
    found_all: Iterator[Found[Looked] | Failure], sources: Sequence[Source | Failure]
) -> Iterator[Found[Looked] | Failure]:
    """A live source has no end: the user's Ctrl-C is it, and what was seen until then is written."""
    try:
        yield from found_all
    except KeyboardInterrupt:
        if not any(isinstance(source, Source) and source.kind == "live" for source in sources):
            raise


def _expected(source: Source | Failure, task: Task) -> int:
    if isinstance(source, Source) and source.kind == "video" and source.path:
        return expected_count(source.path, task.span.every, task.span.start_s, task.span.end_s)
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
