"""The published archive itself: counts, masks, schemes, leakage."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from seasift.core.types import Bool, SizeHW
from seasift.data.check import check
from seasift.data.coco import CocoAnnotation
from seasift.data.draw_scheme import draw_trashcan
from seasift.data.prepare import prepare
from seasift.data.prepared import PreparedDataset
from seasift.data.schemes import shipped_schemes
from seasift.data.trashcan import PUBLISHED_COUNTS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(trashcan_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """The archive, prepared: half a minute."""
    return prepare(trashcan_zip, tmp_path_factory.mktemp("trashcan"))[0]


def _published_mask(annotation: CocoAnnotation, size_hw: SizeHW) -> Bool:
    """By pycocotools, on a canvas with room for the pixel that published polygons reach too far."""
    height, width = size_hw[0] + 1, size_hw[1] + 1
    coded = coco_mask.merge(coco_mask.frPyObjects(annotation.segmentation, height, width))
    return np.asarray(coco_mask.decode(coded), dtype=bool)


def _grown(mask: Bool) -> Bool:
    """A pixel further right and down, as the published polygons are."""
    padded = np.pad(mask, ((1, 1), (1, 1)))
    return padded[1:, 1:] | padded[:-1, 1:] | padded[1:, :-1] | padded[:-1, :-1]


def _filled(mask: Bool) -> Bool:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros(mask.shape, np.uint8), outlines, -1, 1, -1).astype(bool)


@pytest.mark.parametrize("labels", ["instance", "material"])
def test_exact_masks_are_the_published_objects(prepared: PreparedDataset, labels: str) -> None:
    """Object by object: the same id, class and image; and the mask, with its holes filled, at the same place."""
    polygons, exact = prepared.coco(labels, "polygons"), prepared.coco(labels, "exact")
    key = [(a.id, a.image_id, a.category_id) for a in polygons.annotations]
    assert [(a.id, a.image_id, a.category_id) for a in exact.annotations] == key
    sizes = {image.id: image.size_hw for image in polygons.images}
    overlaps, holes = [], 0
    for published, ours in zip(polygons.annotations, exact.annotations, strict=True):
        size_hw = sizes[published.image_id]
        bitmap = coco_mask.decode(ours.segmentation).astype(bool)
        holes += bool((_filled(bitmap) & ~bitmap).any())
        drawn, grown = _published_mask(published, size_hw), _grown(_filled(bitmap))
        overlaps.append((drawn & grown).sum() / (drawn | grown).sum())
    assert np.median(overlaps) > 0.97
    assert np.percentile(overlaps, 1) > 0.85
    assert min(overlaps) > 0.55
    assert holes > 1000


@pytest.mark.parametrize("masks", ["polygons", "exact"])
@pytest.mark.parametrize("labels", ["instance", "material"])
def test_objects_per_class_and_part_are_the_published_ones(
    prepared: PreparedDataset, labels: str, masks: str
) -> None:
    counts: dict[str, list[int]] = {name: [0, 0] for name in PUBLISHED_COUNTS[labels]}
    for index, split in enumerate(("train", "val")):
        coco = prepared.split(labels, masks, "official", split).coco
        names = {category.id: category.name for category in coco.categories}
        for annotation in coco.annotations:
            counts[names[annotation.category_id]][index] += 1
    assert counts == {name: list(pair) for name, pair in PUBLISHED_COUNTS[labels].items()}


def test_the_lists_of_official_parts_are_the_archives(trashcan_zip: Path) -> None:
    shipped = shipped_schemes("trashcan")
    with zipfile.ZipFile(trashcan_zip) as archive:
        for labels in ("instance", "material"):
            for split in ("train", "val"):
                path = f"dataset/{labels}_version/instances_{split}_trashcan.json"
                names = sorted(image["file_name"] for image in json.loads(archive.read(path))["images"])
                assert shipped[f"official-{labels}"][split] == names


@pytest.mark.parametrize("labels", ["instance", "material"])
def test_the_tables_in_the_code_are_those_of_the_readme(trashcan_zip: Path, labels: str) -> None:
    with zipfile.ZipFile(trashcan_zip) as archive:
        text = archive.read(f"dataset/{labels}_version/README.txt").decode("latin-1")
    rows = re.findall(r"^\|\s*(\w+)\s*\|\s*(\d+)\s*\|\s*(\d+)\s*\|", text, re.MULTILINE)
    assert {name: (int(train), int(val)) for name, train, val in rows} == PUBLISHED_COUNTS[labels]


def test_the_seed_draws_the_shipped_schemes_again(prepared: PreparedDataset) -> None:
    shipped = shipped_schemes("trashcan")
    official = {name: shipped[name] for name in ("official-instance", "official-material")}
    drawn = draw_trashcan(
        prepared.coco("instance", "polygons"), prepared.coco("material", "polygons"), official
    )
    assert drawn == shipped


def test_every_class_of_both_label_sets_is_in_every_leak_free_part(prepared: PreparedDataset) -> None:
    for labels in ("instance", "material"):
        for split in ("train", "val", "test"):
            coco = prepared.split(labels, "exact", "leak-free", split).coco
            counts = {c.name: sum(a.category_id == c.id for a in coco.annotations) for c in coco.categories}
            assert min(counts.values()) >= 6, (labels, split, counts)


def test_every_class_of_both_label_sets_is_in_every_dive_free_split(prepared: PreparedDataset) -> None:
    for labels in ("instance", "material"):
        for split in ("train", "val", "test"):
            coco = prepared.split(labels, "exact", "dive-free", split).coco
            counts = {c.name: sum(a.category_id == c.id for a in coco.annotations) for c in coco.categories}
            assert min(counts.values()) >= 8, (labels, split, counts)


def test_it_has_no_defect_but_the_known_leakage(prepared: PreparedDataset) -> None:
    report = check([prepared.folder])
    known = {("warning", kind) for kind in ("shared groups", "shared dives", "same minutes")}
    assert {(defect.severity, defect.kind) for defect in report.defects} == known
    leaks = {(leak.scheme, leak.splits): leak for leak in report.leaks}
    official = leaks["official-instance", ("train", "val")]
    assert len(official.groups) == 113
    assert (official.images_in_groups[1], official.images_in_splits[1]) == (1113, 1147)
    by_video = [
        leak for (scheme, _), leak in leaks.items() if scheme.startswith("leak-free") or scheme == "box"
    ]
    assert not any(leak.groups for leak in by_video)
    assert all(leak.dives for leak in by_video)
    assert not any(scheme.startswith("dive-free") for scheme, _ in leaks)


def test_a_second_run_does_nothing(prepared: PreparedDataset, trashcan_zip: Path) -> None:
    again, done = prepare(trashcan_zip, prepared.folder)
    assert not done
    assert again.fingerprint == prepared.fingerprint
