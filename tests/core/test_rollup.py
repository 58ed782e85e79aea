"""Names by the finest level that an object is sure enough of, against values by hand and a slow oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.core.calibration import Calibration
from seasift.core.decode import YolactDecode
from seasift.core.instances import Category, Instances
from seasift.core.outputs import OUTPUTS
from seasift.core.prepare import InputSpec
from seasift.core.rollup import LEVELS, RollUp, coarse_names, level_scores, roll_up, track_scores

NAMES = ("trash_bag", "trash_net", "animal_fish", "rov", "cod")
CATEGORIES = tuple(Category(index + 1, name) for index, name in enumerate(NAMES))


def _found(class_scores: list[list[float]] | None, class_ids: list[int], scores: list[float]) -> Instances:
    count = len(scores)
    return Instances(
        np.zeros((count, 4), np.float32),
        np.array(scores, np.float32),
        np.array(class_ids, np.int64),
        (10, 10),
        class_scores=None
        if class_scores is None
        else np.array(class_scores, np.float32).reshape(count, len(NAMES)),
    )


def test_by_hand() -> None:
    found = _found(
        [
            [0.9, 0.0, 0.0, 0.0, 0.0],  # sure of the bag
            [0.5, 0.4, 0.0, 0.0, 0.0],  # bag or net: 1 - .5 x .6 = .7 trash
            [0.3, 0.0, 0.3, 0.0, 0.0],  # trash or animal: 1 - .7 x .7 = .51 object
            [0.0, 0.0, 0.0, 0.0, 0.6],  # a class whose name tells no supercategory
            [0.1, 0.0, 0.0, 0.0, 0.0],  # not sure of anything
            [0.0, 0.0, 0.4, 0.55, 0.0],  # named by its likeliest supercategory
        ],
        [0, 0, 2, 4, 0, 3],
        [0.9, 0.5, 0.3, 0.6, 0.1, 0.55],
    )
    named = roll_up(found, CATEGORIES, RollUp(0.8, 0.55, 0.5))
    assert named.names == ("trash_bag", "trash", "object", "object", "object", "vehicle")
    assert [LEVELS[level] for level in named.levels] == [
        *("class", "supercategory", "object", "object", "object", "supercategory")
    ]
    assert named.scores == pytest.approx([0.9, 0.7, 0.51, 0.6, 0.1, 0.55], abs=1e-6)
    assert named.sure.tolist() == [True, True, True, True, False, True]


def test_without_class_scores_the_own_score_stands_for_every_level() -> None:
    found = _found(None, [0, 2, 4, 3], [0.9, 0.6, 0.6, 0.1])
    named = roll_up(found, CATEGORIES, RollUp(0.8, 0.5, 0.3))
    assert named.names == ("trash_bag", "animal", "object", "object")
    assert named.sure.tolist() == [True, True, True, False]


def test_nothing_found() -> None:
    for class_scores in (None, []):
        named = roll_up(_found(class_scores, [], []), CATEGORIES, RollUp(0.5, 0.5, 0.5))
        assert (named.names, named.levels.shape, named.scores.shape) == ((), (0,), (0,))


_ROW = st.lists(st.floats(0, 1, width=32), min_size=len(NAMES), max_size=len(NAMES))


@settings(max_examples=200, deadline=None)
@given(st.lists(_ROW, max_size=6), st.tuples(*[st.floats(0, 1, width=32)] * 3))
def test_as_a_loop_does_it(rows: list[list[float]], least: tuple[float, float, float]) -> None:
    class_ids = [int(np.argmax(row)) for row in rows]
    found = _found(rows, class_ids, [max(row) for row in rows])
    at = level_scores(found, CATEGORIES)
    named = roll_up(found, CATEGORIES, RollUp(*least))
    for index, row in enumerate(rows):
        missed = {"trash": 1.0, "animal": 1.0, "vehicle": 1.0}
        nothing = 1.0
        for name, score in zip(("trash", "trash", "animal", "vehicle", ""), row, strict=True):
            nothing *= 1 - score
            if name:
                missed[name] *= 1 - score
        expected = [max(row), 1 - min(missed.values()), 1 - nothing]
        assert at.scores[index].tolist() == pytest.approx(expected, abs=1e-6)
        scores = at.scores[index].tolist()
        level = next((k for k in range(3) if scores[k] >= np.float32(least[k])), None)
        assert bool(named.sure[index]) == (level is not None)
        assert named.levels[index] == (2 if level is None else level)
        spelled = (NAMES[class_ids[index]], at.supercategories[index], "object")
        assert named.names[index] == spelled[named.levels[index]]


def _outputs(rng: np.random.Generator) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    corner = rng.random((30, 2)) * 0.7
    boxes = np.concatenate([corner, corner + 0.05 + 0.25 * rng.random((30, 2))], axis=1)
    return {
        "boxes": boxes.astype(np.float32),
        "scores": rng.random((30, len(NAMES))).astype(np.float32),
        "coefficients": rng.normal(size=(30, 4)).astype(np.float32),
        "prototypes": rng.normal(size=(12, 12, 4)).astype(np.float32),
    }


@pytest.mark.parametrize("expected_iou", [False, True])
@pytest.mark.parametrize("class_ids", [None, [1, 3]])
def test_decoding_keeps_the_scores_of_all_classes(expected_iou: bool, class_ids: list[int] | None) -> None:
    outputs = _outputs(np.random.default_rng(3))
    found = OUTPUTS["yolact"].decode(
        outputs,
        size_hw=(48, 48),
        spec=InputSpec((48, 48), (0, 0, 0), (1, 1, 1)),
        settings=YolactDecode(expected_iou=expected_iou),
        threshold=0.1,
        max_objects=20,
        class_ids=None if class_ids is None else np.array(class_ids),
    )
    assert len(found) > 5
    assert found.class_scores is not None
    assert found.class_scores.shape == (len(found), len(NAMES))
    chosen = class_ids or list(range(len(NAMES)))
    for row, score, class_id in zip(found.class_scores, found.scores, found.class_ids, strict=True):
        assert row[class_id] == score
        # Every row is one of the network's, times the IoU to expect.
        ratios = row[chosen][None] / outputs["scores"][:, chosen]
        spread = ratios.max(axis=1) - ratios.min(axis=1)
        assert spread.min() < 1e-5
        assert expected_iou or ratios[spread.argmin()] == pytest.approx(1)
        assert not np.delete(row, chosen).any()


def test_class_scores_go_with_their_objects() -> None:
    rows = [[0.1, 0.2, 0.3, 0.4, 0.5], [0.5, 0.4, 0.3, 0.2, 0.1], [0.9, 0, 0, 0, 0]]
    found = _found(rows, [4, 0, 0], [0.5, 0.5, 0.9])
    taken = found.take(np.array([2, 0])).moved(1, 1, (20, 20))
    assert taken.class_scores is not None
    assert taken.class_scores.tolist() == np.array([rows[2], rows[0]], np.float32).tolist()
    joined = Instances.joined([taken, found])
    assert joined.class_scores is not None
    assert joined.class_scores.shape == (5, 5)
    assert Instances.joined([taken, _found(None, [0], [0.1])]).class_scores is None
    calibration = Calibration(2.0, 0.5, 0.3)
    applied = calibration.applied_to(found)
    assert applied.class_scores is not None
    assert applied.class_scores[0, 4] == applied.scores[0] == calibration.apply(np.float32([0.5]))[0]
    with pytest.raises(ValueError, match="class scores"):
        Instances(
            found.boxes_xyxy, found.scores, found.class_ids, (9, 9), class_scores=np.zeros((2, 5), np.float32)
        )


def _slow(class_scores: list[list[float]], class_id: int) -> list[float]:
    """Scores of a track, frame by frame and class by class."""
    groups = ["trash", "trash", "animal", "vehicle", "other"]
    means: dict[str, list[float]] = {}
    for frame in class_scores:
        left = {"any": 1.0} | dict.fromkeys(groups, 1.0)
        for score, group in zip(frame, groups, strict=True):
            left["any"] *= 1 - score
            left[group] *= 1 - score
        for name, value in left.items():
            means.setdefault(name, []).append(1 - value)
    mean = {name: sum(values) / len(values) for name, values in means.items()}
    best = max(("trash", "animal", "vehicle"), key=lambda name: mean[name])
    own = sum(frame[class_id] for frame in class_scores) / len(class_scores)
    return [own, mean[best], mean["any"]]


@given(
    st.lists(st.lists(st.floats(0, 1, width=32), min_size=5, max_size=5), min_size=1, max_size=6),
    st.integers(0, 4),
)
def test_scores_of_a_track_are_means_over_its_frames(frames: list[list[float]], class_id: int) -> None:
    at = track_scores(np.array(frames, np.float32), class_id, CATEGORIES)
    expected = _slow(frames, class_id)
    assert at.scores[0] == pytest.approx(expected, abs=1e-6)
    assert _mean(frames, at.supercategories[0]) == pytest.approx(
        expected[1], abs=1e-6
    )  # ties may go either way


def _mean(frames: list[list[float]], group: str) -> float:
    members = {"trash": (0, 1), "animal": (2,), "vehicle": (3,)}[group]
    return float(np.mean([1 - np.prod([1 - frame[index] for index in members]) for frame in frames]))


def test_a_track_that_wavers_between_two_kinds_of_trash_is_trash() -> None:
    frames = [[0.9, 0, 0, 0, 0], [0, 0.9, 0, 0, 0]]
    at = track_scores(np.array(frames, np.float32), 0, CATEGORIES)
    assert (at.supercategories, at.scores[0].tolist()) == (
        ("trash",),
        [pytest.approx(value, abs=1e-6) for value in (0.45, 0.9, 0.9)],
    )


def test_opinions_about_one_score_do_not_add_up() -> None:
    """A model with one score an object: .6 as a bag, and a second opinion of .5 as a net, are .6 of trash."""
    at = track_scores(np.array([[0.6, 0.5, 0, 0, 0]], np.float32), 0, CATEGORIES, alone=True)
    assert at.scores[0] == pytest.approx([0.6, 0.6, 0.6], abs=1e-6)


def test_a_track_of_a_class_without_a_supercategory() -> None:
    at = track_scores(np.array([[0, 0, 0, 0, 0.6]], np.float32), 4, CATEGORIES)
    assert at.scores[0] == pytest.approx([0.6, 0.0, 0.6], abs=1e-6)
    only = track_scores(np.array([[0.6]], np.float32), 0, (Category(1, "cod"),))
    assert only.scores[0] == pytest.approx([0.6, 0.0, 0.6], abs=1e-6)


def test_thresholds_in_words() -> None:
    assert RollUp(0.654, 1.0, 0.3).in_words() == 'the class from a score of 0.65, else "object" from 0.30'
    assert RollUp(1.0, 0.34, 1.0).in_words() == "the supercategory from a score of 0.34"


def test_coarse_names() -> None:
    assert coarse_names(NAMES) == ("trash", "animal", "vehicle", "object")
    assert coarse_names(["cod"]) == ("object",)
