"""Fitting images into an input with their aspect ratio kept, and R-CNN's way from output to Instances."""

from __future__ import annotations

import numpy as np
import pytest

from seasift.core.decode import decode_rcnn, paste_mask
from seasift.core.prepare import InputSpec, batches_of_one_size, prepare

FIT = InputSpec((80, 160), (10.0, 20.0, 30.0), (1.0, 1.0, 1.0), "fit")


@pytest.mark.parametrize(
    ("own", "content"),
    [
        ((40, 80), (80, 160)),
        ((80, 80), (80, 80)),
        ((10, 160), (10, 160)),
        ((200, 100), (80, 40)),
        ((1, 900), (1, 160)),
    ],
)
def test_a_image_is_fitted_with_its_aspect_ratio(own: tuple[int, int], content: tuple[int, int]) -> None:
    assert FIT.content_hw(own) == content
    image = np.full((*own, 3), (110, 120, 130), np.uint8)
    seen = prepare(image, FIT)
    assert seen.shape == (3, 80, 160)
    assert (seen[:, : content[0], : content[1]] == 100).all()
    assert np.count_nonzero(seen) == 3 * content[0] * content[1]
    assert FIT.visible_yx(own) == (content[0] / 80, content[1] / 160)


@pytest.mark.parametrize(
    ("own", "content", "whole"),
    [
        ((270, 480), (270, 480), (288, 480)),
        ((360, 480), (360, 480), (384, 480)),
        ((2160, 3840), (270, 480), (288, 480)),
        ((480, 270), (384, 216), (384, 224)),
        ((1, 900), (1, 480), (32, 480)),
    ],
)
def test_a_trimmed_input_ends_with_the_image(
    own: tuple[int, int], content: tuple[int, int], whole: tuple[int, int]
) -> None:
    trim = InputSpec((384, 480), (10.0, 20.0, 30.0), (1.0, 1.0, 1.0), "trim")
    assert (trim.content_hw(own), trim.input_hw(own)) == (content, whole)
    seen = prepare(np.full((*own, 3), (110, 120, 130), np.uint8), trim)
    assert seen.shape == (3, *whole)
    assert (seen[:, : content[0], : content[1]] == 100).all()
    assert np.count_nonzero(seen) == 3 * content[0] * content[1]
    assert trim.visible_yx(own) == (content[0] / whole[0], content[1] / whole[1])


def test_a_trimmed_input_is_a_multiple_of_32() -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        InputSpec((100, 480), (0.0,) * 3, (1.0,) * 3, "trim")


def test_inputs_of_many_sizes_run_in_batches_of_one() -> None:
    prepared = [
        np.full((3, 32, width), index, np.float32) for index, width in enumerate((32, 64, 32, 96, 64))
    ]
    batches = {tuple(indices): batch for indices, batch in batches_of_one_size(prepared)}
    assert list(batches) == [(0, 2), (1, 4), (3,)]
    for indices, batch in batches.items():
        assert batch[:, 0, 0, 0].tolist() == list(indices)


def found(**changes: object) -> dict[str, object]:
    given = {
        "boxes_norm": np.array([[0, 0, 0.5, 1], [0.1, 0.2, 0.3, 0.4], [0, 0, 0, 0]], np.float32),
        "scores": np.array([0.9, 0.4, 0.0], np.float32),
        "classes": np.array([2, 0, 0], np.float32),
        "masks": np.full((3, 28, 28), 0.9, np.float32),
        "size_hw": (200, 100),
        "visible_yx": FIT.visible_yx((200, 100)),
        "mask_threshold": 0.5,
        "threshold": 0.0,
        "max_objects": 10,
    }
    return {**given, **changes}


def test_boxes_return_to_the_image_they_came_from() -> None:
    """The image fills the left quarter of the input; what lies outside is cut off."""
    objects = decode_rcnn(**found())  # type: ignore[arg-type]
    assert len(objects) == 2  # a score of 0 is no object
    np.testing.assert_allclose(objects.boxes_xyxy, [[0, 0, 100, 200], [40, 40, 100, 80]], rtol=1e-6)
    assert objects.class_ids.tolist() == [2, 0]
    assert objects.masks is not None
    assert objects.masks[0].box_xyxy == (1, 1, 100, 200)  # torchvision's rim of zeros takes the first pixel


def test_threshold_number_and_classes_choose() -> None:
    assert len(decode_rcnn(**found(threshold=0.5))) == 1  # type: ignore[arg-type]
    (one,) = decode_rcnn(**found(max_objects=1, class_ids=np.array([0]))).scores  # type: ignore[arg-type]
    assert one == np.float32(0.4)
    none = decode_rcnn(**found(threshold=0.95))  # type: ignore[arg-type]
    assert (len(none), none.masks) == (0, ())
    assert decode_rcnn(**found(masks=None)).masks is None  # type: ignore[arg-type]
    assert decode_rcnn(**found(masks=None, threshold=0.95)).masks is None  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_masks_are_pasted_as_torchvision_pastes_them(seed: int) -> None:
    torch = pytest.importorskip("torch")
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    random = np.random.default_rng(seed)
    corner, size = random.uniform(0, 60, 2), random.uniform(0.5, 60, 2)
    box = np.concatenate([corner, np.minimum(corner + size, [90, 70])]).astype(np.float32)
    mask = random.random((28, 28), dtype=np.float32)
    theirs = paste_masks_in_image(
        torch.from_numpy(mask)[None, None], torch.from_numpy(box)[None], (70, 90), padding=1
    )[0, 0].numpy()
    ours = paste_mask(mask, box, (70, 90), 0.5).bitmap((70, 90))
    clear = np.abs(theirs - 0.5) > 1e-5
    assert np.array_equal(ours[clear], (theirs > 0.5)[clear])
