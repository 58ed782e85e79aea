"""`predict`: find objects in many images and videos, and write the results.

The format `overlay` writes an image with outlines for each image, the format `video` one annotated video for each video.
"""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from seasift.core.choices import takes_fields_of
from seasift.core.detection import package
from seasift.core.errors import ImageError, InputError
from seasift.core.image import write_image
from seasift.core.types import UInt8
from seasift.formats import coco, document
from seasift.formats.document import Document, FailedFile, Image, complete, plain
from seasift.formats.journal import Finished, Journal, beginnings, earlier_results
from seasift.inference.image_prediction import predict_image
from seasift.inference.inputs import Failure, Source
from seasift.inference.stream import Found, SourceImage, ending, predict_sources
from seasift.prediction import plan as out
from seasift.prediction.options import PredictOptions
from seasift.prediction.plan import Task, prepare
from seasift.video.reading import expected_count
from seasift.video.writing import VideoWriter, writing_video
from seasift.viz.drawing import draw


@dataclass(frozen=True, eq=False, repr=False)
class PredictResult:
    """The result of `predict`: objects, failures and files.

    Attributes:
        document: the whole result as in predictions.json. Its images lie in a file and are read one by one, so
            memory does not grow with their number.
        formats: the requested formats.
        written: the files and folders that were written.
    """

    document: Document
    formats: tuple[str, ...]
    written: tuple[Path, ...]
    _masks: str = field(default="rle")
    _file_names: Mapping[str, str] = field(default_factory=dict)
    _like: coco.TruthIds | None = None
    _raw_csv: bool = False

    @property
    def images(self) -> Sequence[Image]:
        """Images and video frames in the order of the inputs, each with `.file` and `.objects`."""
        return self.document.images

    @property
    def failures(self) -> list[FailedFile]:
        """Inputs without a result, with reasons."""
        return self.document.failures

    def text(self, format: str) -> Iterable[str]:
        """The document as text, in parts: `"".join(result.text("csv"))`.

        Args:
            format: json, csv or coco.
        Raises:
            InputError: another format.
        """
        if format not in ("json", "csv", "coco"):
            raise InputError(f"format {format!r}; expected json, csv or coco.")
        return self._text(format, raw_csv=self._raw_csv)

    def _text(self, format: str, *, raw_csv: bool) -> Iterable[str]:
        return out.text_parts(
            format,
            self.document,
            masks=self._masks,
            file_names=self._file_names,
            like=self._like,
            raw_csv=raw_csv,
        )

    def to_dataframe(self) -> Any:
        """The objects of all images as a `pandas.DataFrame`, with the rows and columns of `predictions.csv`.

        Raises:
            MissingExtraError: the package pandas is not installed.
        """
        pandas = package("pandas", "to_dataframe()")
        return pandas.read_csv(io.StringIO("".join(self._text("csv", raw_csv=True))))

    def __repr__(self) -> str:
        written = ", ".join(str(path) for path in self.written) or "nothing"
        return f"PredictResult({len(self.images)} images, {len(self.failures)} failures, written: {written})"


@takes_fields_of(PredictOptions)
def predict(options: PredictOptions) -> PredictResult:
    """Find and outline objects in images and videos.

    Inputs that cannot be read are skipped and listed in `failures`. A killed run with a folder as `output` resumes when
    it is called again.

    Args:
        inputs: a path or several: images, folders, globs, videos, live sources such as rtsp://….
        model: name of a bundled model, path of a model file, or a loaded `Model`.
        threshold: minimum score; default: the model's own.
        max_objects: at most this many an image; default: the model's own, 10,000 with `tile`.
        classes: find only these class names.
        all_classes: keep an object under every class that scores; by default under its best class alone.
        tile, tile_overlap, tile_whole: search large images in tiles; as in `Model`.
        formats: what to write into `output`: "json", "csv", "coco", "overlay", "video".
        output: a folder, or a file for one format; None writes nothing.
        masks: "rle" or "polygons" in JSON and COCO.
        raw_csv: leave texts in CSV as they are; by default those that a spreadsheet would compute get an apostrophe.
        like: COCO ground truth that gives the ids for the format "coco".
        recursive: search subfolders.
        every: frames of a video: 30 for every 30th, "2s" for one every 2 seconds.
        keyframes: take the first keyframe of each `every`, where there is one.
        start, end: times in each video, in seconds or as "1:30".
        engine, precision, threads: as in `load`; with a loaded `Model` they cannot be given.
        progress: called with the number of images done and of all that are expected.
        on_failure: called with each input that failed.
        on_note: called with each line worth knowing, such as how times were found and what a folder scan left out.
    Returns:
        Images with their objects, failures, and what was written.
    Raises:
        InputError: a wrong option, or no input gave a result; nothing is written then.

    >>> result = seasift.predict(["dive/", "clip.mp4"], every="2s", output="found/", formats=["json", "overlay"])
    >>> [(image.file, len(image.objects)) for image in result.images]
    """
    return run(options)


def run(options: PredictOptions) -> PredictResult:
    """`predict` with its options as a value."""
    note = options.on_note or _silent
    task = prepare(options)
    for line in task.notes:
        note(line)
    kept = {"root": task.root, "formats": task.plan.formats, **plain(task.settings)}
    if task.choices.only_sure:  # the same threshold, asked for, lists more
        kept["only_sure"] = True
    with Journal(task.plan.journal, kept) as journal:
        for line in beginnings(task.plan.folder, journal):
            note(line)
        images, failures = _predict_all(task, journal, options)
        if not images:
            raise InputError(f"none of {len(task.sources)} inputs gave a result; nothing was written.")
        result = complete(task.settings, images, failures)
        names = _short_image_names(task, images) if "coco" in task.plan.formats else {}
        written = out.write_documents(
            task.plan,
            result,
            masks=task.masks,
            file_names=names,
            like=task.like,
            raw_csv=options.raw_csv,
        )
        files = [*written, *out.overlay_files(task.plan, task.short, images)]
    left = earlier_results(task.plan.folder, files) if task.plan.folder else ""
    if left:
        note(f"{task.plan.folder}: holds results of an earlier run, too: {left}.")
    indices = (*written, *out.overlay_outputs(task.plan))
    return PredictResult(result, task.plan.formats, indices, task.masks, names, task.like, options.raw_csv)


def _silent(_: str) -> None:
    """Take a note and drop it."""


def _predict_all(task: Task, journal: Journal, options: PredictOptions) -> tuple[Finished, list[FailedFile]]:
    note = options.on_note or _silent
    worker = ImageWorker(task, journal)
    done: list[str] = []
    failures: list[FailedFile] = []
    total = sum(_expected(source, task) for source in task.sources)
    found_all = predict_sources(
        worker.predict,
        task.sources,
        span=task.span,
        known=worker.known,
        max_in_flight=task.model.max_in_flight,
        note=note,
    )
    with ending(found_all), AnnotatedVideos(task) as videos:
        for found in _until_stopped(found_all, task.sources):
            if isinstance(found, Failure):
                failures.append(FailedFile(file=found.file, error=found.error))
                if options.on_failure:
                    options.on_failure(failures[-1])
            else:
                if found.item.note:
                    note(found.item.note)
                if found.result is not None:
                    worker.store(found.item, found.result)
                    videos.add(found.item, found.result.drawn)
                done.append(found.item.key)
            if options.progress:
                options.progress(len(done) + len(failures), max(total, len(done) + len(failures)))
    return Finished(journal, done), failures


def _until_stopped(
    found_all: Iterator[Found[PredictedImage] | Failure], sources: Sequence[Source | Failure]
) -> Iterator[Found[PredictedImage] | Failure]:
    """End a live source at Ctrl-C, and keep its results."""
    try:
        yield from found_all
    except KeyboardInterrupt:
        if not any(isinstance(source, Source) and source.kind == "live" for source in sources):
            raise


def _expected(source: Source | Failure, task: Task) -> int:
    if isinstance(source, Source) and source.kind == "video" and source.path:
        return expected_count(source.path, task.span.every, task.span.start_s, task.span.end_s)
    return 1


def _short_image_names(task: Task, images: Sequence[Image]) -> dict[str, str]:
    """For each image its name in COCO: relative to the folder that all inputs share."""
    names = {}
    for image in images:
        base, mark, frame = (
            image.file.rpartition("#frame=") if image.frame is not None else (image.file, "", "")
        )
        names[image.file] = task.short[base] + mark + frame
    return names


@dataclass(frozen=True, eq=False)
class PredictedImage:
    """The entry of an image, and its drawn frame for a video."""

    entry: document.Image
    drawn: UInt8 | None


class ImageWorker:
    """Predicts images, stores their entries and writes overlays. Several threads use it at once."""

    def __init__(self, task: Task, journal: Journal) -> None:
        """`journal` holds results of an interrupted run."""
        self._task, self._journal = task, journal
        formats = task.plan.formats
        self._overlays = out.overlay_paths(task.short) if "overlay" in formats else {}
        self._films = "video" in formats
        self._lock = threading.Lock()  # the journal is one file

    @property
    def known(self) -> Collection[str]:
        """Keys of images with stored results; none if frames are drawn into a video again."""
        return () if self._films else set(self._journal)

    def predict(self, image: SourceImage, image_rgb_u8: UInt8) -> PredictedImage:
        """Predict an image, or take its stored entry, and draw the objects."""
        task = self._task
        films = self._films and image.source.moves
        with self._lock:
            before = self._journal.get(image.key)
        if before is not None:
            found = document.instances_of(before, task.model.categories)
            labels = document.labels_of(before)
            drawn = draw(image_rgb_u8, found, task.model.categories, labels=labels) if films else None
            return PredictedImage(before, drawn)
        instances = predict_image(task.model, image_rgb_u8, task.choices)
        entry = document.image_entry(
            image.file,
            instances,
            task.model.categories,
            frame=image.frame,
            time_s=image.time_s,
            rolled=task.choices.rolled(instances, task.model.categories),
            pages=image.pages,
        )
        if task.like:
            task.like.check((image.file,), ())
            task.like.check_size(entry)
        labels = document.labels_of(entry)
        wanted = bool(self._overlays) or films
        drawn = draw(image_rgb_u8, instances, task.model.categories, labels=labels) if wanted else None
        if self._overlays and drawn is not None:
            path = out.overlay_path(task.plan, self._overlays[image.source.name], image.frame)
            _write_overlay(path, drawn, image.file)
        return PredictedImage(entry, drawn if films else None)

    def store(self, image: SourceImage, predicted: PredictedImage) -> None:
        """Store the entry of an image."""
        with self._lock:
            if image.key not in self._journal:
                self._journal.add(image.key, predicted.entry)


def _write_overlay(path: Path, drawn: UInt8, file: str) -> None:
    """Write an overlay; if its name is too long for the disk, only this image fails."""
    try:
        write_image(path, drawn)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise ImageError(
            f"{file}: the overlay's name {path.name[:40]}... has {len(os.fsencode(path.name))} bytes; expected a name "
            "the disk can hold, mostly 255. Shorten the file's name."
        ) from None


class AnnotatedVideos:
    """One MP4 for each video among the inputs, of the predicted frames, with the source's times.

    Use as a context manager. A video that is not complete when an error comes does not appear.
    """

    def __init__(self, task: Task) -> None:
        """Nothing is written before the first frame."""
        self._plan = task.plan
        self._paths = out.overlay_paths(task.short) if "video" in task.plan.formats else {}
        self._start_s = task.span.start_s or 0.0
        self._open = ExitStack()
        self._of: str | None = None
        self._writer: VideoWriter | None = None

    def __enter__(self) -> AnnotatedVideos:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def add(self, image: SourceImage, drawn: UInt8 | None) -> None:
        """The next frame; frames of one video follow each other. A still image has none."""
        if drawn is None or image.time_s is None:
            return
        name = image.source.name
        if self._writer is None or name != self._of:
            self._open.close()
            path = out.video_path(self._plan, self._paths[name])
            self._writer, self._of = self._open.enter_context(writing_video(path)), name
        self._writer.add(drawn, image.time_s - self._start_s)
