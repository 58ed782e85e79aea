"""Outlines from a box or clicks, on drawn frames whose prototypes are known."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from seasift.core.errors import InputError
from seasift.core.types import Bool
from seasift.inference.predictor import load_predictor
from seasift.labelling.outline import FrameFeatures, look, outline

HEIGHT, WIDTH, CELL = 120, 160, 4


def disc(x: float, y: float, radius: float) -> Bool:
    columns, rows = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


LEFT, RIGHT = disc(50, 60, 22), disc(100, 60, 22)


def on_grid(mask: Bool) -> np.ndarray:
    return mask.reshape(HEIGHT // CELL, CELL, WIDTH // CELL, CELL).mean((1, 3)).astype(np.float32)


@pytest.fixture
def frame() -> FrameFeatures:
    """Two discs, each with a prototype; the network has one point for each, and one whose mask is both."""
    prototypes = np.stack([on_grid(LEFT) * 2 - 1, on_grid(RIGHT) * 2 - 1], axis=-1)
    colours = np.zeros((*prototypes.shape[:2], 3), np.float32)
    boxes = np.array([[28, 38, 72, 82], [78, 38, 122, 82], [28, 38, 122, 82]], np.float32)
    coefficients = np.array([[6, 0], [0, 6], [5, 5]], np.float32)
    return FrameFeatures(
        (HEIGHT, WIDTH), prototypes, colours, boxes, np.array([0.9, 0.9, 0.2], np.float32), coefficients
    )


def overlap(a: Bool, b: Bool) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_a_box_gives_the_object_in_it(frame: FrameFeatures) -> None:
    mask = outline(frame, box=(28, 38, 72, 82)).bitmap(frame.size_hw)
    assert overlap(mask, LEFT) > 0.9
    assert not mask[:, 73:].any()


def test_a_click_gives_the_object_under_it(frame: FrameFeatures) -> None:
    assert overlap(outline(frame, inside=[(100, 60)]).bitmap(frame.size_hw), RIGHT) > 0.9


def test_a_click_beside_the_object_takes_a_part_away_and_one_on_it_brings_it_back(
    frame: FrameFeatures,
) -> None:
    both = frame.boxes_xyxy[2]
    frame = replace(
        frame, boxes_xyxy=both[None], scores=frame.scores[2:], coefficients=np.array([[6, 0]], np.float32)
    )
    box = tuple(float(side) for side in both)
    before = outline(frame, box=box, inside=[(100, 60)]).bitmap(frame.size_hw)
    assert before[60, 100]
    assert before[60, 50]
    without = outline(frame, box=box, inside=[(100, 60)], outside=[(50, 60)]).bitmap(frame.size_hw)
    assert without[60, 100]
    assert not without[60, 50]
    assert (without & LEFT).sum() < 0.6 * (before & LEFT).sum()


def test_a_box_whose_mask_is_too_small_is_reached(frame: FrameFeatures) -> None:
    """Logits that are all below 0 still give a mask that touches the box's sides."""
    shy = replace(frame, prototypes=frame.prototypes - 1.2, coefficients=frame.coefficients / 6)
    mask = outline(shy, box=(28, 38, 72, 82))
    x1, y1, x2, y2 = mask.box_xyxy
    assert x1 <= 34
    assert y1 <= 44
    assert x2 >= 66
    assert y2 >= 76


def test_clicked_pixels_are_as_clicked_at_the_border_too(frame: FrameFeatures) -> None:
    mask = outline(frame, box=(0, 0, 160, 120), inside=[(0, 0), (159.9, 119.9)], outside=[(50, 60)])
    bitmap = mask.bitmap(frame.size_hw)
    assert bitmap[0, 0]
    assert bitmap[119, 159]
    assert not bitmap[60, 50]


@pytest.mark.parametrize("box", [(30.0, 30.0, 30.0, 60.0), (500.0, 500.0, 600.0, 600.0)])
def test_a_box_without_pixels_gives_an_empty_mask(
    frame: FrameFeatures, box: tuple[float, float, float, float]
) -> None:
    assert outline(frame, box=box).area == 0


def test_nothing_to_go_by_is_an_error(frame: FrameFeatures) -> None:
    with pytest.raises(InputError, match="a box or a click"):
        outline(frame, outside=[(3, 3)])


def test_the_bundled_model_answers_within_50_ms() -> None:
    model = load_predictor("default")
    image = np.random.default_rng(0).integers(0, 255, (360, 480, 3), dtype=np.uint8)
    frame, _ = look(model, image)
    assert frame.prototypes.shape == (90, 120, 32)
    assert frame.boxes_xyxy.max() < 600  # px of the image, not shares of it
    times = []
    for _ in range(5):
        start = time.perf_counter()
        outline(frame, box=(100, 100, 300, 250), inside=[(200, 180), (150, 150)], outside=[(110, 110)])
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05


def test_a_model_without_prototypes_is_refused() -> None:
    class Boxes:
        name = "boxes-only"

        def prepare(self, image: np.ndarray) -> np.ndarray:
            return np.zeros((3, 8, 8), np.float32)

        def run(self, batch: np.ndarray) -> dict[str, np.ndarray]:
            return {"boxes": np.zeros((1, 0, 4), np.float32)}

        def decode(self, outputs: object, *, size_hw: tuple[int, int]) -> list[int]:
            return []

    with pytest.raises(InputError, match="no prototypes"):
        look(Boxes(), np.zeros((8, 8, 3), np.uint8))  # type: ignore[arg-type]
