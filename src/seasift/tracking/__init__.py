"""Track objects from frame to frame."""

from seasift.tracking.settings import TrackerSettings
from seasift.tracking.track import TrackSummary
from seasift.tracking.tracker import Step, Tracker

__all__ = ["Step", "TrackSummary", "Tracker", "TrackerSettings"]
