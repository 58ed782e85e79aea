"""Our own result document: what is written, its schema, and the validator."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as pycoco

from seasift.core.errors import InputError
from seasift.formats import document, tracks, validation
from tests.formats.documents import CATEGORIES, SIZE, bitmaps, instances, result

# pycocotools 2.0.11 has not followed NumPy 2's __array__.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def value() -> Any:
    return json.loads(document.to_text(result()))


def test_what_is_written(tmp_path: Path) -> None:
    document.write(tmp_path / "r.json", result())
    text = (tmp_path / "r.json").read_text(encoding="utf-8")
    got = json.loads(text)
    assert got["schema"] == "seasift-predictions/1"
    assert "classes" not in got
    assert [image["file"] for image in got["images"]] == [
        "pics/größe, a.png",
        "pics/empty.png",
        "clip.mp4#frame=12",
    ]
    first, _, frame = got["images"]
    assert (first["width"], first["height"]) == (60, 40)
    assert "frame" not in first
    assert (frame["frame"], frame["time_s"]) == (12, 0.4)
    assert [found["name"] for found in first["objects"]] == ["crab", "net, torn", "Müll", "crab"]
    assert first["objects"][1]["box_xywh"] == [1.5, 29.25, 58.5, 8.75]
    assert first["objects"][3]["box_xywh"] == [0, 0, 0.333, 0.1]
    assert [found["score"] for found in first["objects"]] == [0.9, 0.7, 0.55, 0.5]
    assert got["failures"] == [{"file": "bad.jpg", "error": "bad.jpg: no image"}]
    assert sum('"file"' in line for line in text.splitlines()) == 4, "one image or failure a line"


def test_scores_are_the_float32_they_were() -> None:
    scores = np.random.default_rng(0).random(200).astype(np.float32)
    many = document.image_entry("a", instances().take(np.zeros(200, np.int64)), CATEGORIES)
    assert len(many.objects) == 200
    texts = [float(str(score)) for score in scores]
    np.testing.assert_array_equal(np.array(texts, np.float32), scores)
    assert max(len(str(text)) for text in texts) <= 13


def test_masks_are_exact_for_pycocotools() -> None:
    for found, bitmap in zip(value()["images"][0]["objects"], bitmaps(), strict=True):
        assert found["mask"]["size"] == list(SIZE)
        np.testing.assert_array_equal(pycoco.decode(found["mask"]), bitmap)
        assert found["area_px"] == bitmap.sum()


def test_polygons_are_outlines_with_holes_filled() -> None:
    objects = document.with_polygons(result().images[0]).objects
    expected = bitmaps()
    expected[0][10:15, 20:30] = True
    for found, bitmap in zip(objects, expected, strict=True):
        assert found.mask is None
        assert found.polygons is not None
        merged = pycoco.merge(pycoco.frPyObjects(found.polygons, *SIZE)) if found.polygons else None
        np.testing.assert_array_equal(pycoco.decode(merged) if merged else np.zeros(SIZE), bitmap)
    assert [len(found.polygons or ()) for found in objects] == [1, 2, 1, 0]
    assert [found.area_px for found in objects] == [found.area_px for found in result().images[0].objects]


def test_objects_without_masks() -> None:
    plain_boxes = instances()
    bare = type(plain_boxes)(plain_boxes.boxes_xyxy, plain_boxes.scores, plain_boxes.class_ids, SIZE, None)
    image = document.image_entry("a.png", bare, CATEGORIES)
    assert set(document.plain(image)["objects"][0]) == {"category_id", "name", "score", "box_xywh"}
    assert document.with_polygons(image) == image


@pytest.mark.parametrize(
    ("name", "schema"), [("predictions-1", document.json_schema), ("tracks-1", tracks.json_schema)]
)
def test_the_shipped_schema_is_the_models(name: str, schema: Callable[[], dict[str, Any]]) -> None:
    shipped = files("seasift.formats").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    assert json.loads(shipped) == schema(), "write it again from json_schema()"


def test_written_documents_are_valid(tmp_path: Path) -> None:
    document.write(tmp_path / "r.json", result())
    assert validation.read(tmp_path / "r.json") == result()
    outlined = result().model_copy(update={"images": [document.with_polygons(i) for i in result().images]})
    document.write(tmp_path / "p.json", outlined)
    assert validation.list_problems(tmp_path / "p.json") == []


def changed(path: str, new: Any) -> Any:
    """The document with one value replaced, or removed (new is ...)."""
    whole = copy.deepcopy(value())
    index: Any = whole
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    for part in way:
        index = index[part]
    if new is ...:
        del index[last]
    else:
        index[last] = new
    return whole


@pytest.mark.parametrize(
    ("path", "new", "problem"),
    [
        ("schema", "seasift-predictions/2", '$.schema: got "seasift-predictions/2"; this version knows'),
        ("schema", ..., '$: no entry "schema"'),
        ("engine", ..., "$.engine: missing"),
        ("colour", 1, "$.colour: unknown entry"),
        ("threshold", "0.5", '$.threshold: got "0.5"; input should be a valid number'),
        ("threshold", True, "$.threshold: got true"),
        ("max_objects", 1.5, "$.max_objects: got 1.5"),
        ("model/sha256", "xyz", "$.model.sha256: got"),
        ("categories/1/id", 3, "$.categories: two of them have the same id"),
        ("images", {}, "$.images: got {}; input should be a valid array"),
        ("images/0/objects/1/score", 1.5, "$.images[0].objects[1].score: got 1.5; input should be less than"),
        (
            "images/0/objects/1/score",
            0.4,
            "$.images[0].objects[1].score: got 0.4; expected at least $.threshold",
        ),
        ("images/0/objects/1/score", float("nan"), "$.images[0].objects[1].score: got"),
        (
            "images/0/objects/0/name",
            "net, torn",
            "$.images[0].objects[0].name: got 'net, torn' for category 3",
        ),
        ("images/0/objects/0/category_id", 99, "$.images[0].objects[0].name: got 'crab' for category 99"),
        (
            "images/0/objects/0/box_xywh",
            [0, 0, 61, 10],
            "$.images[0].objects[0].box_xywh: [0.0, 0.0, 61.0, 10.0] is",
        ),
        ("images/0/objects/0/box_xywh", [-1, 0, 10, 10], "$.images[0].objects[0].box_xywh"),
        (
            "images/0/objects/0/box_xywh",
            [1, 2, 3],
            "$.images[0].objects[0].box_xywh: got [1, 2, 3]; list should",
        ),
        ("images/0/objects/0/area_px", 7, "$.images[0].objects[0].area_px: got 7; the mask has 550 pixels"),
        (
            "images/0/objects/0/mask/size",
            [60, 40],
            "$.images[0].objects[0].mask.size: got [60, 40]; expected [40, 60]",
        ),
        ("images/0/objects/0/mask/counts", "0", "$.images[0].objects[0].mask.counts: its runs cover 0"),
        ("images/0/objects/0/mask/counts", "é!", "$.images[0].objects[0].mask.counts: not a compressed"),
        ("images/0/objects/0/mask/counts", "o", "$.images[0].objects[0].mask.counts: not a compressed"),
        ("images/0/objects/0/polygons", [[1, 2, 3, 4]], "$.images[0].objects[0].polygons[0]: 4 numbers"),
        (
            "images/1/file",
            "pics/größe, a.png",
            "$.images[1].file: 'pics/größe, a.png' is used by $.images[0]",
        ),
        ("images/1/width", 0, "$.images[1].width: got 0"),
        ("classes", ["crab"], "$.images[0].objects[1].name: got 'net, torn', which is not among $.classes"),
        ("failures/0/error", "", '$.failures[0].error: got ""'),
    ],
)
def test_validator_says_where(path: str, new: Any, problem: str) -> None:
    found = validation.problems(changed(path, new))
    assert found
    assert found[0].startswith(problem)
    assert all("\n" not in text for text in found)


def test_validator_counts_runs_as_pycocotools_does() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        size = rng.integers(1, 90, 2)
        bitmap = rng.random(size) < rng.random()
        rle = pycoco.encode(np.asfortranarray(bitmap.astype(np.uint8)))
        assert validation._area(rle["counts"].decode(), bitmap.size) == bitmap.sum()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", 'no entry "schema"'),
        (b"{}", 'no entry "schema"'),
        (b'{"schema": 3}', "$.schema: got 3"),
        (b'{"images": [], "annotations": []}', 'no entry "schema"'),
    ],
)
def test_files_that_are_no_document(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(InputError) as caught:
        validation.read(tmp_path / "r.json")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        validation.read(tmp_path / "none.json")
    with pytest.raises(InputError, match="a folder"):
        validation.read(tmp_path)
