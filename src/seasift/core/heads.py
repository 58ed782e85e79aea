"""The kinds of output that networks have, and the one way from each to Instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from seasift.core.decode import YolactDecode, decode_dynamic, decode_yolact
from seasift.core.decode_rcnn import decode_rcnn
from seasift.core.instances import Instances
from seasift.core.prepare import InputSpec
from seasift.core.types import Float32, Int64, SizeHW


@dataclass(frozen=True)
class Head:
    """One kind of output.

    Attributes:
        outputs: names and shapes of what the graph gives, in order. B is the batch, C the classes, a number
            is itself; any other letter takes what it first meets.
        resize: the rules by which pictures may be fitted to its input.
        assemble: for what every prior says: makes Instances of boxes, scores and the two outputs behind them. None:
            suppression is in the graph.
        maps: the output that holds maps of the whole input, of which masks are made; empty: there is none.
    """

    outputs: dict[str, str]
    resize: tuple[str, ...]
    assemble: Callable[..., Instances] | None = None
    maps: str = ""


_DETECTIONS = {"boxes": "B N 4", "scores": "B N", "classes": "B N"}

HEADS: dict[str, Head] = {
    "yolact": Head(
        {"boxes": "B P 4", "scores": "B P C", "coefficients": "B P K", "prototypes": "B H' W' K"},
        ("stretch", "trim"),
        decode_yolact,
        "prototypes",
    ),
    "sift-dynamic": Head(
        {"boxes": "B P 4", "scores": "B P C", "parameters": "B P K", "features": "B H' W' M"},
        ("stretch", "trim"),
        decode_dynamic,
        "features",
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
    """What a graph says of one picture as Instances.

    Args:
        head: key of HEADS.
        outputs: by name, without the batch dimension.
        size_hw: of the original picture, px.
        spec: how the picture was prepared.
        settings: thresholds that belong to the model.
        threshold: objects with a lower score are left out.
        max_objects: at most this many, the best.
        class_ids: look only for these, in ascending order; they do not compete with the others. None: all.
    """
    kind = HEADS[head]
    if kind.assemble is not None:
        boxes, scores, *of_masks = (outputs[name] for name in kind.outputs)
        found = kind.assemble(
            boxes,
            scores if class_ids is None else np.ascontiguousarray(scores[:, class_ids]),
            *of_masks,
            size_hw=size_hw,
            visible_yx=spec.visible_yx(size_hw),
            settings=settings,
            threshold=threshold,
            max_objects=max_objects,
        )
        return found if class_ids is None else replace(found, class_ids=class_ids[found.class_ids])
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
