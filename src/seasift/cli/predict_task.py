"""The options of `seasift predict`, and everything that is checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seasift import __version__
from seasift.cli import predict_output as out
from seasift.cli.tile_option import MAX_OBJECTS, Tiling, parse_tiling
from seasift.core.classes import parse_classes
from seasift.core.errors import InputError
from seasift.core.predictor import Predictor
from seasift.core.rollup import LISTED, RollUp
from seasift.formats import coco, document
from seasift.inference.inputs import Failure, Source, expand
from seasift.inference.predictor import ChosenClasses, OnnxPredictor, load_predictor
from seasift.runtime.rollup import roll_up_of
from seasift.video.reading import Span
from seasift.video.sampling import FrameSampling, parse_seconds


@dataclass(frozen=True)
class Options:
    """The command line's options, as given."""

    inputs: tuple[str, ...]
    model: str = "default"
    threshold: float | None = None
    max_objects: int | None = None
    classes: tuple[str, ...] = ()
    once: bool = False
    names: str | None = None
    formats: tuple[str, ...] = ("json",)
    output: Path | None = None
    masks: str = "rle"
    like: Path | None = None
    recursive: bool = False
    every: str = "1s"
    start: str | None = None
    end: str | None = None
    tile: str | None = None
    tile_overlap: float | None = None
    tile_whole: bool = False
    engine: str = "openvino"
    precision: str = "auto"
    threads: int | None = None


@dataclass(frozen=True)
class Task:
    """The options after every check: nothing has been written so far, and nothing can be wrong but files."""

    options: Options
    sources: list[Source | Failure]
    span: Span
    plan: out.Plan
    like: coco.TruthIds | None
    predictor: Predictor
    max_in_flight: int
    settings: document.Settings
    rollup: RollUp | None
    root: str
    short: dict[str, str]


def prepare(options: Options) -> Task:
    """Check every option and load the model.

    Raises:
        InputError: an option that is wrong, or does not go with another or with the model.
    """
    formats = out.parse_formats(options.formats)
    span = parse_span(options.every, options.start, options.end)
    if options.threshold is not None and not 0 <= options.threshold <= 1:  # not a number, with an older typer
        raise InputError(f"--threshold {options.threshold}; expected 0 to 1.")
    if options.masks not in ("rle", "polygons"):
        raise InputError(f"--masks {options.masks!r}; expected rle or polygons.")
    if options.like and "coco" not in formats:
        raise InputError("--like is for --format coco. Add coco to the formats, or leave --like out.")
    leave_out = options.output.resolve() if options.output else None
    sources = expand(options.inputs, recursive=options.recursive, leave_out=leave_out)
    good = [source for source in sources if isinstance(source, Source)]
    still = [source for source in good if not source.moves]
    plan = out.plan(formats, options.output, images=len(still), videos=len(good) - len(still))
    like = coco.read_truth_ids(options.like) if options.like else None
    model = load_predictor(
        options.model,
        engine=options.engine,
        precision=options.precision,
        threads=options.threads,
        throughput=len(sources) > 1 or len(still) < len(good),
    )
    names = [category.name for category in model.categories]
    classes = parse_classes(options.classes, names, option="--classes")
    if like:
        like.check((source.name for source in still), classes or names)
    tiling = parse_tiling(options.tile, options.tile_overlap, options.tile_whole, model.info.input.size_hw)
    rollup = roll_up_of(options.names, model.info, option="--names")
    root, short = out.short_names(good)
    return Task(
        options=options,
        sources=sources,
        span=span,
        plan=plan,
        like=like,
        max_in_flight=model.max_in_flight,
        predictor=_predictor(model, [names.index(name) for name in classes], tiling),
        settings=_settings(options, model, classes, tiling),
        rollup=rollup,
        root=root,
        short=short,
    )


def parse_span(every: str, start: str | None, end: str | None) -> Span:
    """`--every`, `--start` and `--end`.

    Raises:
        InputError: one that is not to be understood, or an end before the start.
    """
    start_s = parse_seconds(start, option="--start") if start else None
    end_s = parse_seconds(end, option="--end") if end else None
    if end_s is not None and end_s <= (start_s or 0.0):
        raise InputError(f"--end {end}: not behind --start {start or 0}. Give a later end.")
    return Span(FrameSampling.parse(every), start_s, end_s)


def _predictor(model: OnnxPredictor, class_ids: list[int], tiling: Tiling | None) -> Predictor:
    chosen = ChosenClasses(model, class_ids) if class_ids else model
    return tiling.around(chosen, model.info.max_objects) if tiling else chosen


def _settings(
    options: Options, predictor: OnnxPredictor, classes: list[str], tiling: Tiling | None
) -> document.Settings:
    info = predictor.info
    most = MAX_OBJECTS if tiling else info.max_objects
    rolled = roll_up_of(options.names, info, option="--names") is not None
    usual = min(info.threshold, LISTED) if rolled else info.threshold
    return document.Settings(
        seasift=__version__,
        model=document.ModelEntry(name=predictor.name, sha256=predictor.sha256),
        engine=predictor.engine,
        precision=predictor.precision,
        threshold=usual if options.threshold is None else options.threshold,
        max_objects=options.max_objects or most,
        tile=tiling.entry(info.max_objects) if tiling else None,
        classes=classes or None,
        once=options.once or rolled or None,
        names="rollup" if rolled else None,
        categories=[document.CategoryEntry(id=c.id, name=c.name) for c in predictor.categories],
    )
