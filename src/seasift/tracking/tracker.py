"""Objects keep an identity from frame to frame, through gaps and the camera's motion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seasift.core.errors import InputError
from seasift.core.instances import Instances
from seasift.core.types import Bool, Int64, UInt8
from seasift.tracking.association import assign, similarities, twin_of
from seasift.tracking.camera import CameraView
from seasift.tracking.settings import TrackerSettings
from seasift.tracking.track import Track, TrackSummary

SCHEMA = "seasift-tracker/1"
_PATIENT_STEPS = 2.5  # a track may be missing for so many usual steps, however short the patience
_STEP_MEMORY = 0.9
# Standard deviations around where a track is thought to be, first and last round; the last is for confirmed ones.
_NEAR, _FAR = 1.0, 2.5


@dataclass(frozen=True, eq=False)
class Step:
    """What a frame told.

    Attributes:
        ids: (N,) int64, the track of each observation, from its first one on; 0 where it belongs to none: it is
            too weak to begin one, or another observation of this frame stands for the same object.
        confirmed: tracks that count from now on, with their earlier observations; each is told once.
        summaries: what there is to know of each track that ended; one that is not confirmed by then never counts.
    """

    ids: Int64
    confirmed: tuple[int, ...] = ()
    summaries: tuple[TrackSummary, ...] = ()

    @property
    def ended(self) -> tuple[int, ...]:
        """Tracks that ended: no later observation is theirs."""
        return tuple(summary.id for summary in self.summaries)


class Tracker:
    """Follows objects through frames in the order of time. Memory follows the objects in sight, not the dive.

    Source: association in rounds, strong observations before weak ones, is ByteTrack's (Zhang et al. 2022), a last
    one that searches further is C-BIoU's (Yang et al. 2023);
    motion is SORT's (Bewley et al. 2016) with the camera's motion undone as in BoT-SORT (Aharon et al. 2022); where
    an object was last seen is a second guess beside the motion model's, as in OC-SORT (Cao et al. 2023).
    """

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        self._tracks: list[Track] = []
        self._next_id = 1
        self._time_s: float | None = None
        self._usual_step_s: float | None = None
        self._view: CameraView | None = None

    def step(self, instances: Instances, image_rgb_u8: UInt8 | CameraView, time_s: float) -> Step:
        """Take the next frame.

        Args:
            instances: what the model found in it; also what is too weak to count, down to `low_score`.
            image_rgb_u8: (H, W, 3), for the camera's motion; or what `CameraView.of` makes of it.
            time_s: presentation time on the dive's clock; steps may have any length.
        Raises:
            InputError: a time before that of the frame before, or none at all.
        """
        step_s = self._step_s(time_s)
        lost = self._end_lost(time_s, step_s)
        self._predict(step_s, instances, image_rgb_u8)
        self._time_s = time_s
        ids = np.zeros(len(instances), np.int64)
        seen = instances if self.settings.use_masks else replace(instances, masks=None)
        strong = instances.scores >= self.settings.start_score
        weak = ~strong & (instances.scores >= self.settings.low_score)
        for candidates, reach in ((strong, _NEAR), (weak, _NEAR), (strong, _FAR)):
            self._associate(seen, candidates & (ids == 0), reach, ids, time_s)
        self._begin(seen, strong, ids, time_s)
        return Step(ids, self._confirm(), lost)

    def finish(self) -> Step:
        """End all tracks: at the end of the dive, or where footage of another place follows."""
        ended = tuple(track.summary() for track in self._tracks)
        self._tracks, self._time_s, self._usual_step_s, self._view = [], None, None, None
        return Step(np.zeros(0, np.int64), (), ended)

    def summary_of(self, track_id: int) -> TrackSummary:
        """What is known of a track that has not ended.

        Raises:
            KeyError: it has, or never was.
        """
        for track in self._tracks:
            if track.id == track_id:
                return track.summary()
        raise KeyError(track_id)

    def state(self) -> dict[str, Any]:
        """All that later steps depend on, as plain values for JSON."""
        return {
            "schema": SCHEMA,
            "settings": self.settings.to_json(),
            "tracks": [track.to_json() for track in self._tracks],
            "next_id": self._next_id,
            "time_s": self._time_s,
            "usual_step_s": self._usual_step_s,
            "view": None if self._view is None else self._view.to_json(),
        }

    @classmethod
    def restore(cls, settings: TrackerSettings, state: dict[str, Any]) -> Tracker:
        """A tracker that goes on exactly where another one was when `state` was taken.

        Raises:
            InputError: a state of another version or of other settings.
        """
        if state.get("schema") != SCHEMA or state["settings"] != settings.to_json():
            raise InputError(
                f"tracking: a saved state of schema {state.get('schema')!r} and settings {state.get('settings')}; "
                f"expected {SCHEMA!r} and {settings.to_json()}. Start the dive afresh."
            )
        tracker = cls(settings)
        tracker._tracks = [Track.from_json(entry) for entry in state["tracks"]]
        tracker._next_id = state["next_id"]
        tracker._time_s = state["time_s"]
        tracker._usual_step_s = state["usual_step_s"]
        tracker._view = None if state["view"] is None else CameraView.from_json(state["view"])
        return tracker

    def _step_s(self, time_s: float) -> float:
        if self._time_s is None:
            return 0.0
        step_s = time_s - self._time_s
        if not step_s >= 0.0:
            raise InputError(
                f"tracking: a frame at {time_s} s after one at {self._time_s} s; expected frames in the order of "
                "time. Sort them, or call finish() where another clock begins."
            )
        return step_s

    def _end_lost(self, time_s: float, step_s: float) -> tuple[TrackSummary, ...]:
        """End what has been out of sight for too long."""
        if self._time_s is None:
            return ()
        usual = step_s if self._usual_step_s is None else self._usual_step_s
        self._usual_step_s = _STEP_MEMORY * usual + (1 - _STEP_MEMORY) * step_s

        def lost(track: Track) -> bool:
            # A single long step is no fault of a track that was there right before it.
            tried = track.confirmed or track.last_s == self._time_s
            max_age_s = self.settings.max_age_s if tried else self.settings.probation_max_age_s
            return time_s - track.last_s > max(max_age_s, _PATIENT_STEPS * usual)

        ended = tuple(track.summary() for track in self._tracks if lost(track))
        self._tracks = [track for track in self._tracks if not lost(track)]
        return ended

    def _predict(self, step_s: float, instances: Instances, image_rgb_u8: UInt8 | CameraView) -> None:
        camera = None
        if self.settings.use_camera:
            given = image_rgb_u8
            view = given if isinstance(given, CameraView) else CameraView.of(given, instances)
            camera = self._view.motion_to(view) if self._view else None
            self._view = view
        for track in self._tracks:
            track.motion = track.motion.predicted(step_s, camera_known=camera is not None)
            if camera is not None:
                track.motion = track.motion.moved(camera)

    def _associate(self, seen: Instances, candidates: Bool, reach: float, ids: Int64, time_s: float) -> None:
        """Give observations to tracks that have none in this frame."""
        taken = set(ids.tolist())
        free = [
            track for track in self._tracks if track.id not in taken and (track.confirmed or reach == _NEAR)
        ]
        indices = np.flatnonzero(candidates)
        for row, column in assign(similarities(free, seen, indices, reach), self.settings.min_similarity):
            index = int(indices[column])
            ids[index] = free[row].id
            free[row].see(seen, index, time_s)

    def _begin(self, seen: Instances, strong: Bool, ids: Int64, time_s: float) -> None:
        """Begin tracks with what no track took; a second view of an object that is taken only votes."""
        for index in np.flatnonzero(strong & (ids == 0)).tolist():
            twin = twin_of(seen, index, ids, self.settings.duplicate_overlap)
            if twin is None:
                ids[index] = self._next_id
                self._tracks.append(Track.begin(self._next_id, seen, index, time_s))
                self._next_id += 1
            else:
                track = next(track for track in self._tracks if track.id == ids[twin])
                track.vote(int(seen.class_ids[index]), float(seen.scores[index]))

    def _confirm(self) -> tuple[int, ...]:
        given = self.settings
        fresh = [
            track
            for track in self._tracks
            if not track.confirmed
            and track.observations >= given.min_hits
            and track.last_s - track.first_s >= given.confirm_s
        ]
        for track in fresh:
            track.confirmed = True
        return tuple(track.id for track in fresh)
