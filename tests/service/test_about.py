"""What the server tells about itself, and what clients of a plain YOLACT service get."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
from fastapi.testclient import TestClient

from seasift.core.masks import from_coco
from seasift.inference.predictor import OnnxPredictor
from seasift.service.access_log import JsonLines
from seasift.service.app import create_app
from tests.service.conftest import HERE, NONE, ONE, THREE, Serve, files


def test_models_and_labels(client: TestClient, tiny: OnnxPredictor) -> None:
    (model,) = client.get("/v1/models").json()["models"]
    assert (model["name"], model["sha256"], model["classes"]) == ("tiny", tiny.sha256, 3)
    labels = client.get("/v1/labels").json()["labels"]
    assert [(label["class_id"], label["category_id"], label["name"]) for label in labels] == [
        (0, 3, "red thing"),
        (1, 7, "green thing"),
        (2, 8, "blue thing"),
    ]


def test_cuda_says_no_on_a_cpu(client: TestClient) -> None:
    assert client.get("/cuda").json() == {"cuda": False, "engine": "openvino", "precision": "f32"}


def test_detection_gives_true_masks(client: TestClient) -> None:
    got = client.post("/detection", files={"file": ("a.png", THREE)}).json()
    assert (len(got["boxes"]), got["classes"], got["labels"]) == (3, [0, 0, 0], ["red thing"] * 3)
    assert got["boxes"][0] == pytest.approx([2, 2, 18, 18], abs=1e-3)
    full = client.post("/detection?masks=bitmap", files={"file": ("a.png", THREE)}).json()["masks"]
    for rle, rows in zip(got["masks"], full, strict=True):
        assert np.array_equal(from_coco(rle, (40, 40)).bitmap((40, 40)), np.array(rows, bool))
        assert np.any(rows)


def test_detection_of_a_image_without_objects(client: TestClient) -> None:
    answer = client.post("/detection", files={"file": ("a.png", NONE)})
    assert answer.json() == {"boxes": [], "classes": [], "scores": [], "masks": [], "labels": []}


def test_not_ready_before_the_model_is_warm_nor_while_shutting_down(tiny: OnnxPredictor) -> None:
    app = create_app(tiny)
    service = app.state.service
    assert service.reason == "the model is not warm yet"
    with TestClient(app, HERE) as client:
        client.post("/v1/predict", files=files(NONE))
        assert client.get("/readyz").json() == {"ready": True, "reason": ""}
        service.draining = True
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "shutting down")
        assert client.post("/v1/predict", files=files(NONE)).status_code == 200, "what comes is still done"


def test_metrics(serve: Serve) -> None:
    client = serve()
    client.post("/v1/predict", files=files(THREE, ONE))
    client.get("/v1/nowhere")
    lines = client.get("/metrics").text.splitlines()
    assert 'seasift_requests_total{method="POST",path="/v1/predict",status="200"} 1.0' in lines
    assert 'seasift_requests_total{method="GET",path="other",status="404"} 1.0' in lines
    assert 'seasift_objects_total{name="red thing"} 4.0' in lines
    assert "seasift_pictures_total 2.0" in lines
    assert "seasift_queue_pictures 0.0" in lines
    assert 'seasift_request_seconds_count{path="/v1/predict"} 1.0' in lines


def test_the_log_is_json_and_has_the_request_id(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    client = serve()
    with caplog.at_level(logging.INFO, "seasift.service"):
        answer = client.post("/v1/predict", files=files(THREE))
    line = json.loads(JsonLines().format(caplog.records[-1]))
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert (line["event"], line["path"], line["status"], line["objects"]) == (
        "request",
        "/v1/predict",
        200,
        3,
    )


def test_the_description_is_complete(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], path
            good = {s: a for s, a in operation["responses"].items() if s.startswith("2")}
            for status, answer in good.items():
                assert answer["content"], f"{method} {path} {status}"
                json_response = answer["content"].get("application/json")
                assert json_response is None or json_response["schema"] != {}, f"{method} {path} {status}"
            for status, answer in operation["responses"].items():
                if status.startswith("4"):
                    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorSchema"), (
                        path
                    )


def test_a_wrong_method_is_told_the_right_ones(client: TestClient) -> None:
    for path, methods in (("/v1/jobs/0", "DELETE, GET"), ("/v1/predict", "POST")):
        answer = client.patch(path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, methods)


def test_no_image_at_all(client: TestClient) -> None:
    assert client.post("/v1/predict", data={"threshold": "0.5"}).json()["error"].startswith("files: ")
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    (form,) = (schema for name, schema in schemas.items() if name.startswith("Body_predict"))
    assert form["properties"]["files"]["minItems"] == 1


def test_the_page_about_the_api_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "//" not in page.replace("<!doctype", "")
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in page
