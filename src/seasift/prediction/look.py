"""What `predict` does with one image."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from seasift.core.errors import ImageError
from seasift.core.image import write_image
from seasift.core.types import UInt8
from seasift.formats import document
from seasift.formats.journal import Journal
from seasift.inference.image_prediction import predict_image
from seasift.inference.stream import SourceImage
from seasift.prediction import plan as out
from seasift.prediction.task import Task
from seasift.viz.drawing import draw


@dataclass(frozen=True, eq=False)
class Looked:
    """What was found in an image, and the image with it drawn in, if that goes into a video."""

    entry: document.Image
    drawn: UInt8 | None


class Looker:
    """Predicts, and writes what belongs to one image. Several threads do this at once."""

    def __init__(self, task: Task, journal: Journal) -> None:
        """`journal` knows what an earlier run has found."""
        self._task, self._journal = task, journal
        formats = task.plan.formats
        self._overlays = out.overlay_paths(task.short) if "overlay" in formats else {}
        self._films = "video" in formats
        self._lock = threading.Lock()  # the journal is one file with one place

    @property
    def known(self) -> Collection[str]:
        """Keys of images that need not be looked at: for a video frames are drawn again, if found before."""
        return () if self._films else set(self._journal)

    def look(self, image: SourceImage, image_rgb_u8: UInt8) -> Looked:
        """Find objects, or take what was found before, and draw them."""
        task = self._task
        films = self._films and image.source.moves
        with self._lock:
            before = self._journal.get(image.key)
        if before is not None:
            found = document.instances_of(before, task.model.categories)
            labels = document.labels_of(before)
            drawn = draw(image_rgb_u8, found, task.model.categories, labels=labels) if films else None
            return Looked(before, drawn)
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
        return Looked(entry, drawn if films else None)

    def keep(self, image: SourceImage, looked: Looked) -> None:
        """Everything that belongs to the image is written, but a video's frame."""
        with self._lock:
            if image.key not in self._journal:
                self._journal.add(image.key, looked.entry)


def _write_overlay(path: Path, drawn: UInt8, file: str) -> None:
    """Write it; a name that is too long for the disk is the fault of this one file, so the others go on."""
    try:
        write_image(path, drawn)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise ImageError(
            f"{file}: the overlay's name {path.name[:40]}... has {len(os.fsencode(path.name))} bytes; expected a name "
            "the disk can hold, mostly 255. Shorten the file's name."
        ) from None
