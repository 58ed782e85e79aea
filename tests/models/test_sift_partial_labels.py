"""sift's losses where labels leave something open: coarse classes, no masks, loose boxes, unlabelled background."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from seasift.models.family import PartialTargets, Targets
from seasift.models.sift.loss import (
    CLASS_WEIGHT,
    any_of,
    assign,
    assign_by_location,
    sift_loss,
    union_logit,
)
from seasift.models.sift.network import Sift, SiftConfig, SiftOutput, boxes_of
from tests.oracles import partial_sift

SIZE, CLASSES = 96, 5
WAYS = ("task", "place")


def targets(sets: list[list[int]], **known: Any) -> Targets:
    """One image with the three boxes below, of these classes."""
    boxes = torch.tensor([[0.1, 0.1, 0.5, 0.5], [0.3, 0.25, 0.8, 0.9], [0.6, 0.05, 0.9, 0.3]])[None]
    count = boxes.shape[1]
    class_sets = torch.zeros(1, count, CLASSES, dtype=torch.bool)
    for index, classes in enumerate(sets):
        class_sets[0, index, classes] = True
    yes = torch.ones(1, count, dtype=torch.bool)
    masks = torch.zeros(1, count, SIZE // 4, SIZE // 4)
    for index, (x1, y1, x2, y2) in enumerate((boxes[0] * (SIZE // 4)).long().tolist()):
        masks[0, index, y1:y2, x1 : (x1 + x2 + 1) // 2] = 1
    partial = PartialTargets(
        class_sets,
        known.get("masked", yes),
        known.get("tight", yes),
        torch.tensor([known.get("labelled", True)]),
    )
    class_ids = torch.tensor([[classes[0] for classes in sets]])
    return Targets(boxes, class_ids, yes, ~yes, masks, masks.bool(), partial=partial)


def output(seed: int) -> SiftOutput:
    torch.manual_seed(seed)
    network = Sift(SiftConfig("s", CLASSES, (SIZE, SIZE)))
    given = network(torch.randn(1, 3, SIZE, SIZE))
    return given._replace(logits=torch.randn_like(given.logits) * 2)


def chosen_for(given: SiftOutput, truth: Targets, way: str) -> Any:
    known = {
        "true_boxes": truth.boxes_xyxy * SIZE,
        "class_ids": truth.class_ids,
        "present": truth.present,
        "crowd": truth.crowd,
    }
    if way == "place":
        return assign_by_location(CLASSES, given.points, given.strides, partial=truth.partial, **known)
    boxes = boxes_of(given.sides.float(), given.points, given.strides)
    scores = given.logits.float().sigmoid()
    return assign(scores, boxes, given.points, given.strides, partial=truth.partial, **known)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_the_class_loss_is_that_of_the_oracle(seed: int, labelled: bool, way: str) -> None:
    sets = [[1, 2, 4], [3], [0, 1, 2, 3, 4]]
    truth, given = targets(sets, labelled=labelled), output(seed)
    chosen = chosen_for(given, truth, way)
    losses = sift_loss(given, truth, (SIZE, SIZE), way)
    owners = [
        int(mine) if positive else None
        for mine, positive in zip(chosen.objects[0], chosen.positive[0], strict=True)
    ]
    assert {0, 1, 2} <= set(owners)
    expected = partial_sift.class_loss(
        given.logits[0].double().tolist(),
        given.points.tolist(),
        (truth.boxes_xyxy[0] * SIZE).tolist(),
        sets,
        owners,
        chosen.quality[0].tolist(),
        labelled=labelled,
    )
    total = max(float(chosen.quality.sum()), 1.0)
    assert losses["class"].item() == pytest.approx(CLASS_WEIGHT * expected / total, rel=1e-4)


@pytest.mark.parametrize("way", WAYS)
def test_full_labels_written_as_partial_ones_change_nothing(way: str) -> None:
    truth, given = targets([[1], [3], [0]]), output(7)
    partial = sift_loss(given, truth, (SIZE, SIZE), way)
    full = sift_loss(given, replace(truth, partial=None), (SIZE, SIZE), way)
    assert partial.keys() == full.keys()
    for name, value in full.items():
        torch.testing.assert_close(partial[name], value, rtol=1e-6, atol=0)


def test_a_union_is_the_probability_of_any_and_of_one_class_its_own() -> None:
    torch.manual_seed(0)
    logits = torch.randn(200, CLASSES, dtype=torch.float64) * 6
    sets = torch.rand(200, CLASSES) < 0.5
    sets[:, 0] |= ~sets.any(1)
    found = union_logit(logits, sets).sigmoid()
    scores = any_of(logits.sigmoid()[None].float(), sets[None])[0].diagonal()
    for row, chosen, mine, score in zip(logits, sets, found, scores, strict=True):
        classes = chosen.nonzero().flatten().tolist()
        expected = partial_sift.any_of(row.sigmoid().tolist(), classes)
        assert float(mine) == pytest.approx(expected, rel=1e-9)
        assert float(score) == pytest.approx(expected, abs=1e-5)
    one = torch.zeros(200, CLASSES, dtype=torch.bool)
    one[:, 2] = True
    torch.testing.assert_close(union_logit(logits, one), logits[:, 2])


@pytest.mark.parametrize("value", [-200.0, -40.0, 0.0, 40.0, 200.0])
def test_a_union_of_extreme_scores_stays_finite(value: float) -> None:
    logits = torch.full((1, CLASSES), value, requires_grad=True)
    union = union_logit(logits, torch.ones(1, CLASSES, dtype=torch.bool))
    union.sum().backward()
    assert bool(torch.isfinite(union).all())
    assert bool(torch.isfinite(logits.grad).all())


def test_nothing_is_asked_of_the_background_where_objects_may_be_missing() -> None:
    truth, given = targets([[1, 2], [3], [0]], labelled=False), output(1)
    logits = given.logits.detach().requires_grad_()
    sift_loss(given._replace(logits=logits), truth, (SIZE, SIZE))["class"].backward()
    x, y = (given.points / SIZE).unbind(1)
    within = torch.zeros_like(x, dtype=torch.bool)
    for left, top, right, bottom in truth.boxes_xyxy[0].tolist():
        within |= (x > left) & (x < right) & (y > top) & (y < bottom)
    moved = logits.grad[0].abs().sum(1) > 0
    assert torch.equal(moved, within)


@pytest.mark.parametrize("way", WAYS)
def test_masks_that_are_not_known_teach_no_mask(way: str) -> None:
    truth, given = targets([[1], [3], [0]], masked=torch.tensor([[True, False, False]])), output(2)

    def mask_losses(turned: list[int]) -> list[float]:
        masks = truth.proto_masks.clone()
        masks[0, turned] = 1 - masks[0, turned]
        losses = sift_loss(given, replace(truth, proto_masks=masks), (SIZE, SIZE), way)
        return [losses["mask"].item(), losses["dice"].item()]

    assert mask_losses([1, 2]) == mask_losses([])
    assert mask_losses([0]) != mask_losses([])
    assert mask_losses([])[0] > 0
    assert truth.partial is not None
    nothing = replace(truth.partial, masked=torch.zeros(1, 3, dtype=torch.bool))
    losses = sift_loss(given, replace(truth, partial=nothing), (SIZE, SIZE), way)
    assert losses["mask"].item() == losses["dice"].item() == 0


def test_loose_boxes_teach_classes_but_no_box() -> None:
    truth = targets([[1], [3], [0]], tight=torch.zeros(1, 3, dtype=torch.bool))
    losses = sift_loss(output(3), truth, (SIZE, SIZE))
    assert losses["box"].item() == losses["sides"].item() == 0
    assert losses["class"].item() > 0


@pytest.mark.slow
def test_learning_a_set_of_classes_ends_inside_it() -> None:
    torch.manual_seed(1)
    network = Sift(SiftConfig("s", CLASSES, (SIZE, SIZE)))
    sets = [[1, 2], [3], [0, 4]]
    truth = targets(sets, masked=torch.zeros(1, 3, dtype=torch.bool), labelled=False)
    images = torch.randn(1, 3, SIZE, SIZE)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(60):
        losses = sift_loss(network(images), truth, (SIZE, SIZE))
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
    with torch.no_grad():
        given = network(images)
    chosen = chosen_for(given, truth, "task")
    for mine, classes in enumerate(sets):
        points = chosen.positive[0] & (chosen.objects[0] == mine)
        scores: Tensor = given.logits[0, points].sigmoid()
        best = scores[scores.max(1).values.argmax()]
        assert int(best.argmax()) in classes
        assert float(best.max()) > 0.4
