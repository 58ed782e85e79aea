"""Pictures and frames of many sources, in order, several in work."""

from __future__ import annotations

import hashlib
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from seasift.core.errors import BadPicture
from seasift.core.picture import decode_picture, page_count, read_picture
from seasift.core.types import UInt8
from seasift.runtime.inputs import Failure, Source, readable
from seasift.runtime.video import Span, read_span, told

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture on its way to the model.

    Attributes:
        file: what results call it: the source's name, with `#frame=12` for a frame.
        key: of this state of the file: changes when the file does.
        image_rgb_u8: (H, W, 3), or None if its result is known already or exists by now.
        frame: place in the video, 0-based; None for a still picture.
        time_s: time in the video.
        note: what to say of the file, in one line; "" if nothing.
    """

    source: Source
    file: str
    key: str
    image_rgb_u8: UInt8 | None
    frame: int | None = None
    time_s: float | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Found(Generic[T]):
    """A picture, without its pixels, and what was made of it; None if its result was known already."""

    picture: Picture
    result: T | None


def predict_sources(
    look: Callable[[Picture, UInt8], T],
    sources: Iterable[Source | Failure],
    *,
    span: Span,
    known: Collection[str] = (),
    at_once: int = 1,
) -> Iterator[Found[T] | Failure]:
    """Look at all sources, several pictures beside each other. A bad file gives a Failure and does not stop the rest.

    Each picture is read, decoded and looked at by one thread, so that one is decoded while the engine works on
    another; a video is decoded by a thread of its own.

    Args:
        look: from a picture and its pixels (H, W, 3) uint8 RGB to what is to be known of it; called by threads. Its
            BadPicture gives a Failure too.
        sources: from `inputs.expand`.
        span: which frames of videos to take.
        known: keys of pictures whose results exist; they are neither decoded nor looked at.
        at_once: pictures in work; as many again may wait, done or not begun.
    Returns:
        In the order of the sources.
    """
    return in_order(_tasks(look, sources, span, known), at_once)


def in_order(tasks: Iterable[Callable[[], T]], at_once: int) -> Iterator[T]:
    """What tasks give, in their order, several in work by threads.

    Args:
        tasks: asked for one when there is room.
        at_once: tasks in work; as many again may wait, done or not begun.
    """
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(task))
                if len(waiting) >= 2 * at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _tasks(
    look: Callable[[Picture, UInt8], T],
    sources: Iterable[Source | Failure],
    span: Span,
    known: Collection[str],
) -> Iterator[Callable[[], Found[T] | Failure]]:
    """What is to be done for each picture and frame, and for what failed already, in order."""

    def task(read: Callable[[], Picture | Failure]) -> Found[T] | Failure:
        picture = read()
        if isinstance(picture, Failure):
            return picture
        pixels = picture.image_rgb_u8
        without = replace(picture, image_rgb_u8=None)
        try:
            return Found(without, None if pixels is None else look(without, pixels))
        except BadPicture as error:
            return Failure.of(picture.file, error)

    for source in sources:
        if isinstance(source, Failure):
            yield partial(task, partial(_itself, source))
        elif source.moves:
            for frame in _read_video(source, span, known):
                yield partial(task, partial(_itself, frame))
        else:
            yield partial(task, partial(_read_still, source, known))


def _itself(item: Picture | Failure) -> Picture | Failure:
    return item


def _read_still(source: Source, known: Collection[str]) -> Picture | Failure:
    try:
        if source.path is None:
            data = sys.stdin.buffer.read()
            key = f"- {hashlib.sha256(data).hexdigest()}"
            return Picture(source, source.name, key, decode_picture(data, "standard input"))
        key = f"{source.name} {_state(source.path)}"
        image = None if key in known else read_picture(source.path)
        pages = page_count(source.path)
        note = f"{source.name}: {pages} pages, of which only the first is taken." if pages > 1 else ""
        return Picture(source, source.name, key, image, note=readable(note))
    except BadPicture as error:
        return Failure.of(source.name, error)


def _read_video(source: Source, span: Span, known: Collection[str]) -> Iterator[Picture | Failure]:
    state = _state(source.path) if source.path else "live"
    try:
        footage = read_span(source.path or source.address or source.name, span)
        empty = True
        for frame in footage.frames():
            empty = False
            file = f"{source.name}#frame={frame.frame}"
            key = f"{file} {state}"
            image = None if key in known else frame.image_rgb_u8
            yield Picture(source, file, key, image, frame.frame, round(frame.time_s, 6))
        if footage.gaps:
            yield Failure.of(source.name, told(footage.gaps))
        elif empty:
            long = footage.videos[0].duration_s
            length = f"; it is {long:.2f} s long" if long else ""
            yield Failure.of(
                source.name, f"{source.name}: no pictures in that span{length}. Change --start or --end."
            )
    except BadPicture as error:
        yield Failure.of(source.name, error)


def _state(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"
