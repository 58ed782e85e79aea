"""The queue alone: batches, order, isolation, people before jobs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from seasift.core.errors import EngineError
from seasift.core.instances import Instances
from seasift.inference.image_prediction import Choices
from seasift.inference.predictor import OnnxPredictor
from seasift.service.image_queue import ImageQueue, QueueTask
from tests.service.conftest import NONE, ONE, THREE
from tests.service.test_limits import Held

ALL, HIGH = Choices(0.5, 10), Choices(0.9, 10)


@contextmanager
def running(model: Any, **settings: Any) -> Iterator[ImageQueue]:
    queue = ImageQueue(model, **settings)
    queue.start()
    try:
        yield queue
    finally:
        queue.stop()


def counts(futures: Sequence[Any]) -> list[int]:
    return [len(future.result(30).entry.objects) for future in futures]


def test_waiting_images_run_together_and_keep_their_results(tiny: OnnxPredictor) -> None:
    held = Held(tiny)
    with running(held, workers=1, batch=4) as queue:
        first = queue.put(QueueTask("first", ONE, ALL))
        assert held.entered.acquire(timeout=30)
        rest = [
            queue.put(QueueTask(str(n), data, ALL)) for n, data in enumerate((THREE, NONE, ONE, THREE, ONE))
        ]
        held.door.set()
        assert counts([first, *rest]) == [1, 3, 0, 1, 3, 1]
    assert held.calls == [1, 4, 1]


def test_images_looked_at_differently_share_no_batch(tiny: OnnxPredictor) -> None:
    held = Held(tiny)
    held.door.set()
    with running(held, workers=1, batch=4, delay_s=5) as queue:
        tasks = [QueueTask(str(n), THREE, look) for n, look in enumerate((ALL, HIGH, ALL, HIGH))]
        assert counts([queue.put(task) for task in tasks]) == [3, 1, 3, 1]
    assert held.calls == [2, 2]


def test_an_engine_that_cannot_run_is_known_and_fails_all(tiny: OnnxPredictor) -> None:
    class Unable(Held):
        def predict(self, images_rgb_u8: Sequence[Any], **options: Any) -> list[Instances]:
            raise EngineError("no such instruction")

    with running(Unable(tiny), workers=1) as queue:
        with pytest.raises(EngineError, match="no such instruction"):
            queue.put(QueueTask("a", ONE, ALL)).result(30)
        assert isinstance(queue.failure, EngineError)
        assert not queue.warm


def test_a_image_that_breaks_the_model_fails_alone(tiny: OnnxPredictor) -> None:
    class Breaks(Held):
        def predict(self, images_rgb_u8: Sequence[Any], **options: Any) -> list[Instances]:
            if any(image.shape[0] == 80 for image in images_rgb_u8):
                raise RuntimeError("80 px")
            return super().predict(images_rgb_u8, **options)

    held = Breaks(tiny)
    held.door.set()
    with running(held, workers=1, batch=3, delay_s=5) as queue:
        good, bad, also_good = (queue.put(QueueTask("x", data, ALL)) for data in (THREE, ONE, NONE))
        assert counts([good, also_good]) == [3, 0]
        with pytest.raises(RuntimeError, match="80 px"):
            bad.result(30)


def test_requests_go_before_jobs_and_what_is_cancelled_is_left_out(tiny: OnnxPredictor) -> None:
    held, order, lock = Held(tiny), [], threading.Lock()

    def note(seen: Any) -> None:
        with lock:
            order.append(seen.entry.file)

    with running(held, workers=1, on_seen=note) as queue:
        futures = [queue.put(QueueTask("first", NONE, ALL))]
        assert held.entered.acquire(timeout=30)
        futures += [queue.put(QueueTask(f"job {n}", NONE, ALL), background=True) for n in range(2)]
        futures += [queue.put(QueueTask(f"request {n}", NONE, ALL)) for n in range(3)]
        assert futures.pop(4).cancel()
        assert queue.waiting == 5
        held.door.set()
        counts(futures)
    assert order == ["first", "request 0", "request 2", "job 0", "job 1"]


def test_as_many_images_are_in_the_model_as_there_are_workers(tiny: OnnxPredictor) -> None:
    held = Held(tiny)
    with running(held, workers=3) as queue:
        futures = [queue.put(QueueTask(str(n), ONE, ALL)) for n in range(5)]
        assert all(held.entered.acquire(timeout=30) for _ in range(3))
        assert (queue.waiting, held.calls) == (2, [1, 1, 1])
        held.door.set()
        assert counts(futures) == [1] * 5


def test_stopping_does_not_wait_for_ever(tiny: OnnxPredictor) -> None:
    held = Held(tiny)
    with running(held, workers=1) as queue:
        future = queue.put(QueueTask("a", ONE, ALL))
        assert held.entered.acquire(timeout=30)
        assert not queue.stop(within_s=0.01)
        held.door.set()
        assert queue.stop()
    assert counts([future]) == [1]


def test_stopping_finishes_what_waits(tiny: OnnxPredictor) -> None:
    with running(tiny, workers=2, batch=2, delay_s=0.001) as queue:
        futures = [queue.put(QueueTask(str(n), ONE, ALL)) for n in range(9)]
    assert counts(futures) == [1] * 9
