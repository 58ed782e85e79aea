"""POST /v1/predict: forms of answers, order, and bad images that fail alone."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from seasift.core.image import decode_image, encode_image
from seasift.formats import validation
from seasift.inference.predictor import load_predictor
from tests.service.conftest import NONE, ONE, THREE, Serve, files
from tests.tiny_model import save_tiny, tiny_info


def test_one_image_as_json(client: TestClient) -> None:
    answer = client.post("/v1/predict", files=files(THREE))
    assert answer.status_code == 200, answer.text
    got = answer.json()
    assert validation.problems(got) == []
    (image,) = got["images"]
    assert (image["file"], len(image["objects"])) == ("0.png", 3)
    assert (got["threshold"], got["max_objects"]) == (0.5, 10), "the model's own"


def test_pages_that_were_not_read_are_in_the_answer(client: TestClient) -> None:
    data = io.BytesIO()
    pages = [Image.fromarray(decode_image(each, "a.png")) for each in (THREE, ONE)]
    pages[0].save(data, "TIFF", save_all=True, append_images=pages[1:])
    got = client.post("/v1/predict", files=files(data.getvalue(), ONE)).json()
    assert [image.get("pages") for image in got["images"]] == [2, None]
    assert len(got["images"][0]["objects"]) == 3
    assert validation.problems(got) == []


def test_order_is_kept_and_a_bad_image_fails_alone(client: TestClient) -> None:
    answer = client.post("/v1/predict", files=files(ONE, b"hello", NONE, THREE, ONE[:200]))
    got = answer.json()
    assert [(i["file"], len(i["objects"])) for i in got["images"]] == [
        ("0.png", 1),
        ("2.png", 0),
        ("3.png", 3),
    ]
    first, second = got["failures"]
    assert first["file"] == "1.png"
    assert first["error"].startswith("1.png: not an image seasift can read (5 bytes, starts with 'hello')")
    assert second["file"] == "4.png"
    assert "truncated" in second["error"]


def test_only_bad_images_are_an_error_in_the_words_of_the_first(client: TestClient) -> None:
    answer = client.post("/v1/predict", files=files(b"hello", b""))
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("0.png: not an image")
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_threshold_and_classes(client: TestClient) -> None:
    few = client.post("/v1/predict", files=files(THREE), data={"threshold": "0.7"}).json()
    assert [len(image["objects"]) for image in few["images"]] == [2]
    none = client.post("/v1/predict", files=files(THREE), data={"classes": ["green thing,blue thing"]}).json()
    assert none["classes"] == ["green thing", "blue thing"]
    assert none["images"][0]["objects"] == []
    unknown = client.post("/v1/predict", files=files(THREE), data={"classes": "red thin"})
    assert unknown.status_code == 400
    assert "did you mean 'red thing'?" in unknown.json()["error"]


def test_each_object_once(client: TestClient) -> None:
    """A quarter that is red and green is two things to the model, at one place."""
    image = np.zeros((200, 200, 3), np.uint8)
    image[:100, :100] = (250, 200, 0)
    upload = files(encode_image(image))
    both = client.post("/v1/predict", files=upload, data={"all_classes": "true"}).json()
    assert sorted(found["name"] for found in both["images"][0]["objects"]) == ["green thing", "red thing"]
    assert "once" not in both
    one = client.post("/v1/predict", files=upload).json()
    assert [found["name"] for found in one["images"][0]["objects"]] == ["red thing"]
    assert one["once"] is True
    assert validation.problems(one) == []


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "2", "much"])
def test_a_wrong_threshold_is_named(client: TestClient, value: str) -> None:
    answer = client.post("/v1/predict", files=files(NONE), data={"threshold": value})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("threshold: ")


def test_coco_and_csv(client: TestClient) -> None:
    coco = client.post("/v1/predict", files=files(ONE, THREE), data={"format": "coco"}).json()
    assert [a["image_id"] for a in coco["annotations"]] == [1, 2, 2, 2]
    table = client.post("/v1/predict", files=files(ONE, THREE), data={"format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert len(table.text.splitlines()) == 1 + 4


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_overlay(client: TestClient, kind: str) -> None:
    asked = {"format": "overlay", "overlay_type": kind}
    answer = client.post("/v1/predict", files=files(THREE), data=asked)
    assert answer.headers["content-type"] == f"image/{kind}"
    assert decode_image(answer.content, "overlay").shape == (480, 480, 3)
    two = client.post("/v1/predict", files=files(THREE, ONE), data=asked)
    assert two.status_code == 400
    assert "zip" in two.json()["error"]


def test_zip_holds_documents_and_overlays_under_safe_names(client: TestClient) -> None:
    evil = [("files", (name, ONE)) for name in ("../../etc/passwd", "..\\x.jpg", "a/b.jpg", "b.jpg")]
    answer = client.post("/v1/predict", files=evil, data={"format": "zip"})
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.namelist() == [
        *("predictions.json", "predictions.coco.json", "predictions.csv"),
        *("overlays/0001-passwd.jpg", "overlays/0002-x.jpg", "overlays/0003-b.jpg", "overlays/0004-b.jpg"),
    ]
    document = json.loads(archive.read("predictions.json"))
    assert document["images"][0]["file"] == "../../etc/passwd", "only a text here"


def test_names_roll_up_with_a_model_that_has_thresholds(serve: Serve, tmp_path: Path) -> None:
    drawn_objects = [{"id": i, "name": n} for i, n in enumerate(("trash_bag", "trash_net", "animal_fish"))]
    rollup = {"by_class": 0.8, "by_supercategory": 0.6, "by_object": 0.5}
    info = tiny_info(
        categories=drawn_objects, rollup=rollup | {"probability": 0.7, "fitted_on": "painted val"}
    )
    client = serve(load_predictor(save_tiny(tmp_path / "rolled.onnx", info), threads=1))
    image = np.zeros((200, 200, 3), np.uint8)
    image[:100, :100] = (128, 102, 0)  # .5 bag and .4 net: .7 trash
    image[:100, 100:] = (51, 0, 0)  # .2 bag: sure at no level
    upload = files(encode_image(image))
    told = client.post("/v1/predict", files=upload).json()
    assert validation.problems(told) == []
    assert told["names"] == "rollup"
    (found,) = told["images"][0]["objects"]
    assert (found["name"], found["rollup"]["name"], found["rollup"]["level"]) == (
        *("trash_bag", "trash", "supercategory"),
    )
    more = client.post("/v1/predict", files=upload, data={"threshold": "0.1"}).json()
    assert [each["rollup"]["name"] for each in more["images"][0]["objects"]] == ["trash", "object"]
    plain = client.post("/v1/predict", files=upload, data={"names": "class", "threshold": "0.1"}).json()
    assert "names" not in plain
    table = client.post("/v1/predict", files=upload, data={"format": "csv"}).text
    assert "rollup_name" in table.splitlines()[0]
    assert "trash,supercategory" in table


def test_names_that_the_model_cannot_roll_up(client: TestClient) -> None:
    answer = client.post("/v1/predict", files=files(THREE), data={"names": "rollup"})
    assert answer.status_code == 400
    assert "thresholds" in answer.json()["error"]
    assert client.post("/v1/predict", files=files(THREE), data={"names": "latin"}).status_code == 422
