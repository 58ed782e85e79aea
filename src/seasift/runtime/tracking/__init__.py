"""Objects keep an identity from frame to frame."""

from seasift.runtime.tracking.settings import TrackerSettings
from seasift.runtime.tracking.tracker import Step, Tracker, TrackSummary

__all__ = ["Step", "TrackSummary", "Tracker", "TrackerSettings"]
