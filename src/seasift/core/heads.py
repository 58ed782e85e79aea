"""The kinds of output of networks, and how each is decoded into Instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from seasift.core.decode import YolactDecode, decode_rcnn, decode_yolact
from seasift.core.instances import Instances
from seasift.core.prepare import InputSpec
from seasift.core.types import Float32, Int64, SizeHW


@dataclass(frozen=True)
class Head:
    """One kind of output.

    Attributes:
        outputs: names and shapes of the graph's outputs, in order. B is the batch, C the classes, a number is itself;
            any other letter takes the first size it meets.
        resize: the rules by which images may be fitted to its input.
    """

    outputs: dict[str, str]
    resize: tuple[str, ...]


_DETECTIONS = {"boxes": "B N 4", "scores": "B N", "classes": "B N"}

HEADS: dict[str, Head] = {
    "yolact": Head(
        {"boxes": "B P 4", "scores": "B P C", "coefficients": "B P K", "prototypes": "B H' W' K"},
        ("stretch", "trim"),
    ),
    "mask-rcnn": Head({**_DETECTIONS, "masks": "B N M M"}, ("stretch", "fit")),
    "faster-rcnn": Head(_DETECTIONS, ("stretch", "fit")),
}


def decode(
    head: str,
    outputs: Mapping[str, Float32],
    *,
    size_hw: SizeHW,
    spec: InputSpec,
    settings: YolactDecode,
    threshold: float,
    max_objects: int,
    class_ids: Int64 | None = None,
) -> Instances:
    """Decode the outputs of a graph for one image into Instances.

    Args:
        head: key of HEADS.
        outputs: by name, without the batch dimension.
        size_hw: height and width of the original image, px.
        spec: how the image was prepared.
        settings: the model's own thresholds.
        threshold: objects with a lower score are left out.
        max_objects: at most this many, the best.
        class_ids: find only these, in ascending order; they do not compete with the others. None: all.
    """
    if head == "yolact":
        scores = outputs["scores"]
        found = decode_yolact(
            outputs["boxes"],
            scores if class_ids is None else np.ascontiguousarray(scores[:, class_ids]),
            outputs["coefficients"],
            outputs["prototypes"],
            size_hw=size_hw,
            visible_yx=spec.visible_yx(size_hw),
            settings=settings,
            threshold=threshold,
            max_objects=max_objects,
        )
        return found if class_ids is None else _among_all(found, class_ids, scores.shape[1])
    return decode_rcnn(
        outputs["boxes"],
        outputs["scores"],
        outputs["classes"],
        outputs.get("masks"),
        size_hw=size_hw,
        visible_yx=spec.visible_yx(size_hw),
        mask_threshold=settings.mask_threshold,
        threshold=threshold,
        max_objects=max_objects,
        class_ids=class_ids,
    )


def _among_all(found: Instances, class_ids: Int64, classes: int) -> Instances:
    """Extend the class scores of objects to all classes: other classes have a score of 0."""
    class_scores = None
    if found.class_scores is not None:
        class_scores = np.zeros((len(found), classes), np.float32)
        class_scores[:, class_ids] = found.class_scores
    return replace(found, class_ids=class_ids[found.class_ids], class_scores=class_scores)
