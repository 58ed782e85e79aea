"""Where a box will be: four filters of a value and its velocity, for any length of step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from seasift.core.types import Float64

# In sizes of the object (the root of its box's area), as SORT's descendants scale their noise.
_SEEN = 0.05  # how far a detector's box is off
_SPEED = 0.5  # how fast objects move beside the camera's motion, per second
_CREEP = 0.1  # what no velocity explains, per root of a second
_LOST_CAMERA = 0.5  # how much further the picture moves in a step whose camera motion is unknown, per second
_MEMORY_S = 1.0  # how long a velocity lasts


@dataclass(frozen=True, eq=False)
class Motion:
    """The estimate of centre x, centre y, width and height of a box, in px, and of their velocities.

    A Kalman filter of constant velocity as in SORT (Bewley et al. 2016), with steps in seconds. Differs: the velocity dies
    out with a time constant of a second (an Ornstein-Uhlenbeck process), so that an object that is out of sight
    does not fly off; the four values are filtered each by itself.

    Attributes:
        mean: (4, 2): value, velocity per second.
        cov: (4, 2, 2).
    """

    mean: Float64
    cov: Float64

    @classmethod
    def begin(cls, box_xyxy: Float64) -> Motion:
        """From the first observation."""
        values = _values(box_xyxy)
        size = _size(values)
        mean = np.stack([values, np.zeros(4)], axis=1)
        return cls(mean, np.tile(np.diag([(_SEEN * size) ** 2, (_SPEED * size) ** 2]), (4, 1, 1)))

    @property
    def box_xyxy(self) -> Float64:
        """The box, px."""
        x, y, width, height = self.mean[:, 0]
        return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])

    @property
    def doubt_px(self) -> float:
        """Standard deviation of the centre."""
        return float(math.sqrt(max(self.cov[0, 0, 0], self.cov[1, 0, 0])))

    def predicted(self, step_s: float, *, camera_known: bool = True) -> Motion:
        """The estimate a while later."""
        kept = math.exp(-step_s / _MEMORY_S)
        forward = np.array([[1.0, _MEMORY_S * (1 - kept)], [0.0, kept]])
        size = _size(self.mean[:, 0])
        creep = _CREEP**2 * step_s + (0.0 if camera_known else (_LOST_CAMERA * step_s) ** 2)
        noise = np.diag([creep * size**2, (_SPEED * size) ** 2 * (1 - kept**2)])
        mean = self.mean @ forward.T
        mean[2:, 0] = np.maximum(mean[2:, 0], 1.0)
        return Motion(mean, forward @ self.cov @ forward.T + noise)

    def moved(self, camera: Float64) -> Motion:
        """The estimate in the picture that a camera's motion (2, 3) made of this one (BoT-SORT, section 3.2)."""
        turn, shift = camera[:, :2], camera[:, 2]
        scale = math.sqrt(abs(np.linalg.det(turn)))
        mean = self.mean * scale
        mean[:2] = turn @ self.mean[:2]
        mean[:2, 0] += shift
        return Motion(mean, self.cov * scale**2)

    def updated(self, box_xyxy: Float64) -> Motion:
        """The estimate after an observation."""
        values = _values(box_xyxy)
        spread = (_SEEN * _size(values)) ** 2
        gain = self.cov[:, :, 0] / (self.cov[:, 0, 0] + spread)[:, None]
        mean = self.mean + gain * (values - self.mean[:, 0])[:, None]
        mean[2:, 0] = np.maximum(mean[2:, 0], 1.0)
        return Motion(mean, self.cov - gain[:, :, None] * self.cov[:, None, 0, :])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"mean": self.mean.tolist(), "cov": self.cov.tolist()}

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> Motion:
        """From `to_json`, exactly."""
        return cls(np.array(entry["mean"], np.float64), np.array(entry["cov"], np.float64))


def _values(box_xyxy: Float64) -> Float64:
    x1, y1, x2, y2 = (float(side) for side in box_xyxy)
    return np.array([(x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, 1.0), max(y2 - y1, 1.0)])


def _size(values: Float64) -> float:
    return math.sqrt(max(float(values[2] * values[3]), 1.0))
