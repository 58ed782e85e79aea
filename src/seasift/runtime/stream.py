"""Pictures and frames of many sources, one after the other, read ahead of the model."""

from __future__ import annotations

import hashlib
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from seasift.core.errors import BadPicture
from seasift.core.instances import Instances
from seasift.core.picture import decode_picture, read_picture
from seasift.core.types import UInt8
from seasift.runtime.inputs import Failure, Source
from seasift.runtime.video import Every, frames

AHEAD = 2  # pictures decoded while the model works; a picture of 12,000 x 9,000 takes 324 MB


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture on its way to the model.

    Attributes:
        file: what results call it: the source's name, with `#frame=12` for a frame.
        key: of this state of the file: changes when the file does.
        image_rgb_u8: (H, W, 3), or None if its result is known already.
        frame: place in the video, 0-based; None for a still picture.
        time_s: time in the video.
    """

    source: Source
    file: str
    key: str
    image_rgb_u8: UInt8 | None
    frame: int | None = None
    time_s: float | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """A picture with its objects; None if its result was known already."""

    picture: Picture
    instances: Instances | None


def predict_sources(
    predict: Callable[[UInt8], Instances],
    sources: Sequence[Source | Failure],
    *,
    every: Every,
    known: Collection[str] = (),
) -> Iterator[Found | Failure]:
    """Run a model over all sources, in order. A bad file gives a Failure and does not stop the rest.

    Args:
        predict: from a picture (H, W, 3) uint8 RGB to its objects.
        sources: from `inputs.expand`.
        every: which frames of videos to take.
        known: keys of pictures whose results exist; they are neither decoded nor predicted.
    """
    for item in read_ahead(sources, every=every, known=known):
        if isinstance(item, Failure):
            yield item
        elif item.image_rgb_u8 is None:
            yield Found(item, None)
        else:
            yield Found(item, predict(item.image_rgb_u8))


def read_ahead(
    sources: Sequence[Source | Failure], *, every: Every, known: Collection[str]
) -> Iterator[Picture | Failure]:
    """Decode pictures in threads while the caller works on earlier ones; keeps the order."""
    waiting: deque[Future[Picture | Failure] | Source | Failure] = deque()
    with ThreadPoolExecutor(AHEAD) as pool:
        for source in sources:
            still = isinstance(source, Source) and source.kind != "video"
            waiting.append(pool.submit(_read_still, source, known) if still else source)
            while len(waiting) > AHEAD:
                yield from _finished(waiting.popleft(), every, known)
        while waiting:
            yield from _finished(waiting.popleft(), every, known)


def _finished(
    item: Future[Picture | Failure] | Source | Failure, every: Every, known: Collection[str]
) -> Iterator[Picture | Failure]:
    if isinstance(item, Future):
        yield item.result()
    elif isinstance(item, Failure):
        yield item
    else:
        yield from _read_video(item, every, known)


def _read_still(source: Source | Failure, known: Collection[str]) -> Picture | Failure:
    assert isinstance(source, Source)
    try:
        if source.path is None:
            data = sys.stdin.buffer.read()
            key = f"- {hashlib.sha256(data).hexdigest()}"
            return Picture(source, source.name, key, decode_picture(data, "standard input"))
        key = f"{source.name} {_state(source.path)}"
        return Picture(source, source.name, key, None if key in known else read_picture(source.path))
    except BadPicture as error:
        return Failure.of(source.name, error)


def _read_video(source: Source, every: Every, known: Collection[str]) -> Iterator[Picture | Failure]:
    assert source.path is not None
    state = _state(source.path)
    try:
        for frame in frames(source.path, every):
            file = f"{source.name}#frame={frame.index}"
            key = f"{file} {state}"
            image = None if key in known else frame.image_rgb_u8
            yield Picture(source, file, key, image, frame.index, round(frame.time_s, 6))
    except BadPicture as error:
        yield Failure.of(source.name, error)


def _state(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"
