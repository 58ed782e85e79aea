"""sift's assignment and losses, held to a slow reading of the papers, and to cases whose answer is known."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from seasift.models.family import Targets
from seasift.models.sift.loss import (
    POINTS_PER_OBJECT,
    Assignment,
    assign,
    assign_by_location,
    box_iou,
    sift_loss,
)
from seasift.models.sift.network import REG_MAX, STRIDES, Sift, SiftConfig

SIZE = 96


def grid() -> tuple[Tensor, Tensor]:
    """The points of an image of SIZE px, and their strides."""
    points, strides = [], []
    for stride in STRIDES:
        indices = torch.arange(SIZE // stride) * stride + stride / 2
        y, x = torch.meshgrid(indices, indices, indexing="ij")
        points.append(torch.stack([x, y], -1).reshape(-1, 2))
        strides.append(torch.full((len(points[-1]), 1), float(stride)))
    return torch.cat(points), torch.cat(strides)


def truth(*boxes: list[float], crowd: tuple[int, ...] = ()) -> dict[str, Tensor]:
    count = len(boxes)
    crowded = torch.tensor([[k in crowd for k in range(count)]])
    return {
        "true_boxes": torch.tensor([list(boxes)]),
        "class_ids": torch.arange(count)[None] % 2,
        "present": ~crowded,
        "crowd": crowded,
    }


def by_hand(scores: Tensor, boxes: Tensor, points: Tensor, known: dict[str, Tensor]) -> Any:
    """TOOD, section 3.2, for one image, in loops: (object, quality) of each point that is chosen."""
    wishes: dict[int, list[tuple[float, int, float]]] = {}
    for mine, box in enumerate(known["true_boxes"][0]):
        label = int(known["class_ids"][0, mine])
        ranked = []
        for index, (x, y) in enumerate(points.tolist()):
            if box[0] < x < box[2] and box[1] < y < box[3]:
                overlap = max(0.0, float(box_iou(box, boxes[0, index])))
                ranked.append((float(scores[0, index, label]) * overlap**6, index, overlap))
        best = sorted(ranked, reverse=True)[:POINTS_PER_OBJECT]
        for metric, index, overlap in best:
            wishes.setdefault(index, []).append((overlap, mine, metric))
    owned = {index: max(claims) for index, claims in wishes.items()}
    result = {}
    for index, (_, mine, metric) in owned.items():
        others = [(m, o) for o, k, m in owned.values() if k == mine]
        most, reach = max(m for m, _ in others), max(o for _, o in others)
        result[index] = mine, max(metric / most * reach, 1e-4)
    return result


@pytest.mark.parametrize("seed", range(5))
def test_assignment_is_the_paper_s(seed: int) -> None:
    torch.manual_seed(seed)
    points, strides = grid()
    known = truth([8.0, 8.0, 60.0, 50.0], [30.0, 20.0, 90.0, 90.0], [40.0, 40.0, 75.0, 70.0])
    scores = torch.rand(1, len(points), 2)
    half = torch.rand(1, len(points), 2) * 40 + 8
    boxes = torch.cat([points - half, points + half], -1)
    chosen = assign(scores, boxes, points, strides, **known)
    expected = by_hand(scores, boxes, points, known)
    found = {
        index: (int(chosen.objects[0, index]), float(chosen.quality[0, index]))
        for index in chosen.positive[0].nonzero().flatten().tolist()
    }
    assert found.keys() == expected.keys()
    for index, (mine, quality) in expected.items():
        assert found[index] == (mine, pytest.approx(quality, rel=1e-4)), index


def every_config(known: dict[str, Tensor]) -> list[Assignment]:
    points, strides = grid()
    around = torch.cat([points - 2 * strides, points + 2 * strides], 1)[None]
    return [
        assign(torch.full((1, len(points), 2), 0.5), around, points, strides, **known),
        assign_by_location(2, points, strides, **known),
    ]


def test_each_object_has_a_point_however_small() -> None:
    for chosen in every_config(truth([3.0, 3.0, 3.5, 3.5], [50.0, 50.0, 90.0, 90.0])):
        owners = chosen.objects[chosen.positive]
        assert set(owners.tolist()) == {0, 1}


def test_points_in_a_crowd_are_asked_nothing_unless_an_object_has_them() -> None:
    points, _ = grid()
    inside = ((points > 40) & (points < 90)).all(1)
    for chosen in every_config(truth([45.0, 45.0, 65.0, 65.0], [40.0, 40.0, 90.0, 90.0], crowd=(1,))):
        assert chosen.positive.any()
        assert torch.equal(chosen.ignored[0], inside & ~chosen.positive[0])


def test_no_object_is_no_point() -> None:
    known = truth([0.0, 0.0, 0.0, 0.0])
    known["present"] = torch.zeros(1, 1, dtype=torch.bool)
    for chosen in every_config(known):
        assert not chosen.positive.any()
        assert not chosen.ignored.any()


def test_place_chooses_the_level_whose_points_are_as_large_as_the_object() -> None:
    points, strides = grid()
    for side, stride in ((32.0, 8), (64.0, 16)):
        low, high = 48 - side / 2, 48 + side / 2
        chosen = assign_by_location(2, points, strides, **truth([low, low, high, high]))
        assert chosen.quality.unique().tolist() == [0, 1]
        assert int(chosen.positive.sum()) == POINTS_PER_OBJECT
        nearest = (points - 48).abs().sum(1) <= stride
        assert chosen.positive[0][nearest & (strides[:, 0] == stride)].all()


def batch() -> Targets:
    """One image with one object."""
    box = torch.tensor([[[0.25, 0.25, 0.75, 0.5]]])
    mask = torch.zeros(1, 1, SIZE // 4, SIZE // 4)
    mask[..., 6:12, 6:18] = 1
    one = torch.ones(1, 1, dtype=torch.bool)
    return Targets(box, torch.ones(1, 1, dtype=torch.int64), one, ~one, mask, mask.bool())


@pytest.mark.parametrize("way", ["task", "place"])
def test_learning_one_image(way: str) -> None:
    torch.manual_seed(1)
    network, targets = Sift(SiftConfig("s", 2, (SIZE, SIZE), assignment=way)), batch()
    images = torch.randn(1, 3, SIZE, SIZE)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(60):
        losses = sift_loss(network(images), targets, (SIZE, SIZE), way)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
    with torch.no_grad():
        output = network(images)
        losses = sift_loss(output, targets, (SIZE, SIZE), way)
    assert sorted(losses) == ["box", "class", "dice", "mask", "sides"]
    chosen = output.logits.sigmoid()[0].flatten().argmax()
    index, label = divmod(int(chosen), 2)
    assert label == 1
    assert output.sides.shape[-1] == REG_MAX
    x, y = output.points[index].tolist()
    assert 24 < x < 72
    assert 24 < y < 48
    assert float(losses["box"]) < 0.5
    assert float(losses["dice"]) < 0.3
