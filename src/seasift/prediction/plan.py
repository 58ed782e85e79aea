"""Plan a run of `predict` before anything is written.

It checks inputs, options and model (`Task`), and chooses the files that the run writes (`OutputPlan`).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from seasift.core.choices import PredictedMasks, ResultFormat, choose, choose_several
from seasift.core.errors import InputError
from seasift.core.files import resolved, write_json
from seasift.core.image import SUFFIXES
from seasift.formats import coco, document, journal, table_csv
from seasift.formats.document import Document, Image
from seasift.inference.image_prediction import Choices, choices_of, chosen_names, result_header
from seasift.inference.inputs import Failure, Source, expand, readable
from seasift.inference.model import Model
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.prediction.options import PredictOptions
from seasift.video import reading
from seasift.video.reading import Span, parse_span

FORMATS = tuple(str(each) for each in ResultFormat)
_FILE_NAMES = {"json": "predictions.json", "csv": "predictions.csv", "coco": "predictions.coco.json"}
_SUFFIX_OF = {"json": ".json", "csv": ".csv", "coco": ".json"}


@dataclass(frozen=True)
class OutputPlan:
    """What is written where.

    Attributes:
        formats: of `FORMATS`, without repeats.
        folder: for all files, and for going on after a kill; None without one.
        file: for the only format; None with a folder, or for standard output.
    """

    formats: tuple[str, ...]
    folder: Path | None = None
    file: Path | None = None

    @property
    def journal(self) -> Path | None:
        """Where finished images are kept until the end; only a folder has room for it."""
        return self.folder / journal.NAME if self.folder else None


def parse_formats(given: Sequence[str] | str) -> tuple[str, ...]:
    """Formats from values like ["json,csv", "overlay"] or "json,csv".

    Raises:
        InputError: an unknown one.
    """
    return choose_several("--format", given, FORMATS)


def usual_formats(output: Path | None) -> tuple[str, ...]:
    """Formats where none was named: that of the file's ending; images and tables into a folder; else JSON."""
    if output is None:
        return (ResultFormat.JSON.value,)
    suffix = output.suffix.lower()
    if output.is_dir() or not _is_file_name(output):
        return (ResultFormat.JSON.value, ResultFormat.CSV.value, ResultFormat.OVERLAY.value)
    by_suffix = {**dict.fromkeys(SUFFIXES, "overlay"), ".json": "json", ".csv": "csv", ".mp4": "video"}
    if suffix not in by_suffix:
        raise InputError(
            f"-o {output}: unknown ending {suffix}; expected .json, .csv, .mp4, {' '.join(sorted(SUFFIXES))}, or a "
            "folder. Make the folder first if its name ends so."
        )
    return (by_suffix[suffix],)


def _is_file_name(output: Path) -> bool:
    """Whether a path that is no folder names a file: by an ending that is no number (dive-2026.05 is a folder)."""
    return output.exists() or bool(re.fullmatch(r"\.(?!\d+$).+", output.suffix))


def plan(formats: tuple[str, ...], output: Path | None, *, images: int, videos: int) -> OutputPlan:
    """Decide what `-o` means: a file for one format if its suffix says so, else a folder.

    Args:
        images, videos: how many inputs of each.
    Raises:
        InputError: overlays or several formats without `-o`, a suffix that does not go with the format, or a
            file where a folder must be.
    """
    if "video" in formats and not videos:
        raise InputError("--format video is for videos, and none is given. Use overlay for images.")
    if output is None:
        if formats in (("json",), ("csv",), ("coco",)):
            return OutputPlan(formats)
        raise InputError(f"--format {','.join(formats)} needs a folder to write to. Give -o FOLDER.")
    suffix = output.suffix.lower()
    file_suffixes = {*_SUFFIX_OF.values(), *SUFFIXES, *reading.SUFFIXES}
    if formats == ("video",) and suffix == ".mp4" and not output.is_dir():
        if images or videos > 1:
            raise InputError(f"-o {output}: one file for several inputs. Give -o FOLDER.")
        return OutputPlan(formats, file=output)
    if output.is_dir() or not _is_file_name(output):
        return OutputPlan(formats, folder=output)
    if len(formats) > 1 or suffix not in file_suffixes:
        raise InputError(f"-o {output}: a file, but {','.join(formats)} needs a folder. Give -o FOLDER.")
    (only,) = formats
    expected = {"overlay": SUFFIXES, "video": {".mp4"}}.get(only) or {_SUFFIX_OF[only]}
    if suffix not in expected:
        raise InputError(
            f"-o {output}: a file for --format {only} ends in {' '.join(sorted(expected))}. "
            "Give such a name, or a folder."
        )
    if only == "overlay" and (images, videos) != (1, 0):
        raise InputError(f"-o {output}: one file for the overlays of several images. Give -o FOLDER.")
    return OutputPlan(formats, file=output)


def short_names(sources: Sequence[Source]) -> tuple[str, dict[str, str]]:
    """For each source's name a path relative to the folder that all of them share, with forward slashes.

    Returns:
        That folder, absolute ("" if there is none), and the short names, each different from the others.
    """
    full = {source.name: Path.cwd() / source.path for source in sources if source.path}
    try:
        root = Path(os.path.commonpath([path.parent for path in full.values()])) if full else None
    except ValueError:  # on two drives of Windows
        root = None
    short = {
        name: readable(path.relative_to(root).as_posix() if root else _without_drive(path))
        for name, path in full.items()
    }
    short.update({source.name: "stdin" for source in sources if source.kind == "stdin"})
    short.update({source.name: _plain(source.name) for source in sources if source.kind == "live"})
    return str(root or ""), short


def _plain(address: str) -> str:
    """A live source as a file's name."""
    return re.sub(r"[^\w.-]+", "_", address).strip("_") or "live"


def _without_drive(path: Path) -> str:
    drive = path.drive.replace(":", "").strip("\\/") or "drive"
    return PurePosixPath(drive, *path.parts[1:]).as_posix()


def overlay_paths(short: Mapping[str, str]) -> dict[str, PurePosixPath]:
    """For each source's name where its overlay goes, without a suffix: `a/x.jpg` to `a/x`.

    Where two would meet (`x.jpg` and `x.png`, or `X.jpg` on a disk that does not tell), the whole file name
    is kept and, if need be, counted.
    """
    stems = {name: PurePosixPath(path).with_suffix("") for name, path in short.items()}
    met = Counter(str(stem).casefold() for stem in stems.values())
    paths: dict[str, PurePosixPath] = {}
    taken: set[str] = {stem for stem, count in met.items() if count == 1}
    for name, stem in stems.items():
        path = stem
        if met[str(stem).casefold()] > 1:
            path, number = PurePosixPath(short[name]), 2
            while str(path).casefold() in taken:
                path, number = PurePosixPath(f"{short[name]}-{number}"), number + 1
            taken.add(str(path).casefold())
        paths[name] = path
    return paths


def overlay_path(planned: OutputPlan, base: PurePosixPath, frame: int | None) -> Path:
    """The overlay's file: `overlays/a/x.jpg`, or `overlays/clip/frame-000012.jpg` for a frame."""
    if planned.file:
        return planned.file
    assert planned.folder is not None
    name = f"{base}.jpg" if frame is None else f"{base}/frame-{frame:06d}.jpg"
    return planned.folder / "overlays" / name


def video_path(planned: OutputPlan, base: PurePosixPath) -> Path:
    """The annotated video's file: `overlays/a/clip.mp4`."""
    if planned.file:
        return planned.file
    assert planned.folder is not None
    return planned.folder / "overlays" / f"{base}.mp4"


def overlay_files(planned: OutputPlan, short: Mapping[str, str], images: Iterable[Image]) -> list[Path]:
    """Every overlay and annotated video of these images."""
    paths = overlay_paths(short)
    files: dict[Path, None] = {}
    for image in images:
        base = paths[image.file if image.frame is None else image.file.rpartition("#frame=")[0]]
        if "overlay" in planned.formats:
            files[overlay_path(planned, base, image.frame)] = None
        if "video" in planned.formats and image.frame is not None:
            files[video_path(planned, base)] = None
    return list(files)


def overlay_outputs(planned: OutputPlan) -> list[Path]:
    """Where the overlays are: a folder, or the only file."""
    if not {"overlay", "video"} & set(planned.formats):
        return []
    return [planned.folder / "overlays"] if planned.folder else [planned.file] if planned.file else []


def write_documents(
    planned: OutputPlan,
    result: Document,
    *,
    masks: str,
    file_names: Mapping[str, str],
    like: coco.TruthIds | None,
    raw_csv: bool = False,
) -> list[Path]:
    """Write the documents of the plan; returns the files. A plan without a folder and a file has none."""
    written = []
    for name in planned.formats:
        path = planned.folder / _FILE_NAMES.get(name, "") if planned.folder else planned.file
        if name in ("overlay", "video") or path is None:
            continue
        if name == "csv":
            table_csv.write(path, result, raw=raw_csv)
        elif name == "coco":
            write_json(path, coco.to_coco(result, masks=masks, file_names=file_names, like=like))
        else:
            document.write(path, result, masks=masks)
        written.append(path)
    return written


def text_parts(
    name: str,
    result: Document,
    *,
    masks: str,
    file_names: Mapping[str, str],
    like: coco.TruthIds | None,
    raw_csv: bool = False,
) -> Iterable[str]:
    """A document of the format json, csv or coco as text, a part at a time."""
    if name == "json":
        return document.text_parts(result, masks=masks)
    if name == "csv":
        return [table_csv.to_text(result, raw=raw_csv)]
    return [coco.to_text(coco.to_coco(result, masks=masks, file_names=file_names, like=like))]


@dataclass(frozen=True)
class Task:
    """The options after every check: nothing is written yet, and nothing can be wrong but files."""

    sources: list[Source | Failure]
    span: Span
    plan: OutputPlan
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
    formats = parse_formats(options.formats) if options.formats is not None else usual_formats(output)
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
    planned = plan(formats, output, images=len(still), videos=len(good) - len(still))
    like = coco.read_truth_ids(like_file) if like_file else None
    model = _model(options, several=len(sources) > 1 or len(still) < len(good))
    choices = choices_of(options, model.info, names=options.names)
    if like:
        names = chosen_names(model.categories, choices.class_ids)
        like.check((source.name for source in still), names or [c.name for c in model.categories])
    root, short = short_names(good)
    return Task(
        sources=sources,
        span=span,
        plan=planned,
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
