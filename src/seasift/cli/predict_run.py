"""What `seasift predict` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import typer

from seasift import __version__
from seasift.cli import predict_output as out
from seasift.cli.predict_summary import tell
from seasift.cli.terminal import progress_bar
from seasift.core.errors import BadInput
from seasift.core.instances import Instances
from seasift.core.picture import write_picture
from seasift.core.spelling import hint
from seasift.core.types import UInt8
from seasift.formats import coco, document
from seasift.formats.journal import Journal
from seasift.runtime.draw import draw
from seasift.runtime.inputs import Failure, Source, expand
from seasift.runtime.predictor import OnnxPredictor, load_predictor
from seasift.runtime.stream import Found, predict_sources
from seasift.runtime.video import Every, expected_count


@dataclass(frozen=True)
class Options:
    """The command line's options, as given."""

    inputs: tuple[str, ...]
    model: str = "default"
    threshold: float | None = None
    max_objects: int | None = None
    classes: tuple[str, ...] = ()
    formats: tuple[str, ...] = ("json",)
    output: Path | None = None
    masks: str = "rle"
    like: Path | None = None
    recursive: bool = False
    every: str = "1s"
    engine: str = "openvino"
    precision: str = "f32"
    threads: int | None = None


@dataclass(frozen=True)
class _Task:
    """The options after every check: nothing has been written so far, and nothing can be wrong but files."""

    options: Options
    sources: list[Source | Failure]
    every: Every
    plan: out.Plan
    like: coco.TruthIds | None
    predictor: OnnxPredictor
    settings: document.Settings
    class_ids: tuple[int, ...] | None
    root: str
    short: dict[str, str]


def run(options: Options) -> document.Document:
    """Predict, write, and tell on standard error what was done.

    Raises:
        BadInput: a bad option, or no input that gives a result; nothing is written then.
    """
    task = _prepare(options)
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


def _predict_all(task: _Task, journal: Journal) -> tuple[list[document.Image], list[document.FailedFile]]:
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
                error = " ".join(found.error.split())
                typer.echo(f"seasift: {error}", err=True)
                failures.append(document.FailedFile(file=found.file, error=error))
            else:
                if found.instances is not None:
                    _finish(task, found, found.instances, overlays, journal)
                images.append(journal.images[found.picture.key])
            progress(len(images) + len(failures), max(total, len(images) + len(failures)))
    return images, failures


def _predict_one(task: _Task, image: UInt8) -> Instances:
    settings = task.settings
    (instances,) = task.predictor.predict(
        [image],
        threshold=settings.threshold,
        max_objects=settings.max_objects,
        class_ids=task.class_ids,
    )
    return instances


def _finish(
    task: _Task, found: Found, instances: Instances, overlays: Mapping[str, PurePosixPath], journal: Journal
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


def _short_image_names(task: _Task, images: Sequence[document.Image]) -> dict[str, str]:
    """For each image what COCO shall call it: relative to the folder that all inputs share."""
    names = {}
    for image in images:
        base, mark, frame = (
            image.file.rpartition("#frame=") if image.frame is not None else (image.file, "", "")
        )
        names[image.file] = task.short[base] + mark + frame
    return names


def _prepare(options: Options) -> _Task:
    formats = out.parse_formats(options.formats)
    every = Every.parse(options.every)
    if options.masks not in ("rle", "polygons"):
        raise BadInput(f"--masks {options.masks!r}; expected rle or polygons.")
    if options.like and "coco" not in formats:
        raise BadInput("--like is for --format coco. Add coco to the formats, or leave --like out.")
    leave_out = options.output.resolve() if options.output else None
    sources = expand(options.inputs, recursive=options.recursive, leave_out=leave_out)
    good = [source for source in sources if isinstance(source, Source)]
    still = [source for source in good if source.kind != "video"]
    plan = out.plan(formats, options.output, single_picture=len(still) == len(good) == 1)
    like = coco.read_truth_ids(options.like) if options.like else None
    predictor = load_predictor(
        options.model, engine=options.engine, precision=options.precision, threads=options.threads
    )
    names = [category.name for category in predictor.categories]
    classes = parse_classes(options.classes, names)
    if like:
        like.check((source.name for source in still), classes or names)
    root, short = out.short_names(good)
    return _Task(
        options=options,
        sources=sources,
        every=every,
        plan=plan,
        like=like,
        predictor=predictor,
        settings=_settings(options, predictor, classes),
        class_ids=tuple(names.index(name) for name in classes) if classes else None,
        root=root,
        short=short,
    )


def parse_classes(given: Sequence[str], names: Sequence[str]) -> list[str]:
    """Class names from values like ["rov,plant", "trash_net"]; a name with a comma may stand alone.

    Raises:
        BadInput: a name the model does not know, with the nearest it does.
    """
    wanted = []
    for value in given:
        wanted += [value] if value in names else [part.strip() for part in value.split(",") if part.strip()]
    for name in wanted:
        if name not in names:
            raise BadInput(f"--classes {name!r}{hint(name, names)}; the model knows {', '.join(names)}.")
    if given and not wanted:
        raise BadInput(f"--classes names nothing; the model knows {', '.join(names)}.")
    return list(dict.fromkeys(wanted))


def _settings(options: Options, predictor: OnnxPredictor, classes: list[str]) -> document.Settings:
    info = predictor.info
    return document.Settings(
        seasift=__version__,
        model=document.ModelEntry(name=predictor.name, sha256=predictor.sha256),
        engine=predictor.engine,
        precision=predictor.precision,
        threshold=info.threshold if options.threshold is None else options.threshold,
        max_objects=options.max_objects or info.max_objects,
        classes=classes or None,
        categories=[document.CategoryEntry(id=c.id, name=c.name) for c in predictor.categories],
    )
