"""Reading COCO files: what is right is kept, what is wrong is one line."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO

from seasift.core.errors import DatasetError
from seasift.data.coco import read_coco

GOOD: dict[str, Any] = {
    "images": [{"id": 4, "file_name": "a.png", "height": 30, "width": 40}],
    "categories": [{"id": 9, "name": "net"}, {"id": 2, "name": "rov"}],
    "annotations": [
        {
            "id": 1,
            "image_id": 4,
            "category_id": 2,
            "bbox": [1, 2, 10, 10],
            "area": 100,
            "iscrowd": 0,
            "segmentation": [[1, 2, 11, 2, 11, 12, 1, 12]],
        }
    ],
}


def _changed(path: str, value: Any) -> dict[str, Any]:
    """GOOD with one place changed; `del` takes it away."""
    document = copy.deepcopy(GOOD)
    *way, last = path.split(".")
    location: Any = document
    for step in way:
        location = location[int(step) if step.isdigit() else step]
    if value is del_:
        del location[last]
    else:
        location[int(last) if last.isdigit() else last] = value
    return document


del_ = object()
BAD = [
    ("images", None, "images is missing"),
    ("images", {}, "images is a dict"),
    ("annotations", "x", "annotations is a str"),
    ("categories", del_, "categories is missing"),
    ("images.0", 3, r"images\[0\] is a int"),
    ("images.0.id", "4", r"images\[0\].id is a str"),
    ("images.0.id", True, r"images\[0\].id is a bool"),
    ("images.0.id", 2**70, r"images\[0\].id is a int"),
    ("images.0.file_name", "", "file_name"),
    ("images.0.file_name", 3, "file_name"),
    ("images.0.width", -5, "width is -5; expected pixels"),
    ("images.0.height", 10**12, "height is 1000000000000"),
    ("images.0.height", 3.5, "height is a float"),
    ("images.0.height", del_, "height is missing"),
    ("categories.0.name", None, "name is missing"),
    ("categories.0.id", 2, "category id 2 is used twice"),
    ("annotations.0.bbox", "1,2,3,4", "bbox is a str"),
    ("annotations.0.bbox", [1, 2, 3], "bbox is a list"),
    ("annotations.0.bbox", [1, 2, float("nan"), 4], "bbox"),
    ("annotations.0.bbox", [1, 2, 10**400, 4], "bbox"),
    ("annotations.0.bbox", [1, 2, -3, 4], "expected a width and height of 0 or more"),
    ("annotations.0.bbox", [1, 2, None, 4], "bbox"),
    ("annotations.0.area", "big", "area is a str"),
    ("annotations.0.area", float("inf"), "area is a float"),
    ("annotations.0.iscrowd", 2, "iscrowd is a int"),
    ("annotations.0.iscrowd", [], "iscrowd is a list"),
    ("annotations.0.segmentation", {}, "RLE size is missing"),
    ("annotations.0.class_set", 2, "class_set"),
    ("annotations.0.class_set", [2], "class_set"),
    ("annotations.0.class_set", [2, 2], "class_set"),
    ("annotations.0.class_set", [2, 5], "unknown category 5"),
    ("annotations.0.loose_box", 1, "loose_box"),
    ("images.0.background_labelled", "no", "background_labelled"),
    ("annotations.0.segmentation", [[1, 2, 3]], "polygon of 3 numbers"),
    ("annotations.0.segmentation", [[1, 2]], "polygon of 1 points"),
    ("annotations.0.segmentation", [[1, 2, 3, 4]], "polygon of 2 points"),
    ("annotations.0.segmentation", [[1, 2, "3", 4, 5, 6]], "polygon holds a str"),
    ("annotations.0.segmentation", [5], "polygon is a int"),
    ("annotations.0.segmentation", {"counts": "abc"}, "RLE size is missing"),
    ("annotations.0.segmentation", {"size": [30, 40]}, "RLE counts are missing"),
    ("annotations.0.segmentation", {"size": [30, 40], "counts": [1200, -1, 1]}, "RLE counts hold"),
    ("annotations.0.segmentation", {"size": [30, 40], "counts": [5]}, "RLE runs sum to 5; expected 1200"),
    ("annotations.0.category_id", 5, "unknown category 5"),
    ("annotations.0.image_id", 5, "unknown image 5"),
]


@pytest.mark.parametrize(("path", "value", "message"), BAD)
def test_what_is_wrong_is_named_on_one_line(tmp_path: Path, path: str, value: Any, message: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(_changed(path, value)))
    with pytest.raises(DatasetError, match=message) as error:
        read_coco(file)
    assert str(error.value).startswith(str(file))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe\x00", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_coco_file(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(data)
    with pytest.raises(DatasetError, match=r"bad\.json: "):
        read_coco(file)
    for missing in (tmp_path / "none.json", tmp_path):
        with pytest.raises(DatasetError, match="expected a COCO annotation file"):
            read_coco(missing)


def test_twice_the_same_annotation_id(tmp_path: Path) -> None:
    document = copy.deepcopy(GOOD)
    document["annotations"] *= 2
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(document))
    with pytest.raises(DatasetError, match="annotation id 1 is used twice"):
        read_coco(file)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = [path for path, _, _ in BAD if path.count(".") > 0] + ["annotations", "images", "categories"]


@given(st.lists(st.tuples(st.sampled_from(sorted(set(PLACES))), JUNK), min_size=1, max_size=1))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_junk_anywhere_is_read_or_refused_but_never_a_trace(
    tmp_path: Path, changes: list[tuple[str, Any]]
) -> None:
    ((path, value),) = changes
    file = tmp_path / "junk.json"
    file.write_text(json.dumps(_changed(path, value)), encoding="utf-8")
    try:
        coco = read_coco(file)
        for image in coco.images:
            for annotation in coco.annotations_of(image.id):
                annotation.mask(image.size_hw)
    except DatasetError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


def test_masks_are_those_of_pycocotools(synthetic: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs, ours = COCO(str(synthetic)), read_coco(synthetic)
    capsys.readouterr()
    for image in ours.images:
        for annotation in ours.annotations_of(image.id):
            expected = theirs.annToMask(theirs.anns[annotation.id]).astype(bool)
            assert (annotation.mask(image.size_hw).bitmap(image.size_hw) == expected).all()


def test_classes_go_by_id_and_objects_by_image(synthetic: Path) -> None:
    coco = read_coco(synthetic)
    assert [category.id for category in coco.categories] == [2, 5, 9, 40]
    assert sum(len(coco.annotations_of(image.id)) for image in coco.images) == len(coco.annotations)
    assert coco.annotations_of(123456) == ()


def test_a_subset_keeps_ids(synthetic: Path) -> None:
    coco = read_coco(synthetic)
    names = [coco.images[2].file_name, coco.images[6].file_name, "not there.png"]
    part = coco.subset(names)
    assert part.images == (coco.images[2], coco.images[6])
    assert part.categories == coco.categories
    assert part.annotations == coco.annotations_of(coco.images[2].id) + coco.annotations_of(coco.images[6].id)


def test_writing_and_reading_gives_the_same(synthetic: Path, tmp_path: Path) -> None:
    coco = read_coco(synthetic)
    (tmp_path / "again.json").write_text(json.dumps(coco.to_json()))
    assert read_coco(tmp_path / "again.json") == coco
    whole = json.loads(synthetic.read_text())
    assert coco.to_json()["annotations"] == whole["annotations"]
