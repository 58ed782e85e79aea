"""Images and frames of many sources, in order, several in work.

`ending` ends a generator at a known time, since a thread may work behind it, and the exit of the process is too late.
"""

from __future__ import annotations

import hashlib
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from seasift.core.errors import ImageError
from seasift.core.image import decode_image, page_count, read_image
from seasift.core.types import UInt8
from seasift.inference.inputs import Failure, Source, readable
from seasift.video.dive import Dive
from seasift.video.reading import Span, describe_gaps, read_span

ItemT = TypeVar("ItemT")


@contextmanager
def ending(items: Iterable[ItemT]) -> Iterator[Iterable[ItemT]]:
    """Close a generator at the end of a `with` block, however it ends; other iterables are left alone."""
    try:
        yield items
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class SourceImage:
    """An image on its way to the model.

    Attributes:
        file: what results call it: the source's name, with `#frame=12` for a frame.
        key: of this state of the file: changes when the file does.
        image_rgb_u8: (H, W, 3), or None if its result is known already or exists by now.
        frame: place in the video, 0-based; None for a still image.
        time_s: time in the video.
        pages: number of pages of the file, of which this is the first.
    """

    source: Source
    file: str
    key: str
    image_rgb_u8: UInt8 | None
    frame: int | None = None
    time_s: float | None = None
    pages: int = 1

    @property
    def note(self) -> str:
        """What to say of the file, in one line; "" if nothing."""
        if self.pages < 2:
            return ""
        return readable(f"{self.source.name}: {self.pages} pages, of which only the first is taken.")


@dataclass(frozen=True, eq=False)
class Found(Generic[T]):
    """An image, without its pixels, and what was made of it; None if its result was known already."""

    item: SourceImage
    result: T | None


def predict_sources(
    predict: Callable[[SourceImage, UInt8], T],
    sources: Iterable[Source | Failure],
    *,
    span: Span,
    known: Collection[str] = (),
    max_in_flight: int = 1,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[Found[T] | Failure]:
    """Look at all sources, several images beside each other. A bad file gives a Failure and does not stop the rest.

    Each image is read, decoded and looked at by one thread, so that one is decoded while the engine works on
    another; a video is decoded by a thread of its own.

    Args:
        predict: from an image and its pixels (H, W, 3) uint8 RGB to a result; called by threads. Its
            ImageError gives a Failure too.
        sources: from `inputs.expand`.
        span: which frames of videos to take.
        known: keys of images whose results exist; they are neither decoded nor looked at.
        max_in_flight: images in work; as many again may wait, done or not begun.
        note: takes a line about times of a video that the user should know.
    Returns:
        In the order of the sources.
    """
    return in_order(_tasks(predict, sources, span, known, note), max_in_flight)


def in_order(tasks: Iterable[Callable[[], T]], max_in_flight: int) -> Iterator[T]:
    """What tasks give, in their order, several in work by threads.

    Args:
        tasks: asked for one when there is room.
        max_in_flight: tasks in work; as many again may wait, done or not begun.
    """
    waiting: deque[Future[T]] = deque()
    with ending(tasks), ThreadPoolExecutor(max_in_flight) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(task))
                if len(waiting) >= 2 * max_in_flight:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _tasks(
    predict: Callable[[SourceImage, UInt8], T],
    sources: Iterable[Source | Failure],
    span: Span,
    known: Collection[str],
    note: Callable[[str], None],
) -> Iterator[Callable[[], Found[T] | Failure]]:
    """What is to be done for each image and frame, and for what failed already, in order."""

    def task(read: Callable[[], SourceImage | Failure]) -> Found[T] | Failure:
        item = read()
        if isinstance(item, Failure):
            return item
        pixels = item.image_rgb_u8
        without = replace(item, image_rgb_u8=None)
        try:
            return Found(without, None if pixels is None else predict(without, pixels))
        except ImageError as error:
            return Failure.of(item.file, error)

    for source in sources:
        if isinstance(source, Failure):
            yield partial(task, partial(_itself, source))
        elif source.moves:
            with ending(_read_video(source, span, known, note)) as frames:
                for frame in frames:
                    yield partial(task, partial(_itself, frame))
        else:
            yield partial(task, partial(_read_still, source, known))


def _itself(item: SourceImage | Failure) -> SourceImage | Failure:
    return item


def _read_still(source: Source, known: Collection[str]) -> SourceImage | Failure:
    try:
        if source.path is None:
            data = sys.stdin.buffer.read()
            key = f"- {hashlib.sha256(data).hexdigest()}"
            image = decode_image(data, "standard input")
            return SourceImage(source, source.name, key, image, pages=page_count(data))
        key = f"{source.name} {_state(source.path)}"
        read = None if key in known else read_image(source.path)
        return SourceImage(source, source.name, key, read, pages=page_count(source.path))
    except ImageError as error:
        return Failure.of(source.name, error)


def _read_video(
    source: Source, span: Span, known: Collection[str], note: Callable[[str], None]
) -> Iterator[SourceImage | Failure]:
    state = _state(source.path) if source.path else "live"
    try:
        footage = read_span(source.path or source.address or source.name, span)
        empty = True
        with ending(footage.frames()) as frames:
            for frame in frames:
                empty = False
                file = f"{source.name}#frame={frame.frame}"
                key = f"{file} {state}"
                image = None if key in known else frame.image_rgb_u8
                yield SourceImage(source, file, key, image, frame.frame, round(frame.time_s, 6))
        for line in footage.notes:
            note(line)
        if footage.gaps:
            yield Failure.of(source.name, describe_gaps(footage.gaps))
        elif empty:
            length = f"; it is {footage.end_s():.2f} s long" if isinstance(footage, Dive) else ""
            yield Failure.of(
                source.name, f"{source.name}: no images in that span{length}. Change --start or --end."
            )
    except ImageError as error:
        yield Failure.of(source.name, error)


def _state(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"
