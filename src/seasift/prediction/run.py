"""`predict`: find objects in many images and videos, and write what was found."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seasift.core.ending import ending
from seasift.core.errors import InputError
from seasift.core.interop import package
from seasift.core.option import takes_fields_of
from seasift.formats import coco
from seasift.formats.document import Document, FailedFile, Image, complete, plain
from seasift.formats.earlier import earlier_results
from seasift.formats.journal import Finished, Journal, beginnings
from seasift.inference.inputs import Failure, Source
from seasift.inference.stream import Found, predict_sources
from seasift.prediction import plan as out
from seasift.prediction.annotated_videos import AnnotatedVideos
from seasift.prediction.look import Looked, Looker
from seasift.prediction.options import PredictOptions
from seasift.prediction.task import Task, prepare
from seasift.video.reading import expected_count


@dataclass(frozen=True, eq=False, repr=False)
class PredictResult:
    """What `predict` found, failed at and wrote.

    Attributes:
        document: the whole result as in predictions.json. Its images lie in a file and are read one by one, so
            memory does not grow with their number.
        formats: what was asked for.
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
        """Inputs that gave no result, and why."""
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
    looker = Looker(task, journal)
    done: list[str] = []
    failures: list[FailedFile] = []
    total = sum(_expected(source, task) for source in task.sources)
    found_all = predict_sources(
        looker.look,
        task.sources,
        span=task.span,
        known=looker.known,
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
                    looker.keep(found.item, found.result)
                    videos.add(found.item, found.result.drawn)
                done.append(found.item.key)
            if options.progress:
                options.progress(len(done) + len(failures), max(total, len(done) + len(failures)))
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


def _short_image_names(task: Task, images: Sequence[Image]) -> dict[str, str]:
    """For each image its name in COCO: relative to the folder that all inputs share."""
    names = {}
    for image in images:
        base, mark, frame = (
            image.file.rpartition("#frame=") if image.frame is not None else (image.file, "", "")
        )
        names[image.file] = task.short[base] + mark + frame
    return names
