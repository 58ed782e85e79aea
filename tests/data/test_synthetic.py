"""The synthetic data set holds what other tests rely on, as pycocotools and the drawing itself see it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from seasift.core.image import read_image
from seasift.data.coco import read_coco
from seasift.data.synthetic import make_synthetic


def _kind(annotation: dict[str, object]) -> str:
    segmentation = annotation["segmentation"]
    if isinstance(segmentation, list):
        return f"{len(segmentation)}-split polygon"
    assert isinstance(segmentation, dict)
    return "runs" if isinstance(segmentation["counts"], list) else "compressed"


def test_it_holds_every_odd_thing(synthetic: Path) -> None:
    document = json.loads(synthetic.read_text(encoding="utf-8"))
    kinds = Counter(_kind(a) for a in document["annotations"])
    assert kinds == {"1-split polygon": 11, "2-split polygon": 1, "compressed": 2, "runs": 2}
    assert sum(a["iscrowd"] for a in document["annotations"]) == 1
    assert 1 in {a["area"] for a in document["annotations"]}
    with_objects = {a["image_id"] for a in document["annotations"]}
    assert len(document["images"]) == 8
    assert sum(image["id"] not in with_objects for image in document["images"]) == 1
    assert {(image["height"], image["width"]) for image in document["images"]} == {(96, 128), (67, 101)}
    ids = sorted(category["id"] for category in document["categories"])
    assert ids != list(range(ids[0], ids[0] + len(ids)))


def test_areas_and_boxes_are_those_pycocotools_finds(synthetic: Path) -> None:
    document = json.loads(synthetic.read_text(encoding="utf-8"))
    sizes = {image["id"]: (image["height"], image["width"]) for image in document["images"]}
    for annotation in document["annotations"]:
        size = sizes[annotation["image_id"]]
        coded = annotation["segmentation"]
        if isinstance(coded, list):
            coded = coco_mask.merge(coco_mask.frPyObjects(coded, *size))
        elif isinstance(coded["counts"], list):
            coded = coco_mask.frPyObjects(coded, *size)
        assert int(coco_mask.area(coded)) == annotation["area"]
        assert coco_mask.toBbox(coded).tolist() == annotation["bbox"]


def test_one_object_has_a_hole(synthetic: Path) -> None:
    coco = read_coco(synthetic)
    image = coco.images[2]
    ring = coco.annotations_of(image.id)[0].mask(image.size_hw).bitmap(image.size_hw)
    assert not ring[48, 64]
    assert ring[48, 64 - 20]
    assert ring[48, 64 + 20]


def test_objects_stand_out_from_the_ground(synthetic: Path) -> None:
    coco = read_coco(synthetic)
    for image in coco.images:
        pixels = read_image(synthetic.parent / "images" / image.file_name).astype(int)
        assert pixels.shape[:2] == image.size_hw
        for annotation in coco.annotations_of(image.id):
            bitmap = annotation.mask(image.size_hw).bitmap(image.size_hw)
            assert pixels[bitmap].max(axis=1).mean() > 150 or annotation.area < 2


@pytest.mark.parametrize("seed", [0, 5])
def test_a_seed_gives_the_same_bytes(tmp_path: Path, seed: int) -> None:
    first = make_synthetic(tmp_path / "a", seed=seed).parent
    second = make_synthetic(tmp_path / "b", seed=seed).parent
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) == 9
    for file in files:
        assert (first / file).read_bytes() == (second / file).read_bytes()


def test_another_seed_moves_objects(synthetic: Path, tmp_path: Path) -> None:
    other = read_coco(make_synthetic(tmp_path, seed=3))
    assert not np.array_equal(
        [a.bbox_xywh for a in other.annotations], [a.bbox_xywh for a in read_coco(synthetic).annotations]
    )
