"""A tiny archive with TrashCan's layout and oddities, drawn by this code; no real image is in it."""

from __future__ import annotations

import base64
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from seasift.core.image import encode_image

Bitmap = npt.NDArray[np.bool_]
HEIGHT, WIDTH = 40, 60
CLASSES = {
    "instance": ("rov", "plant", "animal_fish", "trash_bag", "trash_unknown_instance"),
    "material": ("rov", "plant", "animal_fish", "trash_plastic", "trash_etc"),
}


@dataclass
class FakeObject:
    """One bitmap with tags, and what the published files make of it (None: left out)."""

    mask: Bitmap
    title: str
    tags: dict[str, str | None]
    instance: str | None
    material: str | None
    key: str | None = None


@dataclass
class FakeImage:
    """`joined` lists, for each published object, the bitmaps that it is made of."""

    name: str
    objects: list[FakeObject]
    joined: list[list[int]] = field(default_factory=list)

    def published(self, label_set: str) -> list[tuple[str, Bitmap]]:
        groups = self.joined or [[i] for i in range(len(self.objects))]
        found = []
        for group in groups:
            label = getattr(self.objects[group[0]], label_set)
            if label is not None:
                found.append((label, np.logical_or.reduce([self.objects[i].mask for i in group])))
        return found


def box(x: int, y: int, width: int, height: int) -> Bitmap:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[y : y + height, x : x + width] = True
    return mask


def ring() -> Bitmap:
    return box(20, 10, 15, 15) & ~box(25, 15, 5, 5)


def images() -> list[FakeImage]:
    rov = [FakeObject(box(x, 2, 8, 9), "rov", {}, "rov", "rov", "77") for x in (0, 12, 24)]
    bag = FakeObject(
        ring(), "trash", {"instance": "bags", "material": "plastic"}, "trash_bag", "trash_plastic"
    )
    return [
        FakeImage("vid_000001_frame0000001.jpg", [bag]),
        FakeImage(
            "vid_000001_frame0000002.jpg",
            [
                FakeObject(box(1, 1, 9, 9), "bio", {"animal": "fish"}, "animal_fish", "animal_fish"),
                FakeObject(box(30, 20, 9, 9), "trash", {}, None, "trash_etc"),
                FakeObject(box(12, 25, 9, 9), "unknown", {}, "trash_unknown_instance", "trash_etc"),
            ],
        ),
        FakeImage("vid_000002_frame0000001.jpg", [rov[0], bag, rov[1]], [[0, 2], [1]]),
        # Three of one key become two, and the bag behind them is lost.
        FakeImage(
            "vid_000002_frame0000002.jpg", [*rov, bag, _plant(box(40, 25, 10, 10))], [[0, 1], [0, 2], [4]]
        ),
        FakeImage("vid_000003_frame0000001.jpg", []),
        FakeImage("vid_000004_frame0000001.jpg", [_plant(box(3, 3, 12, 12))]),
    ]


def _plant(mask: Bitmap) -> FakeObject:
    return FakeObject(mask, "bio", {"plant": None}, "plant", "plant")


SPLITS = {
    "instance": {"train": [0, 1, 2, 4], "val": [3, 5]},
    "material": {"train": [0, 3, 4, 5], "val": [1, 2]},
}


def files(*, repeated: bool = False, material_images: bool = False) -> dict[str, bytes]:
    """The archive as path to bytes."""
    drawn = images()
    random = np.random.default_rng(0)
    found: dict[str, bytes] = {}
    for index, image in enumerate(drawn):
        data = encode_image(random.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8), ".jpg")
        split = "train" if index in SPLITS["instance"]["train"] else "val"
        found[f"dataset/instance_version/{split}/{image.name}"] = data
        if repeated:
            found[f"dataset/original_data/images/{image.name}"] = data
        if material_images:
            split = "train" if index in SPLITS["material"]["train"] else "val"
            found[f"dataset/material_version/{split}/{image.name}"] = data
        original = json.dumps(_original(image)).encode()
        found[f"dataset/original_data/annotations/{image.name}.json"] = original
    for label_set, splits in SPLITS.items():
        start = 0
        for split, indices in splits.items():
            document = _coco([drawn[i] for i in indices], label_set, start)
            path = f"dataset/{label_set}_version/instances_{split}_trashcan.json"
            found[path] = json.dumps(document).encode()
            start += 100
    return found


def write_zip(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def write_folder(path: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def tables() -> dict[str, dict[str, tuple[int, int]]]:
    """What the README of this archive would say."""
    drawn = images()
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    for label_set, splits in SPLITS.items():
        labels = {
            split: [label for i in indices for label, _ in drawn[i].published(label_set)]
            for split, indices in splits.items()
        }
        counts[label_set] = {
            name: (labels["train"].count(name), labels["val"].count(name)) for name in CLASSES[label_set]
        }
    return counts


def schemes() -> dict[str, dict[str, list[str]]]:
    names = [image.name for image in images()]
    official = {
        f"official-{label_set}": {split: [names[i] for i in indices] for split, indices in splits.items()}
        for label_set, splits in SPLITS.items()
    }
    by_video = {"train": names[:4], "val": names[4:5], "test": names[5:]}
    by_dive = {"train": names[:2], "val": [names[2], names[3], names[5]]}
    return {**official, "leak-free": by_video, "dive-free": by_dive}


def _original(image: FakeImage) -> dict[str, Any]:
    return {
        "size": {"height": HEIGHT, "width": WIDTH},
        "objects": [
            {
                "classTitle": drawn.title,
                "tags": [{"name": name, "value": value} for name, value in drawn.tags.items()],
                "bitmap": encode_bitmap(drawn.mask),
                **({"instance": drawn.key} if drawn.key else {}),
            }
            for drawn in image.objects
        ],
    }


def encode_bitmap(mask: Bitmap) -> dict[str, Any]:
    """As Supervisely does: the cut-out as a PNG with alpha, zlib, base64."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    alpha = mask[y : y + height, x : x + width].astype(np.uint8) * 255
    png = cv2.imencode(".png", np.dstack([np.full_like(alpha, 255)] * 3 + [alpha]))[1].tobytes()
    return {"data": base64.b64encode(zlib.compress(png)).decode(), "origin": [x, y]}


def _coco(chosen: list[FakeImage], label_set: str, start: int) -> dict[str, Any]:
    images, annotations = [], []
    for number, image in enumerate(chosen, start + 1):
        images.append({"id": number, "file_name": image.name, "height": HEIGHT, "width": WIDTH})
        for label, mask in image.published(label_set):
            x, y, width, height = (int(value) for value in cv2.boundingRect(mask.astype(np.uint8)))
            # Published polygons are shifted by one pixel and filled; one rectangle will do here.
            left, top, right, bottom = x + 1, y + 1, x + width + 1, y + height + 1
            annotations.append(
                {
                    "id": 1000 * (start + 1) + len(annotations),
                    "image_id": number,
                    "category_id": CLASSES[label_set].index(label) + 1,
                    "bbox": [left, top, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                    "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
                }
            )
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES[label_set], 1)]
    return {"images": images, "annotations": annotations, "categories": categories}
