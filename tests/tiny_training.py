"""A tiny data set and recipe, so that whole runs take seconds."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from seasift.core.masks import MaskCrop
from seasift.recipes.recipe import Recipe, load_recipe


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight images of bright ellipses and rectangles on dark ground; one is empty, one has a crowd."""
    folder = tmp_path_factory.mktemp("shapes")
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(1, 9):
        image = random.integers(0, 40, (72, 96, 3), dtype=np.uint8)
        for _ in range(0 if number == 8 else 2):
            centre, radius = random.integers(20, 52, 2), random.integers(8, 18, 2)
            kind = int(random.integers(0, 2))
            mask = np.zeros((72, 96), np.uint8)
            if kind:
                cv2.ellipse(mask, centre.tolist(), radius.tolist(), 0, 0, 360, 1, -1)
            else:
                cv2.rectangle(mask, (centre - radius).tolist(), (centre + radius).tolist(), 1, -1)
            image[mask > 0] = (240, 60, 60) if kind else (60, 60, 240)
            crop = MaskCrop.from_bitmap(mask)
            x1, y1, x2, y2 = crop.box_xyxy
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": (3, 7)[kind],
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": crop.area,
                    "iscrowd": int(number == 7),
                    "segmentation": crop.rle((72, 96)),
                }
            )
        name = f"vid_{number:06d}_frame0000001.png"
        cv2.imwrite(str(folder / "images" / name), image)
        images.append({"id": number, "file_name": name, "height": 72, "width": 96})
    categories = [{"id": 3, "name": "box"}, {"id": 7, "name": "ball"}]
    path = folder / "shapes.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


@pytest.fixture
def tiny(shapes: Path) -> Recipe:
    """A recipe of a few steps of a small network."""
    return load_recipe(
        "yolact-resnet50",
        [
            f"data.path={shapes.as_posix()!r}",
            "name=tiny",
            *("model.backbone=efficientnet-lite0", "model.size=96", "model.fpn_channels=16"),
            *("model.proto_channels=16", "model.prototypes=8", "model.frozen_batch_norm=false"),
            *("optimizer.name=adamw", "optimizer.lr=0.001", "schedule.warmup_steps=0"),
            *(
                "training.batch_size=3",
                "training.max_steps=6",
                "training.validate_every=3",
                "training.precision=fp32",
            ),
        ],
    )
