"""One object, one class."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seasift.core.boxes import class_agnostic_nms
from seasift.core.instances import Instances


def instances(boxes: list[list[float]], classes: list[int], scores: list[float] | None = None) -> Instances:
    ranked = scores or [1 - 0.01 * index for index in range(len(boxes))]
    return Instances(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(ranked, np.float32),
        np.array(classes, np.int64),
        (100, 100),
    )


def test_a_second_opinion_about_the_same_thing_goes() -> None:
    one = [10.0, 10.0, 50.0, 30.0]
    near = [11.0, 10.0, 51.0, 31.0]
    left = class_agnostic_nms(instances([one, near, one], [4, 7, 2]))
    assert left.class_ids.tolist() == [4]


def test_two_things_of_a_class_and_things_apart_stay() -> None:
    one, near, far = [10.0, 10.0, 50.0, 30.0], [11.0, 10.0, 51.0, 31.0], [30.0, 10.0, 70.0, 30.0]
    assert len(class_agnostic_nms(instances([one, near], [4, 4]))) == 2
    assert len(class_agnostic_nms(instances([one, far], [4, 7]))) == 2  # IoU 1/3
    assert len(class_agnostic_nms(Instances.empty((10, 10), with_masks=False))) == 0


def test_what_was_left_out_leaves_nothing_else_out() -> None:
    """The middle one falls by the first; the last overlaps only the middle one."""
    first, middle, last = [0.0, 0.0, 40.0, 10.0], [8.0, 0.0, 48.0, 10.0], [16.0, 0.0, 56.0, 10.0]
    assert class_agnostic_nms(instances([first, middle, last], [1, 2, 3])).class_ids.tolist() == [1, 3]


box = st.tuples(*[st.integers(0, 8)] * 2, *[st.integers(1, 8)] * 2).map(
    lambda b: [float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[3])]
)


@given(st.lists(st.tuples(box, st.integers(0, 2)), max_size=12), st.floats(0, 1))
def test_a_threshold_before_or_after_is_the_same(
    drawn_objects: list[tuple[list[float], int]], cut: float
) -> None:
    found = instances([each for each, _ in drawn_objects], [kind for _, kind in drawn_objects])
    after, before = class_agnostic_nms(found), class_agnostic_nms(found.take(found.scores >= cut))
    np.testing.assert_array_equal(after.take(after.scores >= cut).boxes_xyxy, before.boxes_xyxy)
