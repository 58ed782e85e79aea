"""A drawn sea floor under a moving camera: footage in which it is known where each object is and which it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, Float64, Int64, SizeHW, UInt8

_FLOOR_PX = 1024
_LEAST_PX = 12  # of an object less is not seen


@dataclass(frozen=True)
class Camera:
    """Where the camera looks: the place on the floor in the middle of the frame, px of the floor; zoom; turn, radians."""

    x: float
    y: float
    zoom: float = 1.0
    turn: float = 0.0

    def to_picture(self, size_hw: SizeHW) -> Float64:
        """The similarity (2, 3) from the floor to the frame."""
        a, b = self.zoom * math.cos(self.turn), self.zoom * math.sin(self.turn)
        linear = np.array([[a, -b], [b, a]])
        shift = np.array([size_hw[1] / 2, size_hw[0] / 2]) - linear @ (self.x, self.y)
        return np.column_stack([linear, shift])


@dataclass(frozen=True)
class Thing:
    """An ellipse.

    Attributes:
        id: which it is; 0 is never found, it only covers what lies below.
        place: from seconds to x, y on the floor, px.
        radii: px.
        turn: radians.
        on_camera: it moves with the camera: places are px of the frame.
    """

    id: int
    place: Callable[[float], tuple[float, float]]
    class_id: int = 0
    radii: tuple[float, float] = (18.0, 12.0)
    turn: float = 0.0
    on_camera: bool = False


@dataclass(frozen=True, eq=False)
class TrueFrame:
    """A frame and all that is to be seen in it: instances with score 1, and which object each of them is."""

    time_s: float
    image_rgb_u8: UInt8
    instances: Instances
    ids: Int64


@dataclass(frozen=True)
class Scene:
    """A floor, things (later ones cover earlier ones) and a camera.

    Attributes:
        camera: from seconds to where the camera looks.
        contrast: of the floor, 0 to 1; 0 is thick haze.
    """

    camera: Callable[[float], Camera]
    things: tuple[Thing, ...]
    size_hw: SizeHW = (192, 256)
    contrast: float = 1.0
    seed: int = 0

    def at(self, time_s: float, floor: UInt8 | None = None) -> TrueFrame:
        """Draw the frame of a moment; give the `floor` if many are wanted."""
        height, width = self.size_hw
        view = self.camera(time_s).to_picture(self.size_hw)
        floor = self.floor() if floor is None else floor
        image = cv2.warpAffine(floor, view, (width, height), borderMode=cv2.BORDER_WRAP)
        owner = np.zeros(self.size_hw, np.int64)
        for place, thing in enumerate(self.things, start=1):
            inside = _ellipse(thing, time_s, view, self.size_hw)
            owner[inside] = place
            tone = (
                np.array([90, 90, 95])
                if thing.id == 0
                else 60 + np.array([53, 97, 71]) * (thing.id + 1) % 190
            )
            image[inside] = (0.3 * image[inside] + 0.7 * tone).astype(np.uint8)
        found = [
            (thing, MaskCrop.from_bitmap(owner == place))
            for place, thing in enumerate(self.things, start=1)
            if thing.id and np.count_nonzero(owner == place) >= _LEAST_PX
        ]
        instances = Instances(
            np.array([mask.box_xyxy for _, mask in found], np.float32).reshape(-1, 4),
            np.ones(len(found), np.float32),
            np.array([thing.class_id for thing, _ in found], np.int64),
            self.size_hw,
            tuple(mask for _, mask in found),
        )
        ids = np.array([thing.id for thing, _ in found], np.int64)
        return TrueFrame(time_s, np.asarray(image, np.uint8), instances, ids)

    def floor(self) -> UInt8:
        """Blotches of several sizes (1024, 1024, 3)."""
        rng = np.random.default_rng(self.seed)
        grey = np.zeros((_FLOOR_PX, _FLOOR_PX), np.float32)
        for cell_px, weight in ((4, 14.0), (12, 18.0), (48, 22.0)):
            side = _FLOOR_PX // cell_px
            noise = rng.standard_normal((side, side)).astype(np.float32)
            grey += weight * cv2.resize(noise, (_FLOOR_PX, _FLOOR_PX), interpolation=cv2.INTER_CUBIC)
        tint = np.array([0.7, 1.0, 1.1], np.float32)
        colours = (110 + self.contrast * grey)[..., None] * tint
        return np.asarray(np.clip(colours, 0, 255), np.uint8)


def _ellipse(thing: Thing, time_s: float, view: Float64, size_hw: SizeHW) -> Bool:
    x, y = thing.place(time_s)
    zoom, turn = 1.0, thing.turn
    if not thing.on_camera:
        x, y = view[:, :2] @ (x, y) + view[:, 2]
        zoom = math.hypot(view[0, 0], view[1, 0])
        turn += math.atan2(view[1, 0], view[0, 0])
    rows, columns = np.ogrid[: size_hw[0], : size_hw[1]]
    along = (columns - x) * math.cos(turn) + (rows - y) * math.sin(turn)
    across = (rows - y) * math.cos(turn) - (columns - x) * math.sin(turn)
    a, b = thing.radii[0] * zoom, thing.radii[1] * zoom
    return np.asarray((along / a) ** 2 + (across / b) ** 2 <= 1.0)


@dataclass(frozen=True)
class Faults:
    """How a detector errs.

    Attributes:
        missed: share of objects not found.
        weak: share found with a score of 0.15 instead of 0.6 to 0.95.
        shift: how far boxes are off, in sides.
        false: false alarms a frame, of a moment each, with scores of 0.35 to 0.7.
        confused: share found as the next of `classes`.
        doubled: share found once more, weaker and as the next of `classes`, with a box and mask that are off by a tenth of
            its sides.
    """

    missed: float = 0.0
    weak: float = 0.0
    shift: float = 0.0
    false: float = 0.0
    confused: float = 0.0
    classes: int = 2
    doubled: float = 0.0

    def seen(self, frame: TrueFrame, rng: np.random.Generator) -> Instances:
        """What such a detector finds in a frame."""
        true = frame.instances
        true = true.take(rng.random(len(true)) >= self.missed)
        scores = rng.uniform(0.6, 0.95, len(true))
        scores[rng.random(len(true)) < self.weak] = 0.15
        classes = (true.class_ids + (rng.random(len(true)) < self.confused)) % self.classes
        sides = true.boxes_xyxy[:, 2:] - true.boxes_xyxy[:, :2]
        moves = np.rint(rng.normal(0.0, 1.0, (len(true), 2)) * self.shift * sides).astype(int)
        boxes = true.boxes_xyxy + np.tile(moves, 2)
        masks = tuple(
            mask.moved(int(dx), int(dy)) for mask, (dx, dy) in zip(true.masks or (), moves, strict=True)
        )
        found = Instances(
            boxes.astype(np.float32), scores.astype(np.float32), classes.astype(np.int64), true.size_hw, masks
        )
        doubles = [self._doubled(found, rng)] if self.doubled else []
        alarms = [_alarm(true.size_hw, self.classes, rng) for _ in range(rng.poisson(self.false))]
        return Instances.joined([found, *doubles, *alarms])

    def _doubled(self, found: Instances, rng: np.random.Generator) -> Instances:
        """Second opinions about some of the objects."""
        some = found.take(rng.random(len(found)) < self.doubled)
        sides = some.boxes_xyxy[:, 2:] - some.boxes_xyxy[:, :2]
        moves = np.rint(rng.normal(0.0, 0.1, (len(some), 2)) * sides).astype(int)
        masks = tuple(
            mask.moved(int(dx), int(dy)) for mask, (dx, dy) in zip(some.masks or (), moves, strict=True)
        )
        scores = some.scores * rng.uniform(0.6, 1.0, len(some)).astype(np.float32)
        boxes = (some.boxes_xyxy + np.tile(moves, 2)).astype(np.float32)
        return Instances(boxes, scores, (some.class_ids + 1) % self.classes, some.size_hw, masks)


def _alarm(size_hw: SizeHW, classes: int, rng: np.random.Generator) -> Instances:
    height, width = (int(side) for side in rng.integers(12, 30, 2))
    x, y = int(rng.integers(0, size_hw[1] - width)), int(rng.integers(0, size_hw[0] - height))
    return Instances(
        np.array([[x, y, x + width, y + height]], np.float32),
        rng.uniform(0.35, 0.7, 1).astype(np.float32),
        rng.integers(0, classes, 1),
        size_hw,
        (MaskCrop(np.ones((height, width), dtype=bool), x, y),),
    )
