"""Footage like the training images, and footage unlike them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from seasift.core.types import Float64, UInt8
from seasift.inference.predictor import NAMES, image_statistics
from seasift.survey.drift import UNLIKE, Reference, reference_of

CLIPS = Path(__file__).parents[2] / "examples" / "footage"


def sea_floor(video: int, frame: int) -> UInt8:
    """Greenish mud with some stones and noise; each video has a light and a tint of its own."""
    rng = np.random.default_rng([video, frame])
    tint = np.random.default_rng(video).uniform(-12, 12, 3)
    base = np.array([70, 105, 95]) + tint
    image = np.tile(base, (90, 160, 1)) + rng.normal(0, 6, (90, 160, 1))
    for _ in range(6):
        x, y = rng.integers(0, 160), rng.integers(0, 90)
        cv2.circle(image, (int(x), int(y)), int(rng.integers(3, 12)), (base * 0.7).tolist(), -1)
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def reference() -> Reference:
    groups = [video for video in range(30) for _ in range(5)]
    looks = np.stack([image_statistics(sea_floor(video, frame)) for video in range(30) for frame in range(5)])
    return Reference(reference_of(looks, [str(video) for video in groups], "painted"))


def score(reference: Reference, looks: list[Float64]) -> float:
    distances = [reference.distance(each) for each in looks]
    median = float(np.median([each for each in distances if each is not None]))
    return reference.drift(median, len(looks), np.mean(looks, axis=0).tolist()).score


def test_new_videos_of_the_same_kind_spread_over_all_scores(reference: Reference) -> None:
    scores = [
        score(reference, [image_statistics(sea_floor(video, k)) for k in range(5)])
        for video in range(100, 140)
    ]
    assert 0.3 < np.mean(scores) < 0.7
    assert np.mean(np.array(scores) >= UNLIKE) <= 0.25


def test_real_footage_is_unlike_painted(reference: Reference) -> None:
    from seasift.video.reading import FrameSampling, frames

    for name in ("coral.mp4", "shrimp.mp4"):
        looks = [
            image_statistics(frame.image_rgb_u8) for frame in frames(CLIPS / name, FrameSampling(frames=40))
        ]
        assert score(reference, looks) == 1.0


def test_says_what_is_furthest_off(reference: Reference) -> None:
    dark = [image_statistics(cv2.subtract(sea_floor(200, k), (55, 55, 55, 0))) for k in range(4)]
    drift = reference.drift(9.0, 4, np.mean(dark, axis=0).tolist())
    assert drift.most[0] == "brightness"
    assert drift.most[1] < -3


def test_other_statistics_give_no_score(reference: Reference) -> None:
    assert reference.distance(np.zeros(len(NAMES) + 2)) is None


def test_looks_do_not_depend_on_the_image_s_size() -> None:
    small = sea_floor(3, 1)
    large = cv2.resize(small, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    assert np.abs(image_statistics(small)[:4] - image_statistics(np.asarray(large, np.uint8))[:4]).max() < 1.0
