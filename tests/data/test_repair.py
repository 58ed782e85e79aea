"""What `prepare --repair` mends, and that every repair is listed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO

from seasift.core.errors import DatasetError
from seasift.data.check import check
from seasift.data.coco import read_coco
from seasift.data.prepare import prepare
from seasift.data.prepared import PreparedDataset
from seasift.data.repair import repair_document
from tests.data.small_sets import document, write_set

SQUARE = [5, 5, 25, 5, 25, 25, 5, 25]
# Columns of 48: 5 pixels from the fifth row of the third column.
RLE = {"size": [48, 64], "counts": [100, 5, 2967]}


def prepared(tmp_path: Path, content: dict[str, Any], *, repair: bool = True) -> PreparedDataset:
    folder = write_set(tmp_path / "in", {"a.json": content, "s.png": 1, "t.png": 2})
    return prepare(folder, tmp_path / "out", repair=repair)[0]


MENDED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # fields of the object before and after
    "box over the border": ({"bbox": [-5, 5, 80, 20]}, {"bbox": [0, 5, 64, 20]}),
    "box of no width": ({"bbox": [9, 9, 0, 4]}, {"bbox": [5, 5, 20, 20]}),
    "negative box": ({"bbox": [9, 9, -3, 4]}, {"bbox": [5, 5, 20, 20]}),
    "no box": ({"bbox": None}, {"bbox": [5, 5, 20, 20]}),
    "box outside": ({"bbox": [100, 5, 5, 5]}, {"bbox": [5, 5, 20, 20]}),
    "a line beside a polygon": ({"segmentation": [[1, 2, 3, 4], SQUARE]}, {"segmentation": [SQUARE]}),
    "an odd number": ({"segmentation": [SQUARE, [1, 2, 3, 4, 5, 6, 7]]}, {"segmentation": [SQUARE]}),
    "a polygon outside": ({"segmentation": [SQUARE, [90, 90, 95, 90, 95, 95]]}, {"segmentation": [SQUARE]}),
    "only a line": ({"segmentation": [[1, 2, 3, 4]]}, {"segmentation": [], "bbox": [5, 5, 20, 20]}),
    "a polygon that is not in a list": ({"segmentation": SQUARE}, {"segmentation": [SQUARE]}),
    "a polygon of points": (
        {"segmentation": [[[5, 5], [25, 5], [25, 25], [5, 25]]]},
        {"segmentation": [SQUARE]},
    ),
    "a category as text": ({"category_id": "1"}, {"category_id": 1}),
    "an image as a float": ({"image_id": 1.0}, {"image_id": 1}),
    "crowd as text": ({"iscrowd": "0"}, {"iscrowd": 0}),
    "swapped size": (
        {"segmentation": {**RLE, "size": [64, 48]}, "bbox": [2, 4, 1, 5]},
        {"segmentation": RLE, "bbox": [2, 4, 1, 5]},
    ),
    "no area": ({"area": None}, {"area": 400}),
    "negative area": ({"area": -1}, {"area": 400}),
    "iscrowd": ({"iscrowd": None}, {"iscrowd": 0}),
}


@pytest.mark.parametrize("kind", MENDED)
def test_what_is_mechanical_is_mended_and_listed(tmp_path: Path, kind: str) -> None:
    before, after = MENDED[kind]
    result = prepared(tmp_path, document("s.png", **before))
    (stored,) = json.loads((result.folder / "annotations" / "default-published.json").read_text())[
        "annotations"
    ]
    assert {key: stored[key] for key in after} == after
    (line,) = result.record["repairs"]
    assert "annotation 1" in line or "annotations[0]" in line
    assert not check([result.folder]).fatal


def test_ids_used_twice_are_given_anew_and_objects_stay_with_their_images(tmp_path: Path) -> None:
    content = document("s.png", "t.png")
    content["annotations"] += [
        {**content["annotations"][1], "id": 1, "bbox": [30, 5, 9, 9]},
        {**content["annotations"][0]},
    ]
    with pytest.raises(DatasetError, match="--repair"):
        prepared(tmp_path, content, repair=False)
    result = prepared(tmp_path, content)
    found = [(a.id, a.image_id) for a in result.coco().annotations]
    assert found == [(1, 1), (2, 2), (3, 2), (4, 1)]
    assert len(result.record["repairs"]) == 2


def test_categories_of_one_name_become_one(tmp_path: Path) -> None:
    names = [{"id": 1, "name": "rov"}, {"id": 2, "name": "net"}, {"id": 7, "name": "rov"}]
    content = document("s.png", "t.png", categories=names)
    content["annotations"][1]["category_id"] = 7
    result = prepared(tmp_path, content)
    assert [(c.id, c.name) for c in result.coco().categories] == [(1, "rov"), (2, "net")]
    assert [a.category_id for a in result.coco().annotations] == [1, 1]


def test_numbers_of_images_and_categories_that_are_text(tmp_path: Path) -> None:
    content = document("s.png")
    for item in (*content["images"], *content["categories"]):
        item.update({key: str(item[key]) for key in ("id", "width", "height") if key in item})
    result = prepared(tmp_path, content)
    stored = json.loads((result.folder / "annotations" / "default-published.json").read_text())
    (image,) = stored["images"]
    assert (image["width"], image["height"]) == (64, 48)
    assert len(stored["annotations"]) == 1
    assert len(result.record["repairs"]) == 4
    with pytest.raises(DatasetError, match="str"):
        prepared(tmp_path / "as it is", content, repair=False)


def test_an_object_without_anything_in_the_image_is_removed(tmp_path: Path) -> None:
    content = document("s.png", "t.png")
    content["annotations"][0] |= {"bbox": [200, 5, 5, 5], "segmentation": []}
    result = prepared(tmp_path, content)
    assert [a.id for a in result.coco().annotations] == [2]
    assert "removed" in result.record["repairs"][0]


def test_an_image_listed_twice(tmp_path: Path) -> None:
    content = document("s.png")
    content["images"] *= 2
    assert len(prepared(tmp_path, content).coco().images) == 1


def test_nothing_to_mend_changes_nothing() -> None:
    content = document("s.png", "t.png")
    before = copy.deepcopy(content)
    assert repair_document(content, "a.json") == []
    assert content == before


def test_what_cannot_be_mended_is_not_sent_to_repair_again(tmp_path: Path) -> None:
    content = document("s.png", category_id=9)
    with pytest.raises(DatasetError, match=r"prepare --repair"):
        prepared(tmp_path / "a", content, repair=False)
    with pytest.raises(DatasetError, match="category 9") as error:
        prepared(tmp_path / "b", content)
    assert "prepare --repair" not in str(error.value)


def test_what_leaves_a_choice_is_not_mended(tmp_path: Path) -> None:
    for change in ({"category_id": 9}, {"image_id": 9}, {"segmentation": {**RLE, "size": [50, 64]}}):
        with pytest.raises(DatasetError):
            prepared(tmp_path, document("s.png", **change))


def test_repairing_anew_replaces_what_was_prepared_without(tmp_path: Path) -> None:
    content = document("s.png", bbox=[-1, 5, 26, 20])
    assert "repairs" not in prepared(tmp_path, content, repair=False).record
    assert len(prepared(tmp_path, content).record["repairs"]) == 1


def test_an_area_that_is_missing_is_that_of_the_mask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes = [[[5, 5, 25, 5, 5, 25]], [SQUARE, [40, 10, 60, 10, 60, 40]], RLE]
    content = document(*(f"{k}.png" for k in range(len(shapes))))
    for annotation, shape in zip(content["annotations"], shapes, strict=True):
        del annotation["area"]
        annotation["segmentation"] = shape
    path = write_set(tmp_path, {"a.json": content}) / "a.json"
    theirs = COCO(str(path))
    capsys.readouterr()
    ours = read_coco(path)
    assert [a.area for a in ours.annotations] == [
        int(theirs.annToMask(a).sum()) for a in theirs.anns.values()
    ]
    assert "no area" in {defect.kind for defect in check([path]).defects}


def test_an_rle_of_another_size_is_refused_at_reading(tmp_path: Path) -> None:
    for shape in ({**RLE, "size": [64, 48]}, {"size": [64, 48], "counts": "[^`1d0"}):
        path = write_set(tmp_path, {"a.json": document("s.png", segmentation=shape)}) / "a.json"
        with pytest.raises(DatasetError, match=r"48x64 px but its image has 64x48.*--repair"):
            read_coco(path)
