"""Which objects of consecutive TrashCan frames are the same one: truth that the data set itself does not give.

Frames are named by video and number, about one a second. Objects in two frames are linked by how well their
masks agree, as they lie in the image or with the camera's motion undone, which is found by SIFT points of
the whole frame: another method than the tracker's, on larger images. All pairs of a step are linked at once
(Jonker and Volgenant); what finds no partner may be linked over up to three seconds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from seasift.core.instances import Instances
from seasift.core.types import Float64, Int64, UInt8
from seasift.data.coco import CocoDataset, CocoImage
from seasift.evaluation.confusion import truth_of
from seasift.tracking.association import assign, overlap

GAP_S, LEAST_FRAMES = 3, 5
_NUMBERS = re.compile(r"vid_(\d+)_frame(\d+)")
_LEAST = 0.1


@dataclass(eq=False)
class Frame:
    """A frame of a sequence with its truth and, once linked, who is who."""

    image: CocoImage
    time_s: float
    true: Instances
    ids: Int64 = field(init=False)

    def __post_init__(self) -> None:
        self.ids = np.zeros(len(self.true), np.int64)


@dataclass
class Reliability:
    """How the links came to be."""

    links: int = 0
    only_one: int = 0  # the only one of its class in both frames
    overlapping: int = 0  # and masks that agree by 0.3 or more
    skipped: int = 0  # links that can be checked by leaving out the frame between
    skipped_same: int = 0


def sequences(coco: CocoDataset) -> list[list[Frame]]:
    """Runs of at least 5 frames of one video of which none comes more than 3 s after the one before."""
    videos: dict[str, list[tuple[int, CocoImage]]] = defaultdict(list)
    for image in coco.images:
        match = _NUMBERS.search(image.file_name)
        assert match, image.file_name
        videos[match[1]].append((int(match[2]), image))
    runs: list[list[Frame]] = []
    for video in sorted(videos):
        last = None
        for number, image in sorted(videos[video], key=lambda each: each[0]):
            if last is None or number - last > GAP_S or runs[-1][-1].image.size_hw != image.size_hw:
                runs.append([])
            runs[-1].append(Frame(image, float(number), truth_of(coco, image).single))
            last = number
    return [run for run in runs if len(run) >= LEAST_FRAMES]


def link(run: list[Frame], images_dir: Path, tally: Reliability) -> None:
    """Give identities to the objects of a sequence."""
    views = [_view(images_dir / frame.image.file_name, frame.true) for frame in run]
    next_id = 1
    for now, frame in enumerate(run):
        for before in range(now - 1, -1, -1):
            if frame.time_s - run[before].time_s > GAP_S:
                break
            taken = set(frame.ids[frame.ids > 0].tolist()) | _later_ids(run, before, now)
            rows = [k for k, each in enumerate(run[before].ids.tolist()) if each not in taken]
            columns = np.flatnonzero(frame.ids == 0).tolist()
            if not rows or not columns:
                continue
            score = affinity(run[before].true, frame.true, _motion(views[before], views[now]))
            for row, column in assign(score[np.ix_(rows, columns)], _LEAST):
                a, b = rows[row], columns[column]
                frame.ids[b] = run[before].ids[a]
                _tally(tally, run[before].true, frame.true, a, b, score[a, b])
        for index in np.flatnonzero(frame.ids == 0):
            frame.ids[index] = next_id
            next_id += 1
    _check_by_skipping(run, views, tally)


def _later_ids(run: list[Frame], before: int, now: int) -> set[int]:
    """Identities that were seen again after a frame: their latest sight is what is linked on."""
    return {int(each) for frame in run[before + 1 : now] for each in frame.ids}


def affinity(a: Instances, b: Instances, camera: Float64 | None) -> Float64:
    """(N, M): overlap of masks, where they lie or with the camera's motion undone; nearness counts a little.

    Labels waver: two classes may be one object if the masks agree by half. The only ones of a class may have moved
    further than their own size.
    """
    score = np.zeros((len(a), len(b)))
    assert a.masks is not None
    assert b.masks is not None
    reach = 0.2 * float(np.hypot(*a.size_hw))
    for row, column in np.ndindex(score.shape):
        size = np.sqrt(max(a.masks[row].area, 1)), np.sqrt(max(b.masks[column].area, 1))
        if not 0.5 < size[0] / size[1] < 2.0:
            continue
        same = a.class_ids[row] == b.class_ids[column]
        here, there = _middle(a, row), _middle(b, column)
        moves = [np.zeros(2)] + ([] if camera is None else [camera[:, :2] @ here + camera[:, 2] - here])
        for move in moves:
            dx, dy = (round(float(each)) for each in move)
            iou = overlap(a.masks[row].moved(dx, dy), b.masks[column])
            far = float(np.linalg.norm(here + move - there))
            near = 0.3 * max(0.0, 1 - far / 3 / max(size[0], size[1]))
            if same and far < reach and _only(a, row) and _only(b, column):
                near = max(near, 0.15)
            worth = 0.7 * iou + near if same else 0.8 * iou if iou > 0.5 else 0.0
            score[row, column] = max(score[row, column], worth)
    return score


def _only(instances: Instances, index: int) -> bool:
    return int((instances.class_ids == instances.class_ids[index]).sum()) == 1


def _middle(instances: Instances, index: int) -> Float64:
    box = instances.boxes_xyxy[index].astype(np.float64)
    return (box[:2] + box[2:]) / 2


def _view(path: Path, true: Instances) -> tuple[Float64, UInt8]:
    gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    free = np.full(gray.shape, 255, np.uint8)
    for mask in true.masks or ():
        free[mask.bitmap(true.size_hw)] = 0
    points, words = cv2.SIFT_create(500, contrastThreshold=0.01).detectAndCompute(gray, free)
    indices = np.array([point.pt for point in points], np.float32).reshape(-1, 2)
    return indices, np.zeros((0, 128), np.float32) if words is None else words


def _motion(a: tuple[Float64, UInt8], b: tuple[Float64, UInt8]) -> Float64 | None:
    if len(a[0]) < 10 or len(b[0]) < 10:
        return None
    pairs = cv2.BFMatcher().knnMatch(a[1], b[1], k=2)
    good = [first for first, second in pairs if first.distance < 0.75 * second.distance]
    if len(good) < 10:
        return None
    here, there = a[0][[m.queryIdx for m in good]], b[0][[m.trainIdx for m in good]]
    matrix, inliers = cv2.estimateAffinePartial2D(here, there, ransacReprojThreshold=3.0)
    return None if matrix is None or inliers.sum() < 10 else matrix


def _tally(tally: Reliability, a: Instances, b: Instances, row: int, column: int, score: float) -> None:
    single = _only(a, row) and _only(b, column)
    tally.links += 1
    tally.only_one += bool(single)
    tally.overlapping += bool(single and score > 0.4)


def _check_by_skipping(run: list[Frame], views: list[tuple[Float64, UInt8]], tally: Reliability) -> None:
    """Link each frame to the one after the next; that is to give the identities that two links gave."""
    for a, b, c in zip(range(len(run)), range(1, len(run)), range(2, len(run)), strict=False):
        if run[c].time_s - run[a].time_s != 2:
            continue
        through = set(run[a].ids.tolist()) & set(run[b].ids.tolist()) & set(run[c].ids.tolist())
        score = affinity(run[a].true, run[c].true, _motion(views[a], views[c]))
        partner = {int(run[a].ids[row]): int(run[c].ids[column]) for row, column in assign(score, _LEAST)}
        for each in through:
            if each in partner:
                tally.skipped += 1
                tally.skipped_same += partner[each] == each


def linked(coco: CocoDataset, images_dir: Path, tally: Reliability) -> Iterator[list[Frame]]:
    """All sequences with identities."""
    for run in sequences(coco):
        link(run, images_dir, tally)
        yield run
