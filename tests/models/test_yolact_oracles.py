"""Matching and losses against slow, obvious versions on random input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.models.family import Targets
from seasift.models.yolact.loss import match, yolact_loss
from seasift.models.yolact.network import YolactOutput, decode, encode, make_priors, to_corners

from ..oracles import yolact as oracle

PRIORS = make_priors([(6, 6), (3, 3)], [80.0, 200.0], 550)


def random_boxes(random: np.random.Generator, count: int) -> np.ndarray:
    low = random.uniform(0, 0.8, (count, 2))
    return (
        np.concatenate([low, low + random.uniform(0.03, 0.5, (count, 2))], axis=1)
        .clip(0, 1)
        .astype(np.float32)
    )


def make_targets(sample_images: list[dict]) -> Targets:
    most = max(1, *(len(p["boxes"]) + len(p["crowds"]) for p in sample_images))
    boxes, classes = (
        torch.zeros(len(sample_images), most, 4),
        torch.zeros(len(sample_images), most, dtype=torch.long),
    )
    present, crowd = (torch.zeros(len(sample_images), most, dtype=torch.bool) for _ in range(2))
    proto, semantic = (
        torch.zeros(len(sample_images), most, 12, 12, dtype=torch.bool),
        torch.zeros(len(sample_images), most, 6, 6, dtype=torch.bool),
    )
    for b, sample_image in enumerate(sample_images):
        # Crowds stand first, so that an object's place differs from its number.
        for index, box in enumerate([*sample_image["crowds"], *sample_image["boxes"]]):
            boxes[b, index] = torch.from_numpy(np.asarray(box))
        offset, count = len(sample_image["crowds"]), len(sample_image["boxes"])
        crowd[b, :offset] = True
        present[b, offset : offset + count] = True
        for i in range(count):
            classes[b, offset + i] = sample_image["classes"][i]
            proto[b, offset + i] = torch.from_numpy(sample_image["proto"][i])
            semantic[b, offset + i] = torch.from_numpy(sample_image["semantic"][i])
    return Targets(boxes, classes, present, crowd, proto, semantic)


def random_image(random: np.random.Generator, objects: int, crowds: int = 0) -> dict:
    return {
        "boxes": random_boxes(random, objects),
        "classes": random.integers(0, 3, objects).tolist(),
        "crowds": random_boxes(random, crowds),
        "proto": random.random((objects, 12, 12)) < 0.4,
        "semantic": random.random((objects, 6, 6)) < 0.4,
    }


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    counts=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=3),
)
def test_matching_equals_the_greedy_loop(seed: int, counts: list[tuple[int, int]]) -> None:
    random = np.random.default_rng(seed)
    sample_images = [random_image(random, *count) for count in counts]
    matches = match(make_targets(sample_images), PRIORS)
    corners = to_corners(PRIORS).numpy()
    for b, sample_image in enumerate(sample_images):
        objects, labels = oracle.match_image(
            sample_image["boxes"], sample_image["classes"], sample_image["crowds"], corners
        )
        assert matches.labels[b].tolist() == labels
        positive = np.flatnonzero(np.array(labels) > 0)
        own = matches.objects[b].numpy()[positive] - len(sample_image["crowds"])
        assert own.tolist() == [objects[p] for p in positive]


def test_two_equal_boxes_claim_two_priors() -> None:
    box = np.array([[0.1, 0.1, 0.12, 0.12]] * 2, dtype=np.float32)
    nothing = np.zeros((2, 12, 12), bool)
    sample_image = {
        "boxes": box,
        "classes": [0, 1],
        "crowds": [],
        "proto": nothing,
        "semantic": np.zeros((2, 6, 6), bool),
    }
    labels = match(make_targets([sample_image]), PRIORS).labels[0]
    assert sorted(labels[labels > 0].tolist()) == [1, 2]


def test_more_objects_than_priors_ends() -> None:
    random = np.random.default_rng(0)
    priors = PRIORS[:3]
    labels = match(make_targets([random_image(random, 5)]), priors).labels
    assert (labels > 0).all()


def test_box_code_is_its_own_inverse() -> None:
    boxes = torch.from_numpy(random_boxes(np.random.default_rng(1), len(PRIORS)))
    torch.testing.assert_close(decode(encode(boxes, PRIORS), PRIORS), boxes, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("counts", [[3], [2, 0, 4], [0]])
def test_losses_equal_the_loops(counts: list[int]) -> None:
    random = np.random.default_rng(len(counts))
    sample_images = [random_image(random, count) for count in counts]
    size, priors = len(counts), len(PRIORS)
    raw = [
        random.normal(0, 1, (size, priors, 4)),
        random.normal(0, 2, (size, priors, 4)),
        np.tanh(random.normal(0, 1, (size, priors, 5))),
        np.abs(random.normal(0, 1, (size, 12, 12, 5))),
        random.normal(0, 1, (size, 3, 6, 6)),
    ]
    output = YolactOutput(*(torch.from_numpy(part).float() for part in raw))
    got = yolact_loss(output, make_targets(sample_images), PRIORS)
    expected = oracle.losses(
        raw,
        PRIORS.double().numpy(),
        *(
            [sample_image[key] for sample_image in sample_images]
            for key in ("boxes", "classes", "proto", "semantic")
        ),
    )
    for name, value in expected.items():
        assert got[name].item() == pytest.approx(value, rel=1e-4, abs=1e-6), name


def test_at_most_100_priors_a_image_stand_for_all_in_the_mask_loss() -> None:
    """With equal coefficients everywhere each prior of an object costs the same, so sampling changes nothing."""
    random = np.random.default_rng(3)
    priors = make_priors([(60, 60)], [150.0], 550)
    sample_image = random_image(random, 1) | {"boxes": np.array([[0.3, 0.3, 0.6, 0.6]], np.float32)}
    targets = make_targets([sample_image])
    prototypes = torch.from_numpy(np.abs(random.normal(0, 1, (1, 12, 12, 5)))).float()
    coefficients = torch.tensor([0.3, -0.4, 0.5, 0.1, -0.9]).repeat(1, len(priors), 1)
    output = YolactOutput(
        torch.zeros(1, len(priors), 4), torch.zeros(1, len(priors), 4), coefficients, prototypes, None
    )
    positives = int(match(targets, priors).positive.sum())
    assert positives > 100
    one = oracle._mask_loss(
        coefficients[0, 0].double().numpy(),
        prototypes[0].double().numpy(),
        sample_image["boxes"][0],
        sample_image["proto"][0],
    )
    assert yolact_loss(output, targets, priors)["mask"].item() == pytest.approx(6.125 * one, rel=1e-4)
