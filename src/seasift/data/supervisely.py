"""Objects of a Supervisely annotation file: bitmaps, tags, keys that join bitmaps."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from seasift.core.errors import DatasetError
from seasift.core.masks import MaskCrop


@dataclass(frozen=True)
class OriginalObject:
    """One bitmap of an annotation file.

    Attributes:
        title: the class it was drawn as; in TrashCan rov, bio, trash or unknown.
        tags: name to value, as typed.
        mask: exact, holes kept.
        key: joins bitmaps of one image into one object; None for most.
    """

    title: str
    tags: Mapping[str, str | None]
    mask: MaskCrop
    key: str | None


def read_original(data: bytes, name: str) -> list[OriginalObject]:
    """The objects of one annotation file, in its order.

    Args:
        data: bytes of the file.
        name: of the file, for errors.
    Raises:
        DatasetError: not of the known form.
    """
    try:
        return [
            OriginalObject(
                item["classTitle"],
                {tag["name"]: tag.get("value") for tag in item["tags"]},
                decode_bitmap(item["bitmap"]["data"], item["bitmap"]["origin"]),
                item.get("instance"),
            )
            for item in json.loads(data)["objects"]
        ]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, zlib.error) as error:
        raise DatasetError(
            f"{name}: not a Supervisely annotation with bitmaps ({type(error).__name__}: {error}); expected that of "
            "the published archive. Unpack or download it again"
        ) from None


def decode_bitmap(data: str, origin: Sequence[int]) -> MaskCrop:
    """A bitmap (zlib and base64 around a PNG with alpha) with its upper left corner at `origin` (x, y).

    Raises:
        ValueError, zlib.error: not such a bitmap.
    """
    try:
        png = np.frombuffer(zlib.decompress(base64.b64decode(data, validate=True)), dtype=np.uint8)
    except binascii.Error as error:
        raise ValueError(f"a bitmap that is not base64, {error}") from None
    pixels = cv2.imdecode(png, cv2.IMREAD_UNCHANGED) if len(png) else None
    if pixels is None:
        raise ValueError("a bitmap that is not a PNG")
    drawn = (pixels[..., -1] if pixels.ndim == 3 else pixels) > 0
    return MaskCrop.from_bitmap(drawn, int(origin[0]), int(origin[1]))
