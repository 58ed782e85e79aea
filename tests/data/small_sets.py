"""Small COCO data sets made by hand, in the layouts of other tools."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

SIZE_HW = (48, 64)


def image_bytes(seed: int = 0, suffix: str = ".png") -> bytes:
    """A file of noise of `SIZE_HW`; each seed gives other bytes."""
    noise = np.random.default_rng(seed).integers(0, 255, (*SIZE_HW, 3), np.uint8)
    return bytes(cv2.imencode(suffix, noise)[1])


def document(
    *file_names: str, categories: Sequence[Mapping[str, Any]] = (), **annotation: Any
) -> dict[str, Any]:
    """One object of category 1 in each image; `annotation` changes its fields."""
    return {
        "images": [
            {"id": number, "file_name": name, "height": SIZE_HW[0], "width": SIZE_HW[1]}
            for number, name in enumerate(file_names, 1)
        ],
        "categories": list(categories) or [{"id": 1, "name": "rov"}],
        "annotations": [
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "bbox": [5, 5, 20, 20],
                "area": 400,
                "iscrowd": 0,
                "segmentation": [[5, 5, 25, 5, 25, 25, 5, 25]],
                **annotation,
            }
            for number in range(1, len(file_names) + 1)
        ],
    }


def write_set(folder: Path, files: Mapping[str, Any]) -> Path:
    """Write files: bytes as they are, an int as the image of that seed, anything else as JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_bytes(content))
    return folder


def write_zip(path: Path, files: Mapping[str, Any]) -> Path:
    """The same as a zip, with names as given."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo("x")
            info.filename = name  # the constructor would turn backslashes on Windows
            archive.writestr(info, _bytes(content))
    return path


def _bytes(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    return image_bytes(content) if isinstance(content, int) else json.dumps(content).encode()
