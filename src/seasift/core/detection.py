"""One object of an image, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seasift.core.classes import Group, group_of
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, SizeHW


@dataclass(frozen=True)
class Category:
    """A class of objects. Its index in a model's tuple of categories is the `class_id`.

    Attributes:
        id: `category_id` as in the COCO file.
        name: as in the COCO file.
        supercategory: None if only its name tells, see `group`.
    """

    id: int
    name: str
    supercategory: Group | None = None

    @property
    def group(self) -> Group:
        """Its supercategory: the one given, else that of its name; see `core.classes.group_of`."""
        return self.supercategory or group_of(self.name)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Detection:
    """One object of an image.

    Attributes:
        name: name of its class.
        score: 0..1.
        class_id: index of the class in the model, 0-based.
        category_id: id of the class, as in the COCO file.
        box_xyxy: left, top, right, bottom in pixels of the image, right and bottom exclusive.
        mask: its mask as a crop, or None for a model without masks.
        size_hw: height and width of the image, px.

    >>> for obj in seasift.load()("frame.jpg"):
    ...     print(obj.name, round(obj.score, 2), obj.area_px)
    """

    name: str
    score: float
    class_id: int
    category_id: int
    box_xyxy: tuple[float, float, float, float]
    mask: MaskCrop | None
    size_hw: SizeHW

    @property
    def area_px(self) -> int | None:
        """Pixels of the mask; None without a mask."""
        return None if self.mask is None else self.mask.area

    @property
    def box_xywh(self) -> tuple[float, float, float, float]:
        """Left, top, width, height in pixels, rounded to 0.001 px as in written results."""
        box = np.array(self.box_xyxy)
        left, top, width, height = np.concatenate([box[:2], box[2:] - box[:2]]).round(3).tolist()
        return left, top, width, height

    def polygons(self) -> list[list[float]]:
        """Outer outlines [x1, y1, x2, y2, ...] in pixels, holes filled; the box's outline without a mask."""
        if self.mask is not None:
            return self.mask.polygons()
        x1, y1, x2, y2 = self.box_xyxy
        return [[x1, y1, x2, y1, x2, y2, x1, y2]]

    def bitmap(self) -> Bool | None:
        """The mask as an (H, W) bool array of the image's size; None without a mask."""
        return None if self.mask is None else self.mask.bitmap(self.size_hw)

    def __repr__(self) -> str:
        box = ", ".join(f"{value:.1f}" for value in self.box_xyxy)
        area = "" if self.area_px is None else f", area_px={self.area_px}"
        return f"Detection({self.name!r}, score={self.score:.3f}, box_xyxy=({box}){area})"
