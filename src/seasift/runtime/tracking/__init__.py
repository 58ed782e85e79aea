"""Objects keep an identity from frame to frame."""

from seasift.runtime.tracking.settings import TrackerSettings
from seasift.runtime.tracking.track import TrackSummary
from seasift.runtime.tracking.tracker import Step, Tracker

__all__ = ["Step", "TrackSummary", "Tracker", "TrackerSettings"]
