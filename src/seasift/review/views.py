"""Pictures of a track at several times, cut from the videos in one pass that goes on only when asked."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator, Sequence
from itertools import groupby

from seasift.core.errors import BadPicture, NotThere
from seasift.review.frames import Footage, instances_of
from seasift.review.tracks import Tracks
from seasift.survey.best import crop_of

_VIEWS = 8
_KEPT = 512  # JPEG files of at most 640 px
_View = tuple[int, int]  # track, place among its observations


class Views:
    """May be used by several threads; one of them decodes at a time."""

    def __init__(self, tracks: Tracks, footage: Footage) -> None:
        """Begin without any."""
        self._tracks, self._footage = tracks, footage
        self._kept: OrderedDict[_View, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._pass: tuple[int, Generator[int, None, None]] | None = None

    def places(self, track: int) -> list[int]:
        """Places of some observations of a track, evenly spaced, the first and the last among them."""
        count = self._tracks.row(track).frames
        if count <= _VIEWS:
            return list(range(count))
        return [round(k * (count - 1) / (_VIEWS - 1)) for k in range(_VIEWS)]

    def get(self, track: int, place: int) -> bytes:
        """One of these observations with some of what is around it and its outline, as JPEG.

        Raises:
            NotThere: no such one. BadPicture: its video, or the frame in it, is not there.
        """
        if place not in self.places(track):
            raise NotThere(f"track {track} has no view {place}; expected one of {self.places(track)}.")
        with self._lock:
            if (track, place) not in self._kept:
                self._go_on(track, place)
            self._kept.move_to_end((track, place))
            return self._kept[track, place]

    def _go_on(self, track: int, place: int) -> None:
        for fresh in (False, True):
            if fresh or self._pass is None or self._pass[0] != track:
                if self._pass:
                    self._pass[1].close()
                left = [each for each in self.places(track) if each >= place]
                self._pass = track, self._cut(track, left)
            for at in self._pass[1]:
                if at >= place:
                    break
            if (track, place) in self._kept:
                return
        raise BadPicture(f"track {track}: its video holds no such frame any more.")

    def _cut(self, track: int, places: Sequence[int]) -> Generator[int, None, None]:
        """Keep views, and give the place of each."""
        seen = self._tracks.entry(track).observations
        names = [category.name for category in self._tracks.header.categories]
        class_id = names.index(self._tracks.row(track).name)
        for video, group in groupby(places, key=lambda place: seen[place].video):
            at = {(seen[place].frame, seen[place].time_s): place for place in group}
            for wanted, picture in self._footage.pictures(video, list(at)):
                size_hw = picture.shape[0], picture.shape[1]
                instances = instances_of(seen[at[wanted]], class_id, size_hw)
                self._kept[track, at[wanted]] = crop_of(picture, instances, 0)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
                yield at[wanted]
