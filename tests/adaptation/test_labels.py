"""Labels joined with a model's classes, and the turns in which images are held out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seasift.adaptation.labels import read_labels, turns_of, video_of
from seasift.core.errors import InputError
from seasift.core.instances import Category
from seasift.data.coco import CocoImage

BASE = (Category(1, "rov"), Category(2, "animal_fish"), Category(7, "net"))
CATEGORIES = [
    {"id": 1, "name": "net"},
    {"id": 2, "name": "fish"},
    {"id": 3, "name": "wreck"},
    {"id": 4, "name": "rov"},
]


def coco_file(folder: Path, objects: list[tuple[int, int]], **more: Any) -> Path:
    """Objects as (image, category) in images 1 to 4."""
    annotations = [
        {"id": i, "image_id": image, "category_id": category, "bbox": [0, 0, 4, 4], "area": 16, "iscrowd": 0}
        for i, (image, category) in enumerate(objects, start=1)
    ]
    images = [{"id": i, "file_name": f"{i}.png", "height": 8, "width": 8} for i in range(1, 5)]
    path = folder / "labels.json"
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": CATEGORIES, **more})
    )
    return path


def test_the_models_classes_come_first_and_new_ones_after_them(tmp_path: Path) -> None:
    labels = read_labels(coco_file(tmp_path, [(1, 1), (2, 2), (3, 2)]), BASE)
    assert labels.split.coco.categories == (*BASE, Category(8, "fish"))
    assert [annotation.category_id for annotation in labels.split.coco.annotations] == [7, 8, 8]
    assert (labels.new, labels.new_ids) == (("fish",), (3,))


def test_a_new_class_like_a_known_one_and_classes_without_objects_are_named(tmp_path: Path) -> None:
    notes = read_labels(coco_file(tmp_path, [(1, 1), (2, 2)]), BASE).notes
    assert "animal_fish" in notes[0]
    assert "wreck" in notes[1]


def test_coarse_classes_are_joined_too(tmp_path: Path) -> None:
    path = coco_file(tmp_path, [(1, 1), (2, 4)])
    content = json.loads(path.read_text())
    content["annotations"][0]["class_set"] = [1, 3]
    path.write_text(json.dumps(content))
    labels = read_labels(path, BASE)
    assert labels.new == ("wreck",)
    assert labels.split.coco.annotations[0].class_set == (7, 8)


@pytest.mark.parametrize("objects", [[], [(1, 1), (1, 2)]])
def test_too_few_labelled_images_are_refused(tmp_path: Path, objects: list[tuple[int, int]]) -> None:
    with pytest.raises(InputError, match="Label more"):
        read_labels(coco_file(tmp_path, objects), BASE)


def test_two_classes_of_one_name_are_refused(tmp_path: Path) -> None:
    path = coco_file(tmp_path, [(1, 1), (2, 1)], categories=[*CATEGORIES, {"id": 9, "name": "net"}])
    with pytest.raises(InputError, match="'net'"):
        read_labels(path, BASE)


@pytest.mark.parametrize("what", ["folder", "missing"])
def test_what_is_no_file_is_refused(tmp_path: Path, what: str) -> None:
    with pytest.raises(InputError, match="expected"):
        read_labels(tmp_path if what == "folder" else tmp_path / "none.json", BASE)


def images(*names: str, video: str = "") -> list[CocoImage]:
    return [CocoImage(i, name, (8, 8), video=video) for i, name in enumerate(names, start=1)]


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("vid_000012_frame0000031.jpg", "./vid_000012"),
        ("dive1/a-0031.png", "dive1/a"),
        ("dive1/0031.png", "dive1/"),
        ("GX01 frame 7.jpg", "./GX01"),
    ],
)
def test_the_video_of_a_frame_is_its_name_without_the_number(name: str, video: str) -> None:
    assert video_of(images(name)[0]) == video


def test_the_video_in_the_file_counts_more_than_the_name() -> None:
    assert video_of(images("a_1.png", video="dive 3")[0]) == "dive 3"


def test_whole_videos_are_held_out_and_each_image_once() -> None:
    names = [
        f"{video}_{frame}.png"
        for video, frames in (("a", 5), ("b", 2), ("c", 2), ("d", 1))
        for frame in range(frames)
    ]
    turns = turns_of(images(*names), 3)
    assert sorted(name for fold in turns.folds for name in fold) == sorted(names)
    assert turns.unit == "video"
    for video in "abcd":
        assert sum(any(name.startswith(video) for name in fold) for fold in turns.folds) == 1
    assert max(len(fold) for fold in turns.folds) == 5


def test_neighbouring_frames_of_few_videos_stay_together() -> None:
    names = [f"a_{frame}.png" for frame in range(7)]
    turns = turns_of(images(*reversed(names)), 3)
    assert turns.folds == (("a_0.png", "a_1.png"), ("a_2.png", "a_3.png"), ("a_4.png", "a_5.png", "a_6.png"))
    assert turns.unit == "image"
    assert len(set(turns.group_of.values())) == 7


def test_two_images_make_two_turns() -> None:
    assert turns_of(images("a.png", "b.png"), 3).folds == (("a.png",), ("b.png",))
