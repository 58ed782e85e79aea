"""Drawn footage by name, each with one thing that makes identities hard to keep."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from seasift.core.instances import Instances
from seasift.data.moving import Camera, Faults, Scene, Thing, TrueFrame

_MIDDLE = 512.0


@dataclass(frozen=True)
class Footage:
    """A scene, the times of its frames and the detector that looks at it."""

    scene: Scene
    times_s: tuple[float, ...]
    faults: Faults
    seed: int

    def frames(self) -> Iterator[tuple[TrueFrame, Instances]]:
        """Each frame with what the detector finds in it."""
        rng = np.random.default_rng(self.seed + 1)
        floor = self.scene.floor()
        for time_s in self.times_s:
            frame = self.scene.at(time_s, floor)
            yield frame, self.faults.seen(frame, rng)


def footage(name: str, seed: int = 0) -> Footage:
    """One of `SCENES`; the seed draws places, speeds, the floor and the detector's faults."""
    rng = np.random.default_rng(seed)
    scene, faults = SCENES[name](rng, seed)
    return Footage(scene, _times(10.0, 5.0, rng), faults, seed)


def _times(length_s: float, fps: float, rng: np.random.Generator) -> tuple[float, ...]:
    """Steps of a variable frame rate: between half and one and a half times the usual."""
    steps = rng.uniform(0.5, 1.5, round(length_s * fps)) / fps
    return tuple(float(time_s) for time_s in np.cumsum(steps))


def _lying(rng: np.random.Generator, count: int, spread: tuple[float, float]) -> tuple[Thing, ...]:
    """Things on the floor around the middle that do not cover each other."""
    places: list[tuple[float, float]] = []
    while len(places) < count:
        x, y = (_MIDDLE + rng.uniform(-half, half) for half in spread)
        if all(math.hypot(x - other[0], y - other[1]) > 45 for other in places):
            places.append((x, y))
    return tuple(
        Thing(number, lambda _, place=place: place, number % 2, turn=float(rng.uniform(0, 3)))  # type: ignore[misc]
        for number, place in enumerate(places, start=1)
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
    bar = Thing(0, lambda _: (128.0, 96.0), radii=(22.0, 400.0), on_camera=True)
    swimmers = []
    for number in range(1, 5):
        y, speed, start = 440 + 35 * number, rng.uniform(20, 30), rng.uniform(390, 440)
        swimmers.append(
            Thing(number, lambda t, y=y, v=speed, x=start: (x + v * t, float(y)), 0, (13, 9))  # type: ignore[misc]
        )
    return Scene(_swinging(rng, 25, 6.0), (*swimmers, bar), seed=seed), Faults(shift=0.03)


def _crossing(rng: np.random.Generator, seed: int) -> tuple[Scene, Faults]:
    """Pairs of long things, one of each slant, glide over each other."""
    things = []
    for number in range(1, 5):
        way = 1 if number % 2 else -1
        y, speed = 470 + 80 * ((number - 1) // 2), rng.uniform(16, 22)
        things.append(
            Thing(
                number,
                lambda t, y=y, v=way * speed: (_MIDDLE + v * (t - 5), float(y)),  # type: ignore[misc]
                0,
                (26, 7),
                turn=way * 0.7,
            )
        )
    return Scene(_swinging(rng, 20, 5.0), tuple(things), seed=seed), Faults(shift=0.03)


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
    """The vehicle's own arms stay in the picture while the floor moves below."""
    arms = (
        Thing(21, lambda _: (60.0, 165.0), 1, (30, 14), -0.6, on_camera=True),
        Thing(22, lambda _: (200.0, 160.0), 1, (26, 12), 0.6, on_camera=True),
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
