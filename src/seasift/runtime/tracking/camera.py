"""How the camera moved between two frames, seen by the sea floor."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from seasift.core.instances import Instances
from seasift.core.types import Float32, Float64, SizeHW, UInt8

_SIDE_PX = 320
_MOST_POINTS = 300
_FEWEST, _SHARE = 12, 0.4
_STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, eq=False)
class CameraView:
    """What is kept of a frame to find the camera's motion to the next one.

    Attributes:
        gray: (h, w), shrunken to a longer side of 320 px.
        points: (K, 1, 2), places outside of objects that are easy to find again.
        size_hw: of the frame, px.
    """

    gray: UInt8
    points: Float32
    size_hw: SizeHW

    @classmethod
    def of(cls, image_rgb_u8: UInt8, instances: Instances) -> CameraView:
        """Shrink a frame and choose points, none on an object: objects may move by themselves."""
        size_hw = image_rgb_u8.shape[0], image_rgb_u8.shape[1]
        scale = min(1.0, _SIDE_PX / max(size_hw))
        small_wh = max(1, round(size_hw[1] * scale)), max(1, round(size_hw[0] * scale))
        small = cv2.resize(image_rgb_u8, small_wh, interpolation=cv2.INTER_AREA)
        gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        free = np.full(gray.shape, 255, np.uint8)
        for box in instances.boxes_xyxy * scale:
            x1, y1, x2, y2 = (round(float(side)) for side in box)
            free[max(y1 - 1, 0) : max(y2 + 1, 0), max(x1 - 1, 0) : max(x2 + 1, 0)] = 0
        points = cv2.goodFeaturesToTrack(gray, _MOST_POINTS, 0.01, 5, mask=free)
        found = np.zeros((0, 1, 2)) if points is None else points
        return cls(gray, np.asarray(found, np.float32), size_hw)

    def motion_to(self, later: CameraView) -> Float64 | None:
        """The similarity (2, 3) that takes px of this frame to px of a later one; None where it is not to be seen.

        Sparse optical flow (Lucas and Kanade, with pyramids), kept where it leads back to where it began, and
        RANSAC, as in BoT-SORT (Aharon et al. 2022).
        """
        if self.size_hw != later.size_hw or len(self.points) < _FEWEST:
            return None
        guess = self.points.copy()
        there, found, _ = cv2.calcOpticalFlowPyrLK(self.gray, later.gray, self.points, guess, maxLevel=4)
        back, found_back, _ = cv2.calcOpticalFlowPyrLK(later.gray, self.gray, there, guess.copy(), maxLevel=4)
        off = np.linalg.norm(back - self.points, axis=2)
        good = ((found == 1) & (found_back == 1) & (off < 1.0)).ravel()
        if good.sum() < _FEWEST:
            return None
        matrix, inliers = cv2.estimateAffinePartial2D(
            self.points[good], there[good], ransacReprojThreshold=2.0
        )
        if matrix is None or inliers.sum() < max(_FEWEST, _SHARE * good.sum()):
            return None
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        if not 0.5 < scale < 2.0:
            return None
        motion = np.array(matrix, np.float64)
        motion[:, 2] *= max(self.size_hw) / max(self.gray.shape)
        return motion

    def to_json(self) -> dict[str, Any]:
        """Plain values; the picture as PNG."""
        png = cv2.imencode(".png", self.gray)[1].tobytes()
        return {
            "gray": base64.b64encode(png).decode("ascii"),
            "points": self.points.reshape(-1, 2).tolist(),
            "size_hw": list(self.size_hw),
        }

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> CameraView:
        """From `to_json`, exactly."""
        png = np.frombuffer(base64.b64decode(entry["gray"]), np.uint8)
        gray = np.asarray(cv2.imdecode(png, cv2.IMREAD_GRAYSCALE), np.uint8)
        points = np.array(entry["points"], np.float32).reshape(-1, 1, 2)
        height, width = entry["size_hw"]
        return cls(gray, points, (height, width))
