"""A tracked object, and a Kalman filter that predicts its box over steps of any length."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import Float64

# In sizes of the object (the root of its box's area), as SORT's descendants scale their noise; x, y, width, height.
_SEEN = 0.05  # error of a detector's box
_SPEED = np.array([0.5, 0.5, 0.0, 0.0])  # speed of objects relative to the camera's motion, per second
_CREEP = np.array([0.1, 0.1, 0.2, 0.2])  # random motion without velocity, per root of a second
_LOST_CAMERA = 0.5  # additional motion if the camera's motion is unknown, per second
_MEMORY_S = 3.0  # how long a velocity lasts


@dataclass(frozen=True, eq=False)
class Motion:
    """The estimate of centre x, centre y, width and height of a box, in px, and of their velocities.

    A Kalman filter of constant velocity as in SORT (Bewley et al. 2016), with steps in seconds. Differs: the velocity decays
    (an Ornstein-Uhlenbeck process, solved exactly for any step), so that an unseen object does not drift away. The four
    values are filtered separately. Width and height have no velocity: a box that shrinks while its object is occluded
    would continue to shrink.

    Attributes:
        mean: (4, 2): value, velocity per second.
        cov: (4, 2, 2).
    """

    mean: Float64
    cov: Float64

    @classmethod
    def begin(cls, box_xyxy: Float64) -> Motion:
        """Start with the first observation."""
        values = _values(box_xyxy)
        size = _size(values)
        mean = np.stack([values, np.zeros(4)], axis=1)
        cov = np.zeros((4, 2, 2))
        cov[:, 0, 0], cov[:, 1, 1] = (_SEEN * size) ** 2, (_SPEED * size) ** 2
        return cls(mean, cov)

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
        """The estimate after a time step."""
        kept = math.exp(-step_s / _MEMORY_S)
        forward = np.array([[1.0, _MEMORY_S * (1 - kept)], [0.0, kept]])
        mean = self.mean @ forward.T
        creep = _CREEP**2 * step_s + (0.0 if camera_known else (_LOST_CAMERA * step_s) ** 2)
        noise = np.zeros((4, 2, 2))
        noise[:, 0, 0] = creep + (_SPEED * _MEMORY_S) ** 2 * (2 * step_s / _MEMORY_S - 3 + 4 * kept - kept**2)
        noise[:, 0, 1] = noise[:, 1, 0] = _SPEED**2 * _MEMORY_S * (1 - kept) ** 2
        noise[:, 1, 1] = _SPEED**2 * (1 - kept**2)
        noise *= _size(self.mean[:, 0]) ** 2
        return Motion(mean, forward @ self.cov @ forward.T + noise)

    def moved(self, camera: Float64) -> Motion:
        """The estimate after a camera motion (2, 3) (BoT-SORT, section 3.2)."""
        turn, shift = camera[:, :2], camera[:, 2]
        scale = math.sqrt(abs(np.linalg.det(turn)))
        mean = self.mean * scale
        mean[:2] = turn @ self.mean[:2]
        mean[:2, 0] += shift
        return Motion(mean, self.cov * scale**2)

    def updated(self, box_xyxy: Float64) -> Motion:
        """The estimate after an observation.

        A box that is smaller than expected may be the visible part of an occluded object. The whole box may then be anywhere
        around it, so the centre moves only as far as necessary, and the size has little weight.
        """
        values = _values(box_xyxy)
        hidden = np.maximum(self.mean[2:, 0] - values[2:], 0.0)
        spread = (_SEEN * _size(self.mean[:, 0])) ** 2 + np.concatenate([hidden / 2, 2 * hidden]) ** 2
        gain = self.cov[:, :, 0] / (self.cov[:, 0, 0] + spread)[:, None]
        off = values - self.mean[:, 0]
        off[:2] = np.sign(off[:2]) * np.maximum(np.abs(off[:2]) - hidden / 2, 0.0)
        mean = self.mean + gain * off[:, None]
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


@dataclass(frozen=True)
class TrackSummary:
    """Summary of a track.

    Attributes:
        id: 1 or above; never reused.
        class_id: the class with the most votes, 0-based.
        score: the mean score of that class over all observations of the track, 0 to 1.
        confirmed: whether it was seen often enough to count.
        observations: number of frames in which it was seen.
        first_s: time of the first of them.
        last_s: time of the last of them.
    """

    id: int
    class_id: int
    score: float
    confirmed: bool
    observations: int
    first_s: float
    last_s: float


@dataclass
class Track:
    """A tracked object: its memory does not grow with its length.

    Attributes:
        motion: predicted position in the latest frame.
        box_xyxy: last observed box, px.
        mask: last observed mask.
        votes: sum of scores by class.
    """

    id: int
    motion: Motion
    box_xyxy: Float64
    mask: MaskCrop | None
    first_s: float
    last_s: float
    votes: dict[int, float] = field(default_factory=dict)
    observations: int = 1
    confirmed: bool = False

    @property
    def class_id(self) -> int:
        """The class with the most votes; the lower class on a tie."""
        return min(self.votes, key=lambda each: (-self.votes[each], each))

    @classmethod
    def begin(cls, track_id: int, seen: Instances, index: int, time_s: float) -> Track:
        """Start a track with one observation."""
        box = seen.boxes_xyxy[index].astype(np.float64)
        mask = None if seen.masks is None else seen.masks[index]
        track = cls(track_id, Motion.begin(box), box, mask, time_s, time_s)
        track.vote(int(seen.class_ids[index]), float(seen.scores[index]))
        return track

    def see(self, seen: Instances, index: int, time_s: float) -> None:
        """Add an observation of the latest frame."""
        self.box_xyxy = seen.boxes_xyxy[index].astype(np.float64)
        self.mask = None if seen.masks is None else seen.masks[index]
        self.motion = self.motion.updated(self.box_xyxy)
        self.last_s = time_s
        self.observations += 1
        self.vote(int(seen.class_ids[index]), float(seen.scores[index]))

    def vote(self, class_id: int, score: float) -> None:
        """Let an observation vote for a class."""
        self.votes[class_id] = self.votes.get(class_id, 0.0) + score

    def absorb(self, other: Track, shared: float) -> None:
        """Merge with another track of the same object; the motion is that of the longer visible one.

        Args:
            shared: number of frames that show both; these frames vote once for a class of both.
        """
        means = [
            {class_id: sum_ / track.observations for class_id, sum_ in track.votes.items()}
            for track in (self, other)
        ]
        if (other.last_s, other.observations, -other.id) > (self.last_s, self.observations, -self.id):
            self.motion, self.box_xyxy, self.mask = other.motion, other.box_xyxy, other.mask
        for class_id, sum_ in other.votes.items():
            twice = min(mean.get(class_id, 0.0) for mean in means) * shared
            self.vote(class_id, sum_ - twice)
        self.id = min(self.id, other.id)
        self.first_s, self.last_s = min(self.first_s, other.first_s), max(self.last_s, other.last_s)
        self.observations = max(
            self.observations, other.observations, round(self.observations + other.observations - shared)
        )
        self.confirmed = self.confirmed or other.confirmed

    def summary(self) -> TrackSummary:
        """The summary so far."""
        score = min(self.votes[self.class_id] / self.observations, 1.0)
        return TrackSummary(
            *(self.id, self.class_id, score, self.confirmed, self.observations, self.first_s, self.last_s)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "id": self.id,
            "motion": self.motion.to_json(),
            "box_xyxy": self.box_xyxy.tolist(),
            "mask": None if self.mask is None else _mask_to_json(self.mask),
            "first_s": self.first_s,
            "last_s": self.last_s,
            "votes": [[class_id, votes] for class_id, votes in self.votes.items()],
            "observations": self.observations,
            "confirmed": self.confirmed,
        }

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> Track:
        """From `to_json`, exactly."""
        mask = entry["mask"]
        rest = {key: entry[key] for key in ("id", "first_s", "last_s", "observations", "confirmed")}
        return cls(
            motion=Motion.from_json(entry["motion"]),
            box_xyxy=np.array(entry["box_xyxy"], np.float64),
            mask=None if mask is None else _mask_from_json(mask),
            votes={int(class_id): float(votes) for class_id, votes in entry["votes"]},
            **rest,
        )


def _mask_to_json(mask: MaskCrop) -> dict[str, Any]:
    bits = base64.b64encode(np.packbits(mask.crop).tobytes()).decode("ascii")
    return {"x0": mask.x0, "y0": mask.y0, "shape": list(mask.crop.shape), "bits": bits}


def _mask_from_json(entry: dict[str, Any]) -> MaskCrop:
    height, width = entry["shape"]
    bits = np.unpackbits(np.frombuffer(base64.b64decode(entry["bits"]), np.uint8), count=height * width)
    return MaskCrop(bits.reshape(height, width).astype(bool), entry["x0"], entry["y0"])
