"""The queue of images for the model. A few threads take images from it, those of requests before those of jobs."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import numpy as np

from seasift.core.errors import BusyError, SeasiftError
from seasift.core.image import decode_image, encode_image, page_count
from seasift.core.instances import Instances
from seasift.core.types import UInt8
from seasift.formats.document import Image, image_entry, labels_of
from seasift.inference.image_prediction import Choices, DescribedModel, predict_images
from seasift.modelfile.info import ModelInfo
from seasift.viz.drawing import draw


class Served(DescribedModel, Protocol):
    """A model with a description that finds objects; `OnnxPredictor` is one.

    Several threads may call `predict`.
    """

    info: ModelInfo

    def predict(
        self,
        images_rgb_u8: Sequence[UInt8],
        *,
        threshold: float,
        max_objects: int,
        class_ids: Sequence[int] | None,
    ) -> list[Instances]:
        """Return one Instances per image, in order."""


@dataclass(frozen=True, eq=False)
class QueueResult:
    """An image that was looked at.

    Attributes:
        overlay: the image with outlines, encoded, if it was asked for.
    """

    entry: Image
    instances: Instances
    overlay: bytes | None


@dataclass(frozen=True, eq=False)
class QueueTask:
    """An image to look at.

    Attributes:
        file: what results call it.
        image: the bytes of its file, or decoded, (H, W, 3) uint8 RGB.
        overlay: suffix of the wanted overlay's format, such as ".jpg".
        frame: index in a video.
        time_s: time in the video.
    """

    file: str
    image: bytes | UInt8
    look: Choices
    overlay: str | None = None
    frame: int | None = None
    time_s: float | None = None
    seen: Future[QueueResult] = field(default_factory=Future)


class ImageQueue:
    """Two lanes and the threads that empty them.

    Decoding, the model and overlays run in these threads, so at most workers x batch decoded images are in
    memory however many wait.

    Attributes:
        failure: why the model could not run on its first image.
    """

    def __init__(
        self,
        model: Served,
        *,
        workers: int = 2,
        batch: int = 1,
        delay_s: float = 0,
        room: int = 256,
        decode: Callable[[bytes, str], UInt8] = decode_image,
        on_seen: Callable[[QueueResult], None] = lambda _seen: None,
    ) -> None:
        """Make the threads; `decode` makes an image of a file's bytes and name."""
        self._model = model
        self._batch, self._delay_s, self._room = batch, delay_s, room
        self._decode, self._on_seen = decode, on_seen
        self._since: dict[int, float] = {}  # of threads at work: when they began what they do
        self._front: deque[QueueTask] = deque()
        self._back: deque[QueueTask] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._admitted = 0
        self._image_s = 0.1  # a moving average, for Retry-After
        self._warm = threading.Event()
        self.failure: SeasiftError | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"seasift-{n}", daemon=True) for n in range(workers)
        ]

    @property
    def workers(self) -> int:
        """How many threads work."""
        return len(self._threads)

    @property
    def warm(self) -> bool:
        """Whether the model has run once and the queue is not stopped."""
        return self._warm.is_set() and not self._stopping

    @property
    def stuck_s(self) -> float:
        """How long all threads have been at one image or batch; 0 while one of them waits for work."""
        since = list(self._since.values())
        return time.monotonic() - max(since) if len(since) == self.workers else 0.0

    @property
    def waiting(self) -> int:
        """Images that no thread has taken yet."""
        return len(self._front) + len(self._back)

    def start(self) -> None:
        """Start the threads; the first image each of them sees is a black one."""
        for thread in self._threads:
            thread.start()

    def stop(self, within_s: float = 30) -> bool:
        """Finish what waits, then end the threads.

        Returns:
            Whether they ended in time; a thread that an engine never gives back does not.
        """
        end = time.monotonic() + within_s
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        started = [thread for thread in self._threads if thread.ident is not None]
        for thread in started:
            thread.join(max(0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in started)

    def admit(self, count: int) -> None:
        """Take room for images of a request; `leave` gives it back.

        Raises:
            BusyError: there is not so much room.
        """
        with self._changed:
            if self._admitted + count > self._room:
                wait_s = self._admitted * self._image_s / self.workers
                raise BusyError(
                    f"{self._admitted} images are waiting; expected room for {count} of {self._room}. "
                    "Try again later or send fewer at once.",
                    retry_after_s=max(1, math.ceil(wait_s)),
                )
            self._admitted += count

    def leave(self, count: int) -> None:
        """Give room back."""
        with self._changed:
            self._admitted -= count

    def put(self, task: QueueTask, *, background: bool = False) -> Future[QueueResult]:
        """Let an image wait; a cancelled future's image is never looked at."""
        with self._changed:
            (self._back if background else self._front).append(task)
            self._changed.notify()
        return task.seen

    def _work(self) -> None:
        if not self._stopping:
            try:
                self._warm_up()
            except SeasiftError as error:
                self.failure = error
        while tasks := self._take():
            started = time.perf_counter()
            self._look_at(tasks)
            self._since.pop(threading.get_ident(), None)
            spent = (time.perf_counter() - started) / len(tasks)
            self._image_s += 0.1 * (spent - self._image_s)

    def _warm_up(self) -> None:
        height, width = self._model.info.input.size_hw
        black = np.zeros((height, width, 3), np.uint8)
        self._model.predict([black] * self._batch, threshold=0.5, max_objects=1, class_ids=None)
        self._warm.set()

    def _take(self) -> list[QueueTask]:
        """Up to a batch of one lane; none once the queue is stopped and empty."""
        with self._changed:
            while self._changed.wait_for(lambda: self._front or self._back or self._stopping):
                lane = self._front or self._back
                if self._delay_s and not self._stopping and len(lane) < self._batch:
                    self._changed.wait_for(self._full_batch, self._delay_s)
                    lane = self._front or self._back  # another thread may have taken what there was
                if lane or self._stopping:
                    return [lane.popleft() for _ in range(min(self._batch, len(lane)))]
            return []

    def _begin(self) -> None:
        """Note that this thread begins something."""
        self._since[threading.get_ident()] = time.monotonic()

    def _full_batch(self) -> bool:
        return len(self._front or self._back) >= self._batch or self._stopping

    def _look_at(self, tasks: Sequence[QueueTask]) -> None:
        opened: list[tuple[QueueTask, UInt8]] = []
        for task in tasks:
            if task.seen.set_running_or_notify_cancel():
                try:
                    opened.append((task, self._open(task)))
                except Exception as error:
                    task.seen.set_exception(error)
        opened.sort(key=lambda pair: repr(pair[0].look))
        for look, group in groupby(opened, key=lambda pair: pair[0].look):
            self._predict(look, list(group))

    def _open(self, task: QueueTask) -> UInt8:
        if isinstance(task.image, bytes):
            self._begin()
            return self._decode(task.image, task.file)
        return task.image

    def _predict(self, look: Choices, opened: Sequence[tuple[QueueTask, UInt8]]) -> None:
        try:
            self._begin()
            found = predict_images(self._model, [image for _, image in opened], look)
        except Exception as error:
            if len(opened) == 1:
                opened[0][0].seen.set_exception(error)
                return
            for pair in opened:  # whichever it was, it fails alone
                self._predict(look, [pair])
            return
        for (task, image), instances in zip(opened, found, strict=True):
            self._finish(task, image, instances)

    def _finish(self, task: QueueTask, image: UInt8, instances: Instances) -> None:
        try:
            categories = self._model.categories
            rolled = task.look.rolled(instances, categories)
            entry = image_entry(
                task.file,
                instances,
                categories,
                frame=task.frame,
                time_s=task.time_s,
                rolled=rolled,
                pages=page_count(task.image) if isinstance(task.image, bytes) else 1,
            )
            overlay = None
            if task.overlay:
                drawn = draw(image, instances, categories, labels=labels_of(entry))
                overlay = encode_image(drawn, task.overlay)
            seen = QueueResult(entry, instances, overlay)
            self._on_seen(seen)
        except Exception as error:
            task.seen.set_exception(error)
        else:
            task.seen.set_result(seen)
