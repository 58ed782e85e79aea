"""Track objects from frame to frame, through gaps and the camera's motion."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from seasift.core.errors import InputError
from seasift.core.instances import Instances
from seasift.core.types import Bool, Int64, UInt8
from seasift.tracking.association import Overlaps, assign, below, similarities, twins_of
from seasift.tracking.camera import CameraView
from seasift.tracking.track import Track, TrackSummary


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


SCHEMA = "seasift-tracker/2"
_PATIENT_STEPS = 2.5  # a track may be missing for this many usual steps, however small `max_age_s` is
_STEP_MEMORY = 0.9
# Standard deviations around the predicted position, first and last round; the last is for confirmed tracks.
_NEAR, _FAR = 1.0, 2.5


@dataclass(frozen=True, eq=False)
class Step:
    """Results of a frame.

    Attributes:
        ids: (N,) int64, the track of each observation, from its first one on; 0 for an observation without a track: it is
            too weak to begin one, or another observation of this frame represents the same object.
        confirmed: tracks that count from now on, with their earlier observations; each is listed once.
        votes: (N,) int64, for each observation with id 0 the track for whose class it votes, because another observation
            of this frame represents the same object; else 0.
        merged: pairs (gone, into) of tracks that are one object, in this order. All observations of `gone` belong to
            `into`, earlier frames included; `gone` never appears again. If both have an observation of a frame, the one
            with the higher score represents the object and the other one votes.
        summaries: summaries of ended tracks; one that is not confirmed by then never counts.
    """

    ids: Int64
    confirmed: tuple[int, ...] = ()
    summaries: tuple[TrackSummary, ...] = ()
    votes: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    merged: tuple[tuple[int, int], ...] = ()

    @property
    def ended(self) -> tuple[int, ...]:
        """Ended tracks, which get no more observations."""
        return tuple(summary.id for summary in self.summaries)


class Tracker:
    """Track objects through frames in order of time. Memory grows with visible objects, not with the dive.

    Source: association in rounds, strong observations before weak ones, is ByteTrack's (Zhang et al. 2022), a last
    one that searches further is C-BIoU's (Yang et al. 2023);
    motion is SORT's (Bewley et al. 2016) with the camera's motion undone as in BoT-SORT (Aharon et al. 2022); the last
    observed position is a second prediction besides the motion model, as in OC-SORT (Cao et al. 2023).
    One object is one track: second opinions of a frame are grouped first, and tracks that overlap are merged.
    """

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        self._tracks: list[Track] = []
        self._next_id = 1
        self._time_s: float | None = None
        self._usual_step_s: float | None = None
        self._view: CameraView | None = None
        self._overlaps = Overlaps()

    def step(self, instances: Instances, image_rgb_u8: UInt8 | CameraView, time_s: float) -> Step:
        """Process the next frame.

        Args:
            instances: objects in the frame, including weak ones down to `low_score`.
            image_rgb_u8: (H, W, 3), for the camera's motion; or what `CameraView.of` makes of it.
            time_s: presentation time on the dive's clock; steps may have any length.
        Raises:
            InputError: a time before that of the previous frame, or not a number.
        """
        step_s = self._step_s(time_s)
        merged, confirmed, summaries = self._end(self._lost(time_s, step_s))
        self._predict(step_s, instances, image_rgb_u8)
        self._time_s = time_s
        ids = np.zeros(len(instances), np.int64)
        seen = instances if self.settings.use_masks else replace(instances, masks=None)
        some = np.flatnonzero(instances.scores >= self.settings.low_score)
        twins = twins_of(seen, some, self.settings.duplicate_overlap)
        strong = (instances.scores >= self.settings.start_score) & (twins < 0)
        weak = ~strong & (instances.scores >= self.settings.low_score) & (twins < 0)
        for candidates, reach in ((strong, _NEAR), (weak, _NEAR), (strong, _FAR)):
            self._associate(seen, candidates & (ids == 0), reach, ids, time_s)
        self._begin(seen, strong, twins, ids, time_s)
        votes = self._vote(seen, twins, ids)
        merged += self._merge_seen(seen, ids, votes)
        return Step(ids, confirmed + self._confirm(), summaries, votes, tuple(merged))

    def finish(self) -> Step:
        """End all tracks: at the end of the dive, or before footage of another place."""
        merged, confirmed, summaries = self._end({track.id for track in self._tracks})
        self._time_s, self._usual_step_s, self._view = None, None, None
        none = np.zeros(0, np.int64)
        return Step(none, confirmed, summaries, none, tuple(merged))

    def summary_of(self, track_id: int) -> TrackSummary:
        """Summary of a current track.

        Raises:
            KeyError: it has ended, or never existed.
        """
        for track in self._tracks:
            if track.id == track_id:
                return track.summary()
        raise KeyError(track_id)

    def state(self) -> dict[str, Any]:
        """All state that later steps depend on, as plain values for JSON."""
        return {
            "schema": SCHEMA,
            "settings": self.settings.to_json(),
            "tracks": [track.to_json() for track in self._tracks],
            "overlaps": self._overlaps.to_json(),
            "next_id": self._next_id,
            "time_s": self._time_s,
            "usual_step_s": self._usual_step_s,
            "view": None if self._view is None else self._view.to_json(),
        }

    @classmethod
    def restore(cls, settings: TrackerSettings, state: dict[str, Any]) -> Tracker:
        """A tracker that resumes exactly at a saved `state`.

        Raises:
            InputError: the state has another version or other settings.
        """
        if state.get("schema") != SCHEMA or state["settings"] != settings.to_json():
            raise InputError(
                f"tracking: a saved state of schema {state.get('schema')!r} and settings {state.get('settings')}; "
                f"expected {SCHEMA!r} and {settings.to_json()}. Start the dive afresh."
            )
        tracker = cls(settings)
        tracker._tracks = [Track.from_json(entry) for entry in state["tracks"]]
        tracker._overlaps = Overlaps.from_json(state["overlaps"])
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

    def _lost(self, time_s: float, step_s: float) -> set[int]:
        """Tracks that have been out of sight for too long."""
        if self._time_s is None:
            return set()
        usual = step_s if self._usual_step_s is None else self._usual_step_s
        self._usual_step_s = _STEP_MEMORY * usual + (1 - _STEP_MEMORY) * step_s

        def lost(track: Track) -> bool:
            # A single long step must not end a track that was visible right before it.
            tried = track.confirmed or track.last_s == self._time_s
            max_age_s = self.settings.max_age_s if tried else self.settings.probation_max_age_s
            return time_s - track.last_s > max(max_age_s, _PATIENT_STEPS * usual)

        return {track.id for track in self._tracks if lost(track)}

    def _end(self, lost: set[int]) -> tuple[list[tuple[int, int]], tuple[int, ...], tuple[TrackSummary, ...]]:
        """End tracks, except those that match a visible track. Returns merged, confirmed, ended."""
        merged: list[tuple[int, int]] = []
        in_sight = {track.id for track in self._tracks} - lost
        given = self.settings
        while pair := self._overlaps.closest(
            given.merge_overlap, lost, frames=1, near_frames=given.merge_observations
        ):
            into, gone = pair
            if not lost.issuperset(pair):
                lost -= {into, gone}
                in_sight = in_sight - {gone} | {into}
            else:
                lost = lost - {gone}
            self._merge(gone, into)
            merged.append((gone, into))
        confirmed = self._confirm()
        ended = tuple(track.summary() for track in self._tracks if track.id in lost)
        self._tracks = [track for track in self._tracks if track.id not in lost]
        self._overlaps.drop(lost)
        return merged, confirmed, ended

    def _merge_seen(self, seen: Instances, ids: Int64, votes: Int64) -> list[tuple[int, int]]:
        """Merge tracks that overlap over several frames; updates `ids` and `votes` of this frame."""
        shown = {int(ids[i]): int(i) for i in np.flatnonzero(ids)}
        here = np.array([track.id in shown for track in self._tracks], bool)
        boxes = [track.box_xyxy if track.id in shown else track.motion.box_xyxy for track in self._tracks]
        self._overlaps.add(
            np.array([track.id for track in self._tracks], np.int64),
            here,
            np.array(boxes, np.float64).reshape(-1, 4),
            [track.mask for track in self._tracks],
        )
        merged: list[tuple[int, int]] = []
        least, frames = self.settings.merge_overlap, self.settings.merge_observations
        while pair := self._overlaps.closest(least, shown.keys(), frames=frames, near_frames=frames):
            into, gone = pair
            self._merge(gone, into)
            merged.append((gone, into))
            votes[votes == gone] = into
            ids[ids == gone] = into
            both = np.flatnonzero(ids == into)
            if len(both) > 1:
                second = both[np.argmin(seen.scores[both])] if len(set(seen.scores[both])) > 1 else both[1]
                ids[second], votes[second] = 0, into
        return merged

    def _merge(self, gone: int, into: int) -> None:
        """Merge two tracks; the earlier number is kept."""
        first, second = (next(track for track in self._tracks if track.id == each) for each in (into, gone))
        first.absorb(second, self._overlaps.shared(gone, into))
        self._tracks.remove(second)
        self._overlaps.merge(gone, into)

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
        """Assign observations to tracks that have none in this frame."""
        taken = set(ids.tolist())
        free = [
            track for track in self._tracks if track.id not in taken and (track.confirmed or reach == _NEAR)
        ]
        indices = np.flatnonzero(candidates)
        for row, column in assign(similarities(free, seen, indices, reach), self.settings.min_similarity):
            index = int(indices[column])
            ids[index] = free[row].id
            free[row].see(seen, index, time_s)

    def _begin(self, seen: Instances, strong: Bool, twins: Int64, ids: Int64, time_s: float) -> None:
        """Begin tracks with unassigned observations; one that overlaps a track is a second opinion."""
        for i in np.flatnonzero(strong & (ids == 0)).tolist():
            twins[i] = below(seen, i, np.flatnonzero(ids), self.settings.merge_overlap)
            if twins[i] < 0:
                ids[i] = self._next_id
                self._tracks.append(Track.begin(self._next_id, seen, i, time_s))
                self._next_id += 1

    def _vote(self, seen: Instances, twins: Int64, ids: Int64) -> Int64:
        """Let second opinions vote, each class once per frame and track: (N,) the track; 0 for none."""
        votes = np.zeros(len(seen), np.int64)
        tracks = {track.id: track for track in self._tracks}
        done = {(int(ids[i]), int(seen.class_ids[i])) for i in np.flatnonzero(ids)}
        for i in np.argsort(-seen.scores, kind="stable").tolist():
            if twins[i] < 0 or not ids[twins[i]]:
                continue
            key = int(ids[twins[i]]), int(seen.class_ids[i])
            if key not in done:
                done.add(key)
                votes[i] = key[0]
                tracks[key[0]].vote(key[1], float(seen.scores[i]))
        return votes

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
