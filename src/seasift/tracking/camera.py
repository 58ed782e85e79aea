"""Estimate the camera's motion between two frames from the sea floor."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from seasift.core.instances import Instances
from seasift.core.types import Float32, Float64, Int64, SizeHW, UInt8

_SIDE_PX = 320
_MOST_POINTS = 300
_FEWEST, _SHARE = 12, 0.4  # points, and share of them, that must agree on a motion
_ALIKE = 0.75
_PARTS = 4
_MOVED_PX, _WIDE = 1.0, 0.08
_NOWHERE = np.zeros((0, 2), np.float32)


@dataclass(frozen=True, eq=False)
class CameraView:
    """Data of a frame, to find the camera's motion to the next one.

    Attributes:
        gray: (h, w), shrunken to a longer side of 320 px.
        taken: (N, 4) boxes of objects, px of `gray`: objects may move by themselves.
        size_hw: height and width of the frame, px.
    """

    gray: UInt8
    taken: Int64
    size_hw: SizeHW

    @classmethod
    def of(cls, image_rgb_u8: UInt8, instances: Instances) -> CameraView:
        """Shrink a frame."""
        size_hw = image_rgb_u8.shape[0], image_rgb_u8.shape[1]
        scale = min(1.0, _SIDE_PX / max(size_hw))
        small_wh = max(1, round(size_hw[1] * scale)), max(1, round(size_hw[0] * scale))
        small = cv2.resize(image_rgb_u8, small_wh, interpolation=cv2.INTER_AREA)
        # Haze leaves little contrast, and burnt-in text has all of it.
        even = cv2.createCLAHE(3.0, (8, 8)).apply(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
        outwards = np.array([-1, -1, 1, 1])
        taken = np.rint(instances.boxes_xyxy * scale).astype(np.int64) + outwards
        return cls(np.asarray(even, np.uint8), np.maximum(taken, 0), size_hw)

    @cached_property
    def free(self) -> UInt8:
        """(h, w): 255 where there is no object."""
        free = np.full(self.gray.shape, 255, np.uint8)
        for x1, y1, x2, y2 in self.taken:
            free[y1:y2, x1:x2] = 0
        return free

    @cached_property
    def landmarks(self) -> tuple[Float32, Float32]:
        """Landmarks (K, 2) with their descriptors (K, 128)."""
        points, words = cv2.SIFT_create(_MOST_POINTS, contrastThreshold=0.01).detectAndCompute(  # type: ignore[attr-defined]
            self.gray, self.free
        )
        if words is None:
            return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
        return np.array([point.pt for point in points], np.float32), words

    def motion_to(self, later: CameraView) -> Float64 | None:
        """The similarity (2, 3) that maps px of this frame to px of a later one; None if not found.

        Uses sparse optical flow and RANSAC, as in BoT-SORT (Aharon et al. 2022), and SIFT landmarks for steps that are too long
        for optical flow.
        """
        if self.size_hw != later.size_hw:
            return None
        matrix = _camera_motion(*self._flow(later))
        if matrix is None:
            matrix = _camera_motion(*self._matches(later))
        if matrix is None:
            return None
        matrix[:, 2] *= max(self.size_hw) / max(self.gray.shape)
        return matrix

    def _flow(self, later: CameraView) -> tuple[Float32, Float32]:
        """Corners tracked by Lucas and Kanade's method, if tracking back returns to the start."""
        here = self._corners()
        if not len(here):
            return _NOWHERE, _NOWHERE
        there, found, _ = cv2.calcOpticalFlowPyrLK(self.gray, later.gray, here, here.copy(), maxLevel=4)
        back, found_back, _ = cv2.calcOpticalFlowPyrLK(later.gray, self.gray, there, there.copy(), maxLevel=4)
        good = ((found == 1) & (found_back == 1)).ravel() & (np.linalg.norm(back - here, axis=2) < 1).ravel()
        return here[good, 0], np.asarray(there, np.float32)[good, 0]

    def _corners(self) -> Float32:
        """Corners (K, 1, 2), some in each part of the image, so that text at its edges does not dominate."""
        found = [np.zeros((0, 1, 2), np.float32)]
        height, width = self.gray.shape
        rows, columns = (
            np.linspace(0, height, _PARTS + 1, dtype=int),
            np.linspace(0, width, _PARTS + 1, dtype=int),
        )
        for y1, y2 in pairwise(rows.tolist()):
            for x1, x2 in pairwise(columns.tolist()):
                if y2 - y1 < 8 or x2 - x1 < 8:
                    continue
                part, free = self.gray[y1:y2, x1:x2], self.free[y1:y2, x1:x2]
                corners = cv2.goodFeaturesToTrack(part, _MOST_POINTS // _PARTS**2, 0.05, 5, mask=free)
                if corners is not None:
                    found.append(np.asarray(corners, np.float32) + np.array([x1, y1], np.float32))
        return np.concatenate(found)

    def _matches(self, later: CameraView) -> tuple[Float32, Float32]:
        """Unambiguous matches of landmarks in both frames (Lowe 2004)."""
        (here, words), (there, later_words) = self.landmarks, later.landmarks
        if len(here) < 2 or len(there) < 2:
            return _NOWHERE, _NOWHERE
        both = cv2.BFMatcher().knnMatch(words, later_words, k=2)
        pairs = [(a.queryIdx, a.trainIdx) for a, b in both if a.distance < _ALIKE * b.distance]
        rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
        return here[rows], there[columns]

    def to_json(self) -> dict[str, Any]:
        """Plain values; the image as PNG."""
        png = cv2.imencode(".png", self.gray)[1].tobytes()
        return {
            "gray": base64.b64encode(png).decode("ascii"),
            "taken": self.taken.tolist(),
            "size_hw": list(self.size_hw),
        }

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> CameraView:
        """From `to_json`, exactly."""
        png = np.frombuffer(base64.b64decode(entry["gray"]), np.uint8)
        gray = np.asarray(cv2.imdecode(png, cv2.IMREAD_GRAYSCALE), np.uint8)
        height, width = entry["size_hw"]
        return cls(gray, np.array(entry["taken"], np.int64).reshape(-1, 4), (height, width))


def _camera_motion(here: Float32, there: Float32) -> Float64 | None:
    """The motion (2, 3) of the floor; None if not found.

    Burnt-in text does not move with the camera. If the moving points move together all over the image, they are the floor,
    even if more points do not move.
    """
    moved = np.linalg.norm(there - here, axis=1) > _MOVED_PX
    motion, spread = _similarity(here[moved], there[moved])
    if motion is not None and spread >= _WIDE:
        return motion
    return _similarity(here, there)[0]


def _similarity(here: Float32, there: Float32) -> tuple[Float64 | None, float]:
    """The motion (2, 3) of most points, and the spread of these points in x and y, as shares of 320 px.

    None if too few agree, or the motion is implausible.
    """
    if len(here) < _FEWEST:
        return None, 0.0
    matrix, inliers = cv2.estimateAffinePartial2D(here, there, ransacReprojThreshold=2.0)
    if matrix is None or inliers.sum() < max(_FEWEST, _SHARE * len(here)):
        return None, 0.0
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if not 0.5 < scale < 2.0:
        return None, 0.0
    spread = float(np.std(here[inliers.ravel() == 1], axis=0).min()) / _SIDE_PX
    return np.array(matrix, np.float64), spread
