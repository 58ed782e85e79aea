"""A drawn sea floor under a moving camera: footage with the true position and identity of each object.

Each of `SCENES` has one difficulty for trackers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, Float64, Int64, SizeHW, UInt8

_FLOOR_PX = 1024
_LEAST_PX = 12  # a smaller part of an object is not visible


@dataclass(frozen=True)
class Camera:
    """The view of the camera: the point of the floor in the middle of the frame, px of the floor; zoom; turn, radians."""

    x: float
    y: float
    zoom: float = 1.0
    turn: float = 0.0

    def to_image(self, size_hw: SizeHW) -> Float64:
        """The similarity (2, 3) from the floor to the frame."""
        a, b = self.zoom * math.cos(self.turn), self.zoom * math.sin(self.turn)
        linear = np.array([[a, -b], [b, a]])
        shift = np.array([size_hw[1] / 2, size_hw[0] / 2]) - linear @ (self.x, self.y)
        return np.column_stack([linear, shift])


@dataclass(frozen=True)
class DrawnObject:
    """An ellipse.

    Attributes:
        id: identity; 0 is never found, and only covers objects below it.
        place: from seconds to x, y on the floor, px.
        radii: px.
        turn: radians.
        on_camera: it moves with the camera: positions are px of the frame.
    """

    id: int
    index: Callable[[float], tuple[float, float]]
    class_id: int = 0
    radii: tuple[float, float] = (18.0, 12.0)
    turn: float = 0.0
    on_camera: bool = False


@dataclass(frozen=True, eq=False)
class TrueFrame:
    """A frame with its visible objects: instances with score 1, and their identities."""

    time_s: float
    image_rgb_u8: UInt8
    instances: Instances
    ids: Int64


@dataclass(frozen=True)
class Scene:
    """A floor, things (later ones cover earlier ones) and a camera.

    Attributes:
        camera: from seconds to the view of the camera.
        contrast: of the floor, 0 to 1; 0 is thick haze.
    """

    camera: Callable[[float], Camera]
    drawn_objects: tuple[DrawnObject, ...]
    size_hw: SizeHW = (192, 256)
    contrast: float = 1.0
    seed: int = 0

    def at(self, time_s: float, floor: UInt8 | None = None) -> TrueFrame:
        """Draw the frame at a time; pass the `floor` to draw many."""
        height, width = self.size_hw
        view = self.camera(time_s).to_image(self.size_hw)
        floor = self.floor() if floor is None else floor
        image = cv2.warpAffine(floor, view, (width, height), borderMode=cv2.BORDER_WRAP)
        owner = np.zeros(self.size_hw, np.int64)
        for index, drawn in enumerate(self.drawn_objects, start=1):
            inside = _ellipse(drawn, time_s, view, self.size_hw)
            owner[inside] = index
            tone = (
                np.array([90, 90, 95])
                if drawn.id == 0
                else 60 + np.array([53, 97, 71]) * (drawn.id + 1) % 190
            )
            image[inside] = (0.3 * image[inside] + 0.7 * tone).astype(np.uint8)
        found = [
            (drawn, MaskCrop.from_bitmap(owner == index))
            for index, drawn in enumerate(self.drawn_objects, start=1)
            if drawn.id and np.count_nonzero(owner == index) >= _LEAST_PX
        ]
        instances = Instances(
            np.array([mask.box_xyxy for _, mask in found], np.float32).reshape(-1, 4),
            np.ones(len(found), np.float32),
            np.array([drawn.class_id for drawn, _ in found], np.int64),
            self.size_hw,
            tuple(mask for _, mask in found),
        )
        ids = np.array([drawn.id for drawn, _ in found], np.int64)
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


def _ellipse(drawn: DrawnObject, time_s: float, view: Float64, size_hw: SizeHW) -> Bool:
    x, y = drawn.index(time_s)
    zoom, turn = 1.0, drawn.turn
    if not drawn.on_camera:
        x, y = view[:, :2] @ (x, y) + view[:, 2]
        zoom = math.hypot(view[0, 0], view[1, 0])
        turn += math.atan2(view[1, 0], view[0, 0])
    rows, columns = np.ogrid[: size_hw[0], : size_hw[1]]
    along = (columns - x) * math.cos(turn) + (rows - y) * math.sin(turn)
    across = (rows - y) * math.cos(turn) - (columns - x) * math.sin(turn)
    a, b = drawn.radii[0] * zoom, drawn.radii[1] * zoom
    return np.asarray((along / a) ** 2 + (across / b) ** 2 <= 1.0)


@dataclass(frozen=True)
class Faults:
    """Errors of a detector.

    Attributes:
        missed: share of objects that are not found.
        weak: share found with a score of 0.15 instead of 0.6 to 0.95.
        shift: error of boxes, in sides.
        false: false alarms per frame, each in one frame, with scores of 0.35 to 0.7.
        confused: share found as the next of `classes`.
        doubled: share found once more, weaker and as the next of `classes`, with a box and mask shifted by a tenth of its
            sides.
    """

    missed: float = 0.0
    weak: float = 0.0
    shift: float = 0.0
    false: float = 0.0
    confused: float = 0.0
    classes: int = 2
    doubled: float = 0.0

    def seen(self, frame: TrueFrame, rng: np.random.Generator) -> Instances:
        """The objects that such a detector finds in a frame."""
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
        """Second detections of some objects."""
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


_MIDDLE = 512.0


@dataclass(frozen=True)
class DrawnFootage:
    """A scene, the times of its frames, and its detector."""

    scene: Scene
    times_s: tuple[float, ...]
    faults: Faults
    seed: int

    def frames(self) -> Iterator[tuple[TrueFrame, Instances]]:
        """Each frame with the detector's objects."""
        rng = np.random.default_rng(self.seed + 1)
        floor = self.scene.floor()
        for time_s in self.times_s:
            frame = self.scene.at(time_s, floor)
            yield frame, self.faults.seen(frame, rng)


def footage(name: str, seed: int = 0) -> DrawnFootage:
    """One of `SCENES`; the seed draws positions, speeds, the floor and the detector's errors."""
    rng = np.random.default_rng(seed)
    scene, faults = SCENES[name](rng, seed)
    return DrawnFootage(scene, _times(10.0, 5.0, rng), faults, seed)


def _times(length_s: float, fps: float, rng: np.random.Generator) -> tuple[float, ...]:
    """Steps of a variable frame rate: between 0.5 and 1.5 times the usual step."""
    steps = rng.uniform(0.5, 1.5, round(length_s * fps)) / fps
    return tuple(float(time_s) for time_s in np.cumsum(steps))


def _lying(rng: np.random.Generator, count: int, spread: tuple[float, float]) -> tuple[DrawnObject, ...]:
    """Things on the floor around the middle, without overlap."""
    indices: list[tuple[float, float]] = []
    while len(indices) < count:
        x, y = (_MIDDLE + rng.uniform(-half, half) for half in spread)
        if all(math.hypot(x - other[0], y - other[1]) > 45 for other in indices):
            indices.append((x, y))
    return tuple(
        DrawnObject(number, lambda _, index=index: index, number % 2, turn=float(rng.uniform(0, 3)))  # type: ignore[misc]
        for number, index in enumerate(indices, start=1)
    )


def _swinging(rng: np.random.Generator, reach_px: float, period_s: float) -> Callable[[float], Camera]:
    phase = rng.uniform(0, 2 * math.pi)
    return lambda t: Camera(
        _MIDDLE + reach_px * math.sin(2 * math.pi * t / period_s + phase),
        _MIDDLE + 0.5 * reach_px * math.sin(2 * math.pi * t / (1.7 * period_s)),
    )


def _pan(rng: np.random.Generator, seed: int) -> tuple[Scene, Faults]:
    return Scene(_swinging(rng, 70, 4.0), _lying(rng, 6, (110, 70)), seed=seed), Faults(shift=0.03)


def _zoom(rng: np.random.Generator, seed: int) -> tuple[Scene, Faults]:
    def camera(t: float) -> Camera:
        return Camera(_MIDDLE, _MIDDLE, 1.15 + 0.5 * math.sin(1.3 * t), 0.5 * math.sin(0.9 * t))

    return Scene(camera, _lying(rng, 6, (100, 70)), seed=seed), Faults(shift=0.03)


def _occlusion(rng: np.random.Generator, seed: int) -> tuple[Scene, Faults]:
    """Things swim behind the vehicle's frame and come out at the other side, while the camera pans."""
    bar = DrawnObject(0, lambda _: (128.0, 96.0), radii=(22.0, 400.0), on_camera=True)
    swimmers = []
    for number in range(1, 5):
        y, speed, start = 440 + 35 * number, rng.uniform(20, 30), rng.uniform(390, 440)
        swimmers.append(
            DrawnObject(number, lambda t, y=y, v=speed, x=start: (x + v * t, float(y)), 0, (13, 9))  # type: ignore[misc]
        )
    return Scene(_swinging(rng, 25, 6.0), (*swimmers, bar), seed=seed), Faults(shift=0.03)


def _crossing(rng: np.random.Generator, seed: int) -> tuple[Scene, Faults]:
    """Pairs of long things, one of each slant, glide over each other."""
    drawn_objects = []
    for number in range(1, 5):
        way = 1 if number % 2 else -1
        y, speed = 470 + 80 * ((number - 1) // 2), rng.uniform(16, 22)
        drawn_objects.append(
            DrawnObject(
                number,
                lambda t, y=y, v=way * speed: (_MIDDLE + v * (t - 5), float(y)),  # type: ignore[misc]
                0,
                (26, 7),
                turn=way * 0.7,
            )
        )
    return Scene(_swinging(rng, 20, 5.0), tuple(drawn_objects), seed=seed), Faults(shift=0.03)


def _missed(rng: np.random.Generator, seed: int) -> tuple[Scene, Faults]:
    faults = Faults(missed=0.3, weak=0.25, shift=0.05, confused=0.15)
    return Scene(_swinging(rng, 50, 6.0), _lying(rng, 6, (100, 65)), seed=seed), faults


def _false(rng: np.random.Generator, seed: int) -> tuple[Scene, Faults]:
    faults = Faults(missed=0.1, shift=0.05, false=1.5)
    return Scene(_swinging(rng, 50, 6.0), _lying(rng, 5, (100, 65)), seed=seed), faults


def _doubled(rng: np.random.Generator, seed: int) -> tuple[Scene, Faults]:
    """The detector finds most objects twice, under two of three classes."""
    faults = Faults(missed=0.1, shift=0.05, confused=0.2, classes=3, doubled=0.7)
    return Scene(_swinging(rng, 50, 6.0), _lying(rng, 5, (100, 65)), seed=seed), faults


def _arm(rng: np.random.Generator, seed: int) -> tuple[Scene, Faults]:
    """The vehicle's own arms stay in the image while the floor moves below."""
    arms = (
        DrawnObject(21, lambda _: (60.0, 165.0), 1, (30, 14), -0.6, on_camera=True),
        DrawnObject(22, lambda _: (200.0, 160.0), 1, (26, 12), 0.6, on_camera=True),
    )
    scene = Scene(_swinging(rng, 70, 4.0), (*_lying(rng, 4, (100, 50)), *arms), seed=seed)
    return scene, Faults(shift=0.03)


def _haze(rng: np.random.Generator, seed: int) -> tuple[Scene, Faults]:
    scene = Scene(_swinging(rng, 30, 6.0), _lying(rng, 6, (110, 70)), contrast=0.0, seed=seed)
    return scene, Faults(missed=0.1, shift=0.03)


SCENES: dict[str, Callable[[np.random.Generator, int], tuple[Scene, Faults]]] = {
    "pan": _pan,
    "zoom and turn": _zoom,
    "occlusion": _occlusion,
    "crossing": _crossing,
    "missed": _missed,
    "false alarms": _false,
    "two classes": _doubled,
    "arm": _arm,
    "haze": _haze,
}
