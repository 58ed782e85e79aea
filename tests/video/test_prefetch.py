"""Decoding in a thread of its own: bounded, and gone when nobody looks."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from seasift.video import dive as dives
from seasift.video.dive import open_dive, prefetch
from tests.tiny_video import save_kind


class DrawnObject:
    """What weak references can watch."""


def test_no_more_things_live_than_may_wait() -> None:
    alive: weakref.WeakSet[DrawnObject] = weakref.WeakSet()
    most = 0

    def make(_: threading.Event) -> Iterator[DrawnObject]:
        for _ in range(200):
            drawn = DrawnObject()
            alive.add(drawn)
            yield drawn
            del drawn

    for item in prefetch(make, 3):
        most = max(most, len(alive))
        assert isinstance(item, DrawnObject)
        del item
    assert most <= 3 + 2 + 1, "three wait, one is in the making, one was just handed on"


def test_order_and_errors() -> None:
    def make(_: threading.Event) -> Iterator[int]:
        yield from range(5)
        raise ValueError("broken")

    running = prefetch(make, 2)
    assert list(islice(running, 5)) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="broken"):
        next(running)


def test_stopping_early_ends_the_thread() -> None:
    closed = threading.Event()

    def make(stop: threading.Event) -> Iterator[int]:
        try:
            count = 0
            while not stop.is_set():
                count += 1
                yield count
        finally:
            closed.set()

    before = threading.active_count()
    running = prefetch(make, 2)
    assert list(islice(running, 3)) == [1, 2, 3]
    running.close()  # type: ignore[attr-defined]
    assert closed.is_set()
    assert threading.active_count() == before


def test_few_images_of_a_long_video_live_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the caller: what is decoded waits in a queue of fixed length."""
    clip = save_kind(tmp_path, "h264-mp4")
    alive: list[weakref.ref[Any]] = []
    most = 0
    upright = dives.oriented_rgb

    def watched(*arguments: Any) -> Any:
        nonlocal most
        image = upright(*arguments)
        alive.append(weakref.ref(image))
        most = max(most, sum(reference() is not None for reference in alive))
        return image

    monkeypatch.setattr(dives, "oriented_rgb", watched)
    for frame in open_dive([clip] * 4).frames():
        assert frame.image_rgb_u8.size
        del frame
    gc.collect()
    assert len(alive) == 4 * 64
    assert most <= 4 + 3
    assert all(reference() is None for reference in alive)
