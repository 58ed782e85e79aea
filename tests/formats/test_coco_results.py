"""COCO results, as pycocotools and hotcoco take them."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from seasift.core.errors import DatasetError, InputError
from seasift.formats.coco import read_truth_ids, to_coco, to_text
from tests.formats.documents import SIZE, bitmaps, instances, result

# pycocotools 2.0.11 has not followed NumPy 2's __array__.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TRUTH: dict[str, Any] = {
    "images": [
        {"id": 41, "file_name": "empty.png", "width": 1, "height": 1},
        {"id": 42, "file_name": "größe, a.png", "width": 60, "height": 40},
        {"id": 44, "file_name": "a.png", "width": 60, "height": 40},
        {"id": 50, "file_name": "clip.mp4#frame=12", "width": 60, "height": 40},
    ],
    "categories": [{"id": 100, "name": "Müll"}, {"id": 1, "name": "crab"}, {"id": 5, "name": "net, torn"}],
    "annotations": [
        {"id": 1, "image_id": 42, "category_id": 1, "bbox": [10, 5, 30, 20], "area": 600, "iscrowd": 0,
         "segmentation": [[10, 5, 40, 5, 40, 25, 10, 25]]},
    ],
}  # fmt: skip


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    (tmp_path / "truth.json").write_text(json.dumps(TRUTH), encoding="utf-8")
    return tmp_path / "truth.json"


def load(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def load_results(coco: COCO, annotations: Any) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return coco.loadRes(annotations)


@pytest.mark.parametrize("masks", ["rle", "polygons"])
def test_the_document_is_a_coco_document_of_its_own(tmp_path: Path, masks: str) -> None:
    got = to_coco(result(), masks=masks, file_names={"pics/größe, a.png": "größe, a.png"})
    (tmp_path / "c.json").write_text(to_text(got), encoding="utf-8")
    coco = load(tmp_path / "c.json")
    assert [image["file_name"] for image in coco.imgs.values()] == [
        "größe, a.png", "pics/empty.png", "clip.mp4#frame=12"
    ]  # fmt: skip
    assert {c["id"]: c["name"] for c in coco.cats.values()} == {3: "crab", 7: "net, torn", 8: "Müll"}
    annotations = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
    assert [a["score"] for a in annotations] == [0.9, 0.7, 0.55, 0.5]
    assert annotations[1]["bbox"] == [1.5, 29.25, 58.5, 8.75]
    expected = bitmaps()
    assert [a["area"] for a in annotations] == [bitmap.sum() for bitmap in expected]
    if masks == "polygons":
        expected[0][10:15, 20:30] = True
        assert isinstance(annotations[0]["segmentation"], list)
    for annotation, bitmap in zip(annotations, expected, strict=True):
        np.testing.assert_array_equal(coco.annToMask(annotation), bitmap)
    assert len({a["id"] for a in coco.anns.values()}) == 5


@pytest.mark.parametrize("masks", ["rle", "polygons"])
def test_like_a_ground_truth(truth: Path, masks: str) -> None:
    got = to_coco(result(), masks=masks, like=read_truth_ids(truth))
    assert [(i["id"], i["file_name"]) for i in got["images"]] == [
        (42, "größe, a.png"), (41, "empty.png"), (50, "clip.mp4#frame=12")
    ]  # fmt: skip
    assert got["categories"] == TRUTH["categories"]
    loaded = load_results(load(truth), got["annotations"])
    found = loaded.loadAnns(loaded.getAnnIds(imgIds=[42]))
    assert [a["category_id"] for a in found] == [1, 5, 100, 1]
    np.testing.assert_array_equal(loaded.annToMask(found[1]), bitmaps()[1])


def test_hotcoco_takes_it_too(truth: Path) -> None:
    import hotcoco

    got = to_coco(result(), like=read_truth_ids(truth))
    results = truth.with_name("results.json")
    results.write_text(json.dumps(got["annotations"]), encoding="utf-8")
    loaded = hotcoco.COCO(str(truth)).loadRes(str(results))
    assert len(loaded.getAnnIds(imgIds=[42])) == 4


def test_a_perfect_result_is_evaluated_perfect(truth: Path) -> None:
    """Through pycocotools' own evaluation: boxes, ids and scores mean what they should."""
    from pycocotools.cocoeval import COCOeval

    best = result(classes=["crab"])
    only = best.images[0].model_copy(update={"objects": best.images[0].objects[:1]})
    got = to_coco(best.model_copy(update={"images": [only]}), like=read_truth_ids(truth))
    coco = load(truth)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluate = COCOeval(coco, coco.loadRes(got["annotations"]), "bbox")
        evaluate.params.imgIds, evaluate.params.catIds = [42], [1]
        evaluate.evaluate()
        evaluate.accumulate()
        evaluate.summarize()
    assert evaluate.stats[0] == pytest.approx(1.0)


def test_the_longest_file_name_wins(tmp_path: Path) -> None:
    names = ["a.png", "left/a.png", "right/a.png"]
    images = [{"id": i, "file_name": name} for i, name in enumerate(names)]
    (tmp_path / "t.json").write_text(json.dumps({"images": images, "categories": []}))
    ids = read_truth_ids(tmp_path / "t.json")
    for file, expected in (("x/left/a.png", 1), ("right/a.png", 2), ("top/a.png", 0), ("a.png", 0)):
        assert (ids.image(file) or {})["id"] == expected
    assert ids.image("ba.png") is None
    assert ids.image("a.png/b.png") is None


def test_what_the_truth_lacks_is_listed(truth: Path) -> None:
    ids = read_truth_ids(truth)
    with pytest.raises(InputError, match=r"has no category 'crap' \(did you mean 'crab'\?\), 'fish'"):
        ids.check([], ["crab", "crap", "fish"])
    with pytest.raises(InputError, match=r"has no image 'x1\.png', .*'x5\.png' and 2 more"):
        ids.check(["a.png", *(f"x{i}.png" for i in range(1, 8))], [])


def test_another_size_than_the_truth_says(truth: Path) -> None:
    image = result().images[0].model_copy(update={"file": "a.png", "width": 40, "height": 60, "objects": []})
    with pytest.raises(InputError, match=r"a\.png: 40 x 60 px; .* says 60 x 40"):
        to_coco(result().model_copy(update={"images": [image]}), like=read_truth_ids(truth))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not JSON"),
        ("[]", "not a COCO ground-truth file"),
        ("{}", "lacks 'images'"),
        ('{"images": [{"id": 1}], "categories": []}', "lacks 'file_name'"),
        ('{"images": [{"id": "1", "file_name": "a"}], "categories": []}', "the id '1' is no integer"),
        ('{"images": [7], "categories": []}', "not a COCO ground-truth file"),
    ],
)
def test_files_that_are_no_ground_truth(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(DatasetError, match=words):
        read_truth_ids(tmp_path / "t.json")


def test_instances_of_the_fixture() -> None:
    assert instances().size_hw == SIZE
