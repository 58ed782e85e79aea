"""A model behind an address gives what the same model gives here; other servers' answers; servers that fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from seasift.core.errors import EngineError, InputError, ModelError
from seasift.inference.predictor import OnnxPredictor
from seasift.inference.remote import IN_FLIGHT, TRIES, open_remote
from tests.tiny_model import quarters

ADDRESS = "http://127.0.0.1/v1/predict"
IMAGES = [quarters(250, 0, 160, 200), quarters(0, 240, 0, 0, size=80), quarters(0, 0, 0, 0)]
MEGADETECTOR = {
    "images": [
        {
            "file": "image.png",
            "detections": [{"category": "2", "conf": 0.8, "bbox": [0.25, 0.5, 0.5, 0.25]}],
        }
    ],
    "detection_categories": {"1": "animal", "2": "person"},
    "info": {"format_version": "1.4"},
}


def remote(transport: Any, pauses: list[float] | None = None) -> OnnxPredictor:
    pause = ([] if pauses is None else pauses).append
    return OnnxPredictor(*open_remote(ADDRESS, transport=transport, pause=pause))


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    return httpx.MockTransport(answer)


def test_another_seasift(client: TestClient, tiny: OnnxPredictor) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        headers = {name: request.headers[name] for name in ("Content-Type",) if name in request.headers}
        found = client.request(request.method, request.url.path, content=request.read(), headers=headers)
        return httpx.Response(found.status_code, content=found.content)

    far = remote(answering(answer))
    assert (far.name, far.sha256, far.categories) == (tiny.name, tiny.sha256, tiny.categories)
    assert (far.info.threshold, far.info.max_objects) == (tiny.info.threshold, tiny.info.max_objects)
    assert far.max_in_flight == IN_FLIGHT
    for here, there in zip(
        tiny.predict(IMAGES, threshold=0.3), far.predict(IMAGES, threshold=0.3), strict=True
    ):
        np.testing.assert_allclose(there.boxes_xyxy, here.boxes_xyxy, atol=1e-3)
        np.testing.assert_allclose(there.scores, here.scores, atol=1e-6)
        assert there.class_ids.tolist() == here.class_ids.tolist()
        assert there.masks is not None
        assert here.masks is not None
        for ours, theirs in zip(here.masks, there.masks, strict=True):
            np.testing.assert_array_equal(theirs.bitmap(here.size_hw), ours.bitmap(here.size_hw))
    (only,) = far.predict(IMAGES[1:2], threshold=0.3, class_ids=[1])
    assert set(only.class_ids.tolist()) <= {1}


def test_megadetectors_json() -> None:
    far = remote(answering(lambda _: httpx.Response(200, json=MEGADETECTOR)))
    assert [category.name for category in far.categories] == ["animal", "person"]
    (found,) = far.predict([np.zeros((40, 80, 3), np.uint8)])
    assert found.names == ["person"]
    np.testing.assert_allclose(found.boxes_xyxy, [[20, 20, 60, 30]])
    assert found.masks is None


def test_a_busy_server_is_asked_again() -> None:
    statuses = iter([503, 429, 200, 404, 500, 500, 500, 500])

    def answer(_: httpx.Request) -> httpx.Response:
        status = next(statuses)
        headers = {"Retry-After": "3"} if status == 429 else {}
        return httpx.Response(status, json=MEGADETECTOR, headers=headers)

    pauses: list[float] = []
    far = remote(answering(answer), pauses)
    assert pauses == [0.5, 3.0]
    with pytest.raises(EngineError, match="500"):
        far.predict([IMAGES[0]])
    assert len(pauses) == 2 + TRIES - 1


def test_no_server() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    pauses: list[float] = []
    with pytest.raises(EngineError, match="connection refused"):
        remote(answering(refuse), pauses)
    assert len(pauses) == TRIES - 1
    for address in ("http://", "http://[", "http:///v1"):
        with pytest.raises(InputError, match="--model"):
            open_remote(address)


def test_nothing_follows_a_redirect() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(302, headers={"Location": "http://elsewhere/"})

    with pytest.raises(EngineError, match="302"):
        remote(answering(answer))
    assert set(seen) == {"127.0.0.1"}


def changed(**changes: Any) -> dict[str, Any]:
    return {**MEGADETECTOR, **changes}


SEASIFT = {"images": [{"objects": []}], "categories": [{"id": 1, "name": "fish"}]}
OBJECT = {"category_id": 1, "score": 0.9, "box_xywh": [1, 2, 3, 4]}


@pytest.mark.parametrize(
    "second",
    [
        "no json",
        "[1]",
        json.dumps(changed(images=[])),
        json.dumps(changed(images=[{"detections": [{"category": "9", "conf": 0.5, "bbox": [0, 0, 1, 1]}]}])),
        json.dumps(
            changed(images=[{"detections": [{"category": "1", "conf": "much", "bbox": [0, 0, 1, 1]}]}])
        ),
        json.dumps(changed(images=[{"detections": [{"category": "1", "conf": 0.5, "bbox": [0, 0, 1]}]}])),
        json.dumps({**SEASIFT, "images": [{"objects": [{**OBJECT, "box_xywh": None}]}]}),
        json.dumps(
            {**SEASIFT, "images": [{"objects": [{**OBJECT, "mask": {"size": [9, 9], "counts": "04"}}]}]}
        ),
        json.dumps(
            {**SEASIFT, "images": [{"objects": [{**OBJECT, "mask": {"size": [40, 40], "counts": "\u00ff"}}]}]}
        ),
        json.dumps(
            changed(images=[{"detections": [{"category": "1", "conf": float("nan"), "bbox": [0, 0, 1, 1]}]}])
        ),
    ],
)
def test_answers_that_are_wrong(second: str) -> None:
    first = SEASIFT if "objects" in second else MEGADETECTOR
    answers = iter([json.dumps(first), json.dumps({}), second])

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=next(answers))

    far = remote(answering(answer))
    with pytest.raises(ModelError) as caught:
        far.predict([np.zeros((40, 40, 3), np.uint8)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "first", [{}, [], {"categories": []}, {"categories": [{"id": 1}]}, {"detection_categories": 3}]
)
def test_answers_without_classes(first: Any) -> None:
    with pytest.raises(ModelError, match="seasift or MegaDetector"):
        remote(answering(lambda _: httpx.Response(200, json=first)))
