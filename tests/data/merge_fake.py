"""Two small data sets to merge: one with masks and fine classes, one with boxes and coarse ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from seasift.data.draw_scheme import add_scheme
from seasift.data.prepare import prepare
from seasift.data.prepared import DATASET_FILE

FINE = {3: "rov", 5: "plant", 8: "animal_fish", 9: "animal_crab", 20: "trash_bag", 21: "trash_can"}
COARSE = {1: "plastic", 2: "bio", 3: "rov", 4: "wreck", 5: "thing"}
SIZE = (60, 80)


def image(path: Path, seed: int) -> None:
    """Noise, another for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 3))


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def fine_set(folder: Path) -> Path:
    """A prepared set: videos 1 to 3 of two images each, `train` has videos 1 and 2, `val` has 3; one square each."""
    names = [f"vid_{video:06d}_frame{frame:07d}.png" for video in (1, 2, 3) for frame in (1, 2)]
    images, annotations = [], []
    for number, (name, category) in enumerate(zip(names, FINE, strict=True), 1):
        image(folder / "fine" / "images" / name, number)
        images.append({"id": 10 * number, "file_name": name, "height": SIZE[0], "width": SIZE[1]})
        box = [4 * number, 5, 20, 16]
        x, y, w, h = box
        annotations.append(
            {
                "id": 7 * number,
                "image_id": 10 * number,
                "category_id": category,
                "bbox": box,
                "area": w * h,
                "iscrowd": 0,
                "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
            }
        )
    categories = [{"id": number, "name": name} for number, name in FINE.items()]
    content = {"images": images, "annotations": annotations, "categories": categories}
    prepared, _ = prepare(write(folder / "fine" / "fine.json", content), folder / "prepared")
    add_scheme(prepared, "mine", {"train": names[:4], "val": names[4:]})
    record = json.loads((folder / "prepared" / DATASET_FILE).read_text())
    record |= {
        "group": r"vid_(\d+)_frame",
        "licence": "for tests",
        "defaults": {**record["defaults"], "split": "mine"},
    }
    write(folder / "prepared" / DATASET_FILE, record)
    return folder / "prepared"


def coarse_set(folder: Path) -> Path:
    """A COCO file: sequences a and b of two images, c of one; boxes only."""
    images, annotations = [], []
    for number, (name, video) in enumerate(
        [("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b"), ("c1", "c")], 1
    ):
        image(folder / "coarse" / "images" / f"{name}.png", 100 + number)
        images.append(
            {"id": number, "file_name": f"{name}.png", "height": SIZE[0], "width": SIZE[1], "video": video}
        )
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": number,
                "bbox": [10, 12, 30, 20],
                "iscrowd": 0,
                "segmentation": [],
            }
        )
    categories = [{"id": number, "name": name} for number, name in COARSE.items()]
    return write(
        folder / "coarse" / "coarse.json",
        {"images": images, "annotations": annotations, "categories": categories},
    )


MAP: dict[str, Any] = {
    "name": "both",
    "sources": [
        {"name": "fine"},
        {
            "name": "coarse",
            "background": "unlabelled",
            "loose_boxes": ["plastic", "bio"],
            "categories": {
                "plastic": "trash",
                "bio": ["animal", "plant"],
                "wreck": "ignore",
                "thing": "object",
            },
        },
    ],
}


def merge_map(folder: Path, **changes: Any) -> Path:
    """MAP with changed keys, as a file; those of the second source come as `coarse`, of the first as `fine`."""
    content = json.loads(json.dumps(MAP))
    content["sources"][0] |= changes.pop("fine", {})
    content["sources"][1] |= changes.pop("coarse", {})
    path = folder / "map.yaml"
    path.write_text(yaml.safe_dump(content | changes), encoding="utf-8")
    return path
