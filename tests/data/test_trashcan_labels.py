"""The written rules: what was typed, what was joined."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import cv2
import numpy as np
import pytest

from seasift.core.errors import DatasetError
from seasift.core.masks import MaskCrop
from seasift.data import trashcan
from seasift.data.trashcan import (
    ANIMALS,
    INSTANCES,
    MATERIALS,
    OriginalObject,
    label_of,
    published_groups,
    read_original,
)
from tests.data.trashcan_fake import box, encode_bitmap, ring


def test_tables_lead_to_every_published_class_and_to_no_other() -> None:
    for table, start, label_set in (
        (ANIMALS, "animal", "instance"),
        (ANIMALS, "animal", "material"),
        (INSTANCES, "trash", "instance"),
        (MATERIALS, "trash", "material"),
    ):
        published = {name for name in trashcan.PUBLISHED_COUNTS[label_set] if name.startswith(start)}
        assert {f"{start}_{label}" for label in table.values()} == published


def test_published_tables_sum_to_the_published_totals() -> None:
    sums = {
        label_set: tuple(map(sum, zip(*table.values(), strict=True)))
        for label_set, table in trashcan.PUBLISHED_COUNTS.items()
    }
    assert sums == {"instance": (9540, 2588), "material": (9741, 2595)}


@pytest.mark.parametrize(
    ("title", "tags", "instance", "material"),
    [
        ("rov", {"material": "plastic", "instance": "bag"}, "rov", "rov"),
        ("bio", {"plant": None, "animal": "fish"}, "plant", "plant"),
        ("bio", {"animal": "satrfish"}, "animal_starfish", "animal_starfish"),
        ("bio", {"animal": " crab"}, "animal_crab", "animal_crab"),
        ("bio", {"animal": "1"}, "animal_eel", "animal_eel"),
        ("bio", {"animal": "squid"}, "animal_etc", "animal_etc"),
        ("bio", {}, "animal_etc", "animal_etc"),
        ("trash", {"instance": "8\\", "material": "metal"}, "trash_can", "trash_metal"),
        ("trash", {"instance": "wreakage"}, "trash_wreckage", "trash_etc"),
        (
            "trash",
            {"instance": "unknwon_instance", "material": "glass"},
            "trash_unknown_instance",
            "trash_etc",
        ),
        ("trash", {"animal": "fish"}, "trash_unknown_instance", "trash_etc"),
        ("unknown", {"instance": "cage", "material": "metal"}, "trash_unknown_instance", "trash_etc"),
    ],
)
def test_label(title: str, tags: dict[str, str | None], instance: str, material: str) -> None:
    assert label_of(title, tags, "instance", "x") == instance
    assert label_of(title, tags, "material", "x") == material


@pytest.mark.parametrize(
    ("title", "tags"), [("trash", {"instance": "bagg"}), ("bio", {"animal": "Crab"}), ("diver", {})]
)
def test_what_is_not_in_the_tables_is_an_error_that_names_it(title: str, tags: dict[str, str | None]) -> None:
    with pytest.raises(DatasetError, match=r"a\.json: .*(bagg|Crab|diver).* expected") as error:
        label_of(title, tags, "instance", "a.json")
    assert "\n" not in str(error.value)


def _objects(keys: str) -> list[OriginalObject]:
    """One object a letter: a dot has no key, `-` is trash without tags."""
    mask = MaskCrop(np.ones((1, 1), dtype=bool), 0, 0)
    tags: dict[str, str | None] = {"instance": "bag"}
    return [
        OriginalObject("trash", {} if key == "-" else tags, mask, None if key in ".-" else key)
        for key in keys
    ]


@pytest.mark.parametrize(
    ("keys", "groups"),
    [
        ("...", [[0], [1], [2]]),
        (".-.", [[0], [2]]),
        ("a.a", [[0, 2], [1]]),
        ("a", [[0]]),
        ("abab", [[0, 2], [1, 3]]),
        ("aaa", [[0, 1], [0, 2]]),
        ("aaa..", [[0, 1], [0, 2], [4]]),
        (".aaa..", [[0], [1, 2], [1, 3], [5]]),
        ("aaa.a", [[0, 1, 4], [0, 2]]),
        ("aaaa.a", [[0, 1, 3, 5], [0, 2]]),
        ("aaaaaa.", [[0, 1, 3, 5], [0, 2, 4]]),
    ],
)
def test_bitmaps_are_joined_as_published(keys: str, groups: list[list[int]]) -> None:
    assert published_groups(_objects(keys), "instance") == groups


def test_untagged_trash_counts_in_the_material_set() -> None:
    assert published_groups(_objects(".-."), "material") == [[0], [1], [2]]


def test_a_bitmap_keeps_its_place_and_its_hole() -> None:
    document = {"objects": [{"classTitle": "trash", "tags": [], "bitmap": encode_bitmap(ring())}]}
    (found,) = read_original(json.dumps(document).encode(), "a.json")
    assert np.array_equal(found.mask.bitmap(ring().shape), ring())
    assert not found.mask.bitmap(ring().shape)[17, 27]


def _bitmap(**change: Any) -> bytes:
    item = {"classTitle": "trash", "tags": [], "bitmap": encode_bitmap(box(1, 1, 3, 3)), **change}
    return json.dumps({"objects": [item]}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"objects": 3}',
        b'{"objects": [3]}',
        b"\xff\xfe",
        _bitmap(tags=None),
        _bitmap(tags=["bag"]),
        _bitmap(bitmap=None),
        _bitmap(bitmap={"data": "!!!", "origin": [0, 0]}),
        _bitmap(bitmap={"data": base64.b64encode(b"no zlib").decode(), "origin": [0, 0]}),
        _bitmap(bitmap={"data": base64.b64encode(zlib.compress(b"no png")).decode(), "origin": [0, 0]}),
        _bitmap(bitmap={"data": base64.b64encode(zlib.compress(b"")).decode(), "origin": [0, 0]}),
        _bitmap(bitmap={**encode_bitmap(box(1, 1, 3, 3)), "origin": [0]}),
        _bitmap(bitmap={**encode_bitmap(box(1, 1, 3, 3)), "origin": "ab"}),
    ],
)
def test_a_damaged_annotation_is_one_line(data: bytes) -> None:
    with pytest.raises(DatasetError, match=r"^a\.json: not a Supervisely annotation") as error:
        read_original(data, "a.json")
    assert "\n" not in str(error.value)


def test_a_bitmap_without_alpha_is_read_too() -> None:
    png = cv2.imencode(".png", np.full((2, 3), 255, np.uint8))[1].tobytes()
    packed = base64.b64encode(zlib.compress(png)).decode()
    (found,) = read_original(_bitmap(bitmap={"data": packed, "origin": [4, 5]}), "a.json")
    assert found.mask.box_xyxy == (4, 5, 7, 7)
