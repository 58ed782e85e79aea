"""A pass over drawn footage whose objects are found under several classes: one track each, whatever breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seasift.core.boxes import pairwise_iou
from seasift.core.instances import Category
from seasift.data.moving import footage
from seasift.formats.tracks import TrackEntry
from seasift.survey.follow import Looked, follow
from seasift.survey.kept import Frame, Seen, Vote
from seasift.survey.naming import Naming
from seasift.survey.store import Store
from seasift.survey.tracks import entries, summary_of
from seasift.tracking import Tracker, TrackerSettings
from seasift.tracking.camera import CameraView

SETTINGS = TrackerSettings(duplicate_overlap=1.0)  # so that much is left to merge
CLASSES = [Category(id=k, name=name) for k, name in enumerate(("fish", "shell", "crab"), start=1)]


@dataclass
class Video:
    width: int = 256
    height: int = 192


@dataclass
class Drawn:
    """All that `follow` asks of a dive."""

    videos: list[Video] = field(default_factory=lambda: [Video()])
    gaps: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def looks() -> list[Looked]:
    return [
        Looked(
            *(0, k, frame.time_s, frame.time_s, found, np.zeros(3)),
            CameraView.of(frame.image_rgb_u8, found),
            crop=lambda i, k=k: f"{k} {i}".encode(),  # type: ignore[misc]
        )
        for k, (frame, found) in enumerate(list(footage("two classes", 3).frames())[:24])
    ]


class KilledError(Exception):
    pass


def survey(path: Path, looks: list[Looked], kill_at: int | None = None) -> tuple[list[TrackEntry], list[Any]]:
    """Tracks, and their images; a run that is killed goes on."""

    def looking(_: Any, after: Frame | None) -> Iterator[Looked]:
        return iter(looks[0 if after is None else after.seq + 1 :])

    def progress(frame: Frame) -> None:
        if frame.seq == kill_at:
            raise KilledError

    def run(store: Store, progress: Any) -> None:
        resume = store.resume()
        after, tracker = None, Tracker(SETTINGS)
        if resume:
            after, tracker = resume.last, Tracker.restore(SETTINGS, resume.tracker_state)
        follow(Drawn(), looking, tracker, store, after=after, commit_every=7, progress=progress)  # type: ignore[arg-type]

    if kill_at is not None:
        with pytest.raises(KilledError), Store(path, {}) as store:
            run(store, progress)
    with Store(path, {}) as store:
        run(store, None)
        naming = Naming(tuple(CLASSES))
        found = list(entries(store, naming, [(192, 256)]))
        classes = [summary_of(store, naming, track, 1).name.class_id for track in store.tracks()]
        images = [
            store.image(track, class_id) for track, class_id in zip(store.tracks(), classes, strict=True)
        ]
        return found, images


def mean_overlaps(tracks: list[TrackEntry]) -> list[float]:
    means = []
    for k, first in enumerate(tracks):
        for second in tracks[:k]:
            a, b = ({one.frame: one.box_xywh for one in track.observations} for track in (first, second))
            shared = a.keys() & b.keys()
            if shared:
                means.append(float(np.mean([iou(a[frame], b[frame]) for frame in shared])))
    return means


def iou(a: list[float], b: list[float]) -> float:
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in (a, b)], np.float32)
    return float(pairwise_iou(boxes[:1], boxes[1:])[0, 0])


def test_no_counted_tracks_lie_on_each_other_after_any_break(tmp_path: Path, looks: list[Looked]) -> None:
    unbroken = survey(tmp_path / "unbroken.sqlite", looks)
    tracks, images = unbroken
    assert len(tracks) == 5
    assert max(mean_overlaps(tracks)) <= 0.5
    assert len(set(images)) == 5
    for kill_at in (7, 16):
        assert survey(tmp_path / f"{kill_at}.sqlite", looks, kill_at) == unbroken


def test_merged_rows_are_those_of_an_oracle(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [
        Seen(
            track,
            seq,
            int(rng.integers(3)),
            float(rng.choice([0.2, 0.4, 0.6])),
            (seq, track, 9, 9),
            None,
            None,
        )
        for track in (4, 7, 9)
        for seq in range(12)
        if rng.random() < 0.7
    ]
    votes = {
        (row.track, row.seq, int(rng.integers(3))): float(rng.choice([0.1, 0.3, 0.5])) for row in rows[::2]
    }
    with Store(tmp_path / "store.sqlite", {}) as store:
        for seq in range(12):
            store.add_frame(Frame(seq, 0, seq, seq / 2, seq / 2), None, [])
        store.add_seen(rows)
        store.add_votes([Vote(*key, score) for key, score in votes.items()])
        for track, class_id, quality in ((4, 0, 0.3), (7, 0, 0.5), (7, 1, 0.2), (9, 1, 0.2)):
            one = next(row for row in rows if row.track == track)
            view = Seen(track, one.seq, class_id, 0.5, (0, 0, 9, 9), None, None)
            store.keep_image(view, quality, f"{track} {class_id}".encode())
        store.confirm([7])
        store.merge(7, 4)
        store.merge(9, 4)
        kept = {seq: [row for row in rows if row.seq == seq] for seq in range(12)}
        best = {seq: max(some, key=lambda row: (row.score, -row.track)) for seq, some in kept.items() if some}
        assert [each.box_xywh for each, _ in store.seen(4)] == [best[seq].box_xywh for seq in sorted(best)]
        expected: dict[tuple[int, int], float] = {}
        others = [(row.seq, row.class_id, row.score) for row in rows if row is not best[row.seq]]
        for seq, class_id, score in (*others, *((k[1], k[2], score) for k, score in votes.items())):
            expected[seq, class_id] = max(score, expected.get((seq, class_id), 0.0))
        assert {(vote.seq, vote.class_id): vote.score for vote in store.votes(4)} == expected
        assert [store.image(4, class_id)[1] for class_id in (0, 1)] == [b"7 0", b"7 1"]
        assert (list(store.tracks()), list(store.tracks(confirmed=False))) == ([4], [])
        store.forget([4])
        assert store.votes(4) == []
