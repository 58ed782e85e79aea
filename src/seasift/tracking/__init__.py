"""Track objects from frame to frame."""

from seasift.tracking.track import TrackSummary
from seasift.tracking.tracker import Step, Tracker, TrackerSettings

__all__ = ["Step", "TrackSummary", "Tracker", "TrackerSettings"]
