"""COCO files with boxes only are data: read, checked, prepared, counted and evaluated by boxes."""

from __future__ import annotations

import contextlib
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from seasift.core.errors import DatasetError
from seasift.core.instances import Category, Instances
from seasift.data.check import check
from seasift.data.coco import read_coco
from seasift.data.prepare import prepare
from seasift.data.prepared import resolve_split
from seasift.data.stats import describe, statistics
from seasift.evaluation.coco_metrics import evaluate
from seasift.evaluation.confusion import truth_of
from tests.data.small_sets import document, write_set

FOUND = [(5, 5, 24, 26, 0.9), (31, 6, 50, 25, 0.8), (1, 1, 9, 9, 0.7)]


def boxes_only(*, without: bool = True) -> dict[str, Any]:
    """Two boxes in one image: one with an empty segmentation, one without the field."""
    content = document("s.png", segmentation=[])
    other = {**content["annotations"][0], "id": 2, "bbox": [30, 5, 20, 20]}
    if without:
        del other["segmentation"]
    content["annotations"].append(other)
    return content


def test_boxes_are_read_prepared_and_counted(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "in", {"a.json": boxes_only(), "s.png": 1})
    report = check([folder / "a.json"])
    assert not report.fatal
    assert {defect.kind for defect in report.defects} == {"no mask"}
    prepare(folder, tmp_path / "out")
    assert not check([tmp_path / "out"]).fatal
    counts = statistics(describe(tmp_path / "out")).splits["a"]
    assert (counts.objects, counts.small) == (2, 2)
    split = resolve_split(tmp_path / "out", split="a")
    assert [a.bbox_xywh for a in split.coco.annotations] == [(5, 5, 20, 20), (30, 5, 20, 20)]
    assert not split.coco.masked


def test_boxes_are_evaluated_as_pycocotools_does(tmp_path: Path) -> None:
    path = write_set(tmp_path, {"a.json": boxes_only(without=False)}) / "a.json"
    boxes = np.array([each[:4] for each in FOUND], np.float32)
    found = Instances(
        boxes, np.array([each[4] for each in FOUND], np.float32), np.zeros(3, np.int64), (48, 64)
    )
    truth = read_coco(path)
    figures = evaluate(truth, {1: found}, (Category(5, "rov"),))
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCO(str(path))
        results = [
            {"image_id": 1, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
            for x1, y1, x2, y2, score in FOUND
        ]
        evaluated = COCOeval(theirs, theirs.loadRes(results), "bbox")
        evaluated.evaluate()
        evaluated.accumulate()
        evaluated.summarize()
    assert figures.boxes["AP"] == pytest.approx(evaluated.stats[0], abs=1e-9)
    assert figures.boxes["AR100"] == pytest.approx(evaluated.stats[8], abs=1e-9)
    assert set(figures.masks.values()) == {None}


def test_one_object_without_a_mask_makes_boxes_the_measure_of_all(tmp_path: Path) -> None:
    content = document("s.png", "t.png")
    content["annotations"][1]["segmentation"] = []
    coco = read_coco(write_set(tmp_path, {"a.json": content}) / "a.json")
    assert [truth_of(coco, image).objects.masks for image in coco.images] == [None, None]
    with pytest.raises(DatasetError, match="no mask"):
        coco.annotations[1].mask((48, 64))


CROWDS = [
    # iscrowd of four objects, how many warnings
    ((1, 1, 1, 1), 1),
    ((0, 0, 0, 0), 0),
    ((1, 0, 0, 0), 0),
    ((1, 1, 0, 0), 0),
    ((1, 1, 1, 0), 1),
]


@pytest.mark.parametrize(("crowds", "warnings"), CROWDS)
def test_crowds_that_are_none_are_warned_of(tmp_path: Path, crowds: tuple[int, ...], warnings: int) -> None:
    names = [f"{k}.png" for k in range(4)]
    content = document(*names, categories=[{"id": 1, "name": "rov"}, {"id": 2, "name": "net"}])
    for annotation, crowd in zip(content["annotations"], crowds, strict=True):
        annotation["iscrowd"] = crowd
    content["annotations"][3]["category_id"] = 2
    folder = write_set(tmp_path, {"a.json": content, **{name: k for k, name in enumerate(names)}})
    report = check([folder / "a.json"])
    assert not report.fatal
    assert [defect.kind for defect in report.defects].count("only crowds") == warnings


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(("orientation", "stored"), [(1, False), (3, False), (6, False), (6, True)])
def test_images_that_exif_turns_are_named(tmp_path: Path, kind: str, orientation: int, stored: bool) -> None:
    content = document("s.img")
    upright = orientation < 5
    image = content["images"][0]
    if not upright and not stored:
        image["height"], image["width"] = image["width"], image["height"]
    folder = write_set(tmp_path, {"a.json": content})
    exif = Image.Exif()
    exif[274] = orientation
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    Image.fromarray(noise).save(folder / "s.img", kind, exif=exif)
    report = check([folder / "a.json"])
    kinds = {defect.kind for defect in report.defects}
    if orientation == 1:
        assert kinds == set()
    elif stored:
        (defect,) = (each for each in report.defects if each.kind == "size differs")
        assert "EXIF" in defect.what
    else:
        assert "EXIF orientation" in kinds
        assert not report.fatal


def test_a_duplicate_near_the_end_costs_no_more_than_any_file(tmp_path: Path) -> None:
    """Ids were compared with each other: 20,000 took 8 s."""
    content = document("s.png")
    (one,) = content["annotations"]
    content["annotations"] = [{**one, "id": max(k, 1)} for k in range(20_000, 0, -1)] + [{**one, "id": 1}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    before = time.process_time()
    with pytest.raises(DatasetError, match=r"annotation id 1 is used twice.*--repair"):
        read_coco(path)
    assert time.process_time() - before < 3


@pytest.mark.parametrize("odd", [None, "area", "segmentation", "class_set"])
def test_columns_and_single_looks_agree(tmp_path: Path, odd: str | None) -> None:
    """An odd annotation among many makes its neighbours be looked at singly, with the same outcome."""
    rng = np.random.default_rng(0)
    content = document("s.png", categories=[{"id": 1, "name": "rov"}, {"id": 2, "name": "net"}])
    annotations = []
    for number in range(1, 101):
        x, y = (int(v) for v in rng.integers(0, 30, 2))
        ring = [float(v) for v in (x, y, x + 9.5, y, x + 9.5, y + 12)]
        annotations.append(
            {
                "id": number,
                "image_id": 1,
                "category_id": 1,
                "bbox": [x, y, 9.5, 12],
                "area": 57,
                "segmentation": [ring],
            }
        )
    content["annotations"] = annotations
    expected = [(a["id"], tuple(a["bbox"]), a["segmentation"]) for a in annotations]
    if odd == "class_set":
        annotations[50]["class_set"] = [1, 2]
    elif odd:
        del annotations[50][odd]
        if odd == "segmentation":
            expected[50] = (*expected[50][:2], [])
    path = write_set(tmp_path, {"a.json": content}) / "a.json"
    assert [(a.id, a.bbox_xywh, a.segmentation) for a in read_coco(path).annotations] == expected
