"""Settings of a tracker."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from seasift.core.errors import InputError


@dataclass(frozen=True)
class TrackerSettings:
    """Settings of a tracker. Times are in seconds, so that nothing depends on the frame rate.

    Attributes:
        start_score: minimum score of an observation to begin a track.
        low_score: minimum score of an observation to continue a track (ByteTrack's second association).
        min_similarity: a track and an observation that overlap less than this are different objects.
        min_hits: a track counts after it was seen in this many frames ...
        confirm_s: ... and for this long.
        max_age_s: a confirmed track ends after this time out of sight. If frames are further apart, it may still be missing
            in one of them.
        probation_max_age_s: the same for an unconfirmed track.
        duplicate_overlap: an observation that overlaps a better one of the same frame by more than this is the same object;
            it only votes for the class.
        merge_overlap: two tracks whose boxes or masks overlap by more than this, on average over the frames that show
            both, are one object. An observation that overlaps one that has a track by more than this begins no track.
        merge_observations: such tracks are merged after this many frames show both, and in any case at the end of
            either track.
        use_camera: estimate and undo the camera's motion.
        use_masks: compare masks, not only boxes, if available.
    """

    start_score: float = 0.2
    low_score: float = 0.1
    min_similarity: float = 0.15
    min_hits: int = 3
    confirm_s: float = 0.15
    max_age_s: float = 3.0
    probation_max_age_s: float = 0.75
    duplicate_overlap: float = 0.6
    merge_overlap: float = 0.5
    merge_observations: int = 3
    use_camera: bool = True
    use_masks: bool = True

    def __post_init__(self) -> None:
        for name in ("start_score", "low_score", "min_similarity", "duplicate_overlap", "merge_overlap"):
            _check(name, getattr(self, name), 0.0, 1.0)
        for name in ("confirm_s", "max_age_s", "probation_max_age_s"):
            _check(name, getattr(self, name), 0.0, math.inf)
        if self.low_score > self.start_score:
            raise InputError(
                f"tracking: low_score {self.low_score} is above start_score {self.start_score}; "
                "give the same or a smaller one."
            )
        if self.min_hits < 1:
            raise InputError(
                f"tracking: min_hits {self.min_hits}; expected 1 or more. "
                "1 counts every object that is seen at all."
            )
        if self.merge_observations < 1:
            raise InputError(
                f"tracking: merge_observations {self.merge_observations}; expected 1 or more. Change it."
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def _check(name: str, value: float, least: float, most: float) -> None:
    # Written so that NaN fails.
    if not (least <= value <= most and value < math.inf):
        most_words = f"from {least:g} to {most:g}" if most < math.inf else f"of {least:g} or more"
        raise InputError(f"tracking: {name} {value}; expected a number {most_words}. Change it.")
