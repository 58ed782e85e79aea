"""One object that is being followed."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import Float64
from seasift.runtime.tracking.motion import Motion


@dataclass(frozen=True)
class TrackSummary:
    """What is known of a track.

    Attributes:
        id: 1 or above; never given twice.
        class_id: the class with the most votes, 0-based.
        score: the mean score of that class over all observations of the track, 0 to 1.
        confirmed: seen often enough to count.
        observations: frames in which it was seen.
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
    """An object that is being followed: nothing in here grows with its length.

    Attributes:
        motion: where it is thought to be in the latest frame.
        box_xyxy: where it was seen last, px.
        mask: as it was seen last.
        votes: class to the sum of its scores.
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
        """The class with the most votes; the lower one of equals."""
        return min(self.votes, key=lambda each: (-self.votes[each], each))

    @classmethod
    def begin(cls, track_id: int, seen: Instances, place: int, time_s: float) -> Track:
        """A track of one observation."""
        box = seen.boxes_xyxy[place].astype(np.float64)
        mask = None if seen.masks is None else seen.masks[place]
        track = cls(track_id, Motion.begin(box), box, mask, time_s, time_s)
        track.vote(int(seen.class_ids[place]), float(seen.scores[place]))
        return track

    def see(self, seen: Instances, place: int, time_s: float) -> None:
        """Take an observation of the latest frame."""
        self.box_xyxy = seen.boxes_xyxy[place].astype(np.float64)
        self.mask = None if seen.masks is None else seen.masks[place]
        self.motion = self.motion.updated(self.box_xyxy)
        self.last_s = time_s
        self.observations += 1
        self.vote(int(seen.class_ids[place]), float(seen.scores[place]))

    def vote(self, class_id: int, score: float) -> None:
        """Let an observation say what the object is."""
        self.votes[class_id] = self.votes.get(class_id, 0.0) + score

    def absorb(self, other: Track, shared: float) -> None:
        """Become one with another track of the same object; the motion is that of the longer one that is in sight.

        Args:
            shared: number of frames that show both. Of a class that both have, these frames vote once.
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
        """What is known by now."""
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
