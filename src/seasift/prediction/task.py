"""Everything of `predict` that is checked before anything is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seasift.core.choices import PredictedMasks, choose
from seasift.core.errors import InputError
from seasift.core.files import resolved
from seasift.formats import coco, document
from seasift.inference.image_prediction import Choices, choices_of
from seasift.inference.inputs import Failure, Source, expand
from seasift.inference.model import Model
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.prediction import plan as out
from seasift.prediction.header import chosen_names, result_header
from seasift.prediction.options import PredictOptions
from seasift.video.frame_reader import parse_span
from seasift.video.reading import Span


@dataclass(frozen=True)
class Task:
    """The options after every check: nothing is written yet, and nothing can be wrong but files."""

    sources: list[Source | Failure]
    span: Span
    plan: out.Plan
    like: coco.TruthIds | None
    masks: str
    model: OnnxPredictor
    choices: Choices
    settings: document.Settings
    root: str
    short: dict[str, str]
    notes: tuple[str, ...] = ()


def prepare(options: PredictOptions) -> Task:
    """Check every option and load the model.

    Raises:
        InputError: an option that is wrong, or does not go with another or with the model.
    """
    output = Path(options.output) if options.output and str(options.output) != "-" else None
    formats = out.parse_formats(options.formats) if options.formats is not None else out.usual_formats(output)
    every = f"{options.every} keyframes" if options.keyframes else options.every
    span = parse_span(every, options.start, options.end)
    choose("--masks", options.masks, list(PredictedMasks))
    like_file = Path(options.like) if options.like else None
    if like_file and "coco" not in formats:
        raise InputError("--like is for --format coco. Add coco to the formats, or leave --like out.")
    leave_out = resolved(output) if output else None
    notes: list[str] = []
    sources = expand(
        _texts(options.inputs), recursive=options.recursive, leave_out=leave_out, note=notes.append
    )
    good = [source for source in sources if isinstance(source, Source)]
    still = [source for source in good if not source.moves]
    plan = out.plan(formats, output, images=len(still), videos=len(good) - len(still))
    like = coco.read_truth_ids(like_file) if like_file else None
    model = _model(options, several=len(sources) > 1 or len(still) < len(good))
    choices = choices_of(options, model.info, names=options.names)
    if like:
        names = chosen_names(model.categories, choices.class_ids)
        like.check((source.name for source in still), names or [c.name for c in model.categories])
    root, short = out.short_names(good)
    return Task(
        sources=sources,
        span=span,
        plan=plan,
        like=like,
        masks=options.masks,
        model=model,
        choices=choices,
        settings=result_header(model, choices),
        root=root,
        short=short,
        notes=tuple(notes),
    )


def _texts(inputs: object) -> Sequence[str]:
    """Inputs as texts: one path or several."""
    given = [inputs] if isinstance(inputs, str | os.PathLike) else inputs
    if not isinstance(given, Sequence) or isinstance(given, bytes):
        raise InputError(
            f"inputs: a value of type {type(inputs).__name__}; expected a path or a list of paths."
        )
    for i, each in enumerate(given):
        if not isinstance(each, str | os.PathLike):
            raise InputError(
                f"inputs[{i}]: a value of type {type(each).__name__}; expected a path. "
                "Call a model, seasift.load()(image), with images in memory."
            )
    if not given:
        raise InputError("inputs: an empty list; expected at least one path.")
    return [os.fspath(each) for each in given]


def _model(options: PredictOptions, *, several: bool) -> OnnxPredictor:
    given = options.model
    if isinstance(given, Model):
        unchanged = PredictOptions(inputs=())
        for name in ("engine", "precision", "threads"):
            if getattr(options, name) != getattr(unchanged, name):
                raise InputError(f"{name} with a loaded model; expected it in seasift.load({name}=...).")
        return given.predictor
    return load_predictor(
        given if isinstance(given, str) else Path(given),
        engine=options.engine,
        precision=options.precision,
        threads=options.threads,
        throughput=several,
    )
