"""Motion, camera and association, each by itself."""

from __future__ import annotations

from itertools import permutations

import cv2
import numpy as np
import pytest

from seasift.core.masks import MaskCrop
from seasift.data.moving import Camera, DrawnObject, Scene
from seasift.tracking.association import assign, mask_overlap
from seasift.tracking.camera import CameraView
from seasift.tracking.track import Motion
from tests.tracking.scenes import STILL, boxes


def followed(speed_px_s: float) -> Motion:
    motion = Motion.begin(np.array([0.0, 0.0, 40.0, 30.0]))
    for k in range(1, 20):
        shift = speed_px_s * 0.1 * k
        motion = motion.predicted(0.1).updated(np.array([shift, 0.0, 40.0 + shift, 30.0]))
    return motion


def test_two_short_steps_are_one_long_one() -> None:
    motion = followed(20.0)
    long, short = motion.predicted(0.8), motion.predicted(0.3).predicted(0.5)
    assert long.mean == pytest.approx(short.mean)
    assert long.cov == pytest.approx(short.cov)


def test_a_velocity_is_learned_and_dies_out() -> None:
    motion = followed(20.0)
    assert motion.mean[0, 1] == pytest.approx(20.0, abs=3.0)
    assert motion.predicted(1.0).box_xyxy[0] - motion.box_xyxy[0] > 10
    much_later = motion.predicted(1000.0)
    assert much_later.box_xyxy == pytest.approx(motion.predicted(100.0).box_xyxy)
    assert much_later.doubt_px > motion.predicted(10.0).doubt_px > motion.doubt_px


def test_a_box_moves_with_the_image() -> None:
    """A quarter turn about the origin, doubled, shifted by (100, 10)."""
    motion = Motion.begin(np.array([10.0, 20.0, 30.0, 30.0]))
    moved = motion.moved(np.array([[0.0, -2.0, 100.0], [2.0, 0.0, 10.0]]))
    assert moved.mean[:, 0] == pytest.approx([100 - 2 * 25, 10 + 2 * 20, 40, 20])
    assert moved.doubt_px == pytest.approx(2 * motion.doubt_px)


@pytest.mark.parametrize("end", [Camera(540, 500), Camera(512, 512, 1.2, 0.15), Camera(505, 520, 0.9)])
def test_the_cameras_motion_is_found(end: Camera) -> None:
    begin = Camera(512, 512)
    # Things that swim, over a fifth of the image, do not lead it astray.
    drawn_objects = tuple(
        DrawnObject(k, lambda t, k=k: (400 + 50 * k + 30 * t, 440 + 30 * k), radii=(24, 18))
        for k in range(1, 5)
    )
    scene = Scene(lambda t: end if t else begin, drawn_objects)
    frames = scene.at(0.0), scene.at(1.0)
    views = [CameraView.of(frame.image_rgb_u8, frame.instances) for frame in frames]
    found = views[0].motion_to(views[1])
    assert found is not None
    to_end, to_begin = (np.vstack([each.to_image(scene.size_hw), [0, 0, 1]]) for each in (end, begin))
    true = to_end @ np.linalg.inv(to_begin)
    corners = np.array([[0, 0, 1], [256, 0, 1], [0, 192, 1], [256, 192, 1]]).T
    assert np.abs(found @ corners - (true @ corners)[:2]).max() < 1.5


def test_burnt_in_text_does_not_hide_the_cameras_motion() -> None:
    """Footage of vehicles shows depth and time in bright letters; they stand still, the hazy floor moves."""
    scene = Scene(lambda t: Camera(512 + 9 * t, 512 - 5 * t), (), contrast=0.25)
    images = [scene.at(time_s).image_rgb_u8.copy() for time_s in (0.0, 1.0)]
    for image in images:
        for y in (15, 32, 172, 187):
            cv2.putText(image, "2026-01-19 LAT 35 DEPTH 1001 m", (4, y), 0, 0.45, (255, 255, 255))
    views = [CameraView.of(image, boxes()) for image in images]
    found = views[0].motion_to(views[1])
    assert found is not None
    assert found == pytest.approx(np.array([[1, 0, -9], [0, 1, 5]]), abs=0.6)


def test_one_thing_that_swims_is_not_the_camera() -> None:
    """Nobody told that it is an object."""
    fish = DrawnObject(1, lambda t: (500 + 6 * t, 512.0), radii=(40, 25))
    scene = Scene(lambda _: Camera(512, 512), (fish,))
    views = [CameraView.of(scene.at(time_s).image_rgb_u8, boxes()) for time_s in (0.0, 1.0)]
    found = views[0].motion_to(views[1])
    assert found is not None
    assert found == pytest.approx(np.array([[1, 0, 0], [0, 1, 0]]), abs=0.1)


def test_large_frames_are_shrunk_and_the_motion_is_of_their_pixels() -> None:
    floor = Scene(lambda _: Camera(512, 512), ()).floor()
    large = [cv2.resize(floor[100:300, x : x + 320], None, fx=4, fy=4) for x in (100, 110)]
    views = [CameraView.of(image, boxes()) for image in large]
    assert max(views[0].gray.shape) == 320
    found = views[0].motion_to(views[1])
    assert found is not None
    assert found == pytest.approx(np.array([[1, 0, -40], [0, 1, 0]]), abs=0.5)


def test_what_cannot_be_known_of_the_camera_is_not_said() -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (192, 256, 3)).astype(np.uint8) for _ in range(2)]
    black, other_size = np.zeros_like(STILL), np.ascontiguousarray(STILL[:100])
    whole = boxes((0, 0, 256, 192))
    for first, second, found in [
        (*noise, boxes()),
        (black, black, boxes()),
        (STILL, other_size, boxes()),
        (STILL, STILL, whole),
    ]:
        assert CameraView.of(first, found).motion_to(CameraView.of(second, found)) is None


def test_pairs_are_the_best_of_all_pairings() -> None:
    rng = np.random.default_rng(5)
    for rows, columns in [(1, 1), (3, 4), (4, 3), (5, 5), (2, 5)]:
        similarity = np.round(rng.random((rows, columns)), 3)
        pairs = assign(similarity, 0.35)
        assert all(similarity[pair] >= 0.35 for pair in pairs)
        wide = similarity if rows <= columns else similarity.T
        best = max(
            sum(max(wide[row, column] - 0.35, 0) for row, column in enumerate(chosen))
            for chosen in permutations(range(max(rows, columns)), min(rows, columns))
        )
        assert sum(similarity[pair] - 0.35 for pair in pairs) == pytest.approx(best)
    assert assign(np.zeros((3, 2)), 0.1) == []
    assert assign(np.zeros((0, 2)), 0.1) == []


def test_overlap_of_masks_is_that_of_bitmaps() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        a, b = (MaskCrop.from_bitmap(cv2.resize(rng.random((4, 5)), (50, 40)) > 0.5) for _ in range(2))
        box = np.array(a.box_xyxy, np.float64) + np.array([7, 3, 7, 3])
        shifted, other = a.moved(7, 3).bitmap((60, 80)), b.bitmap((60, 80))
        expected = (shifted & other).sum() / (shifted | other).sum()
        assert mask_overlap(a, box, b) == pytest.approx(expected)
