"""Kinds of output of networks, each with the decoder that makes Instances of it. One entry each in `OUTPUTS`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from seasift.core.decode import YolactDecode, decode_rcnn, decode_yolact
from seasift.core.decode_final import decode_final, decode_queries, decode_remote, decode_rtmdet
from seasift.core.decode_yolo import decode_final_yolo, decode_yolo, decode_yolov5
from seasift.core.instances import Instances
from seasift.core.prepare import InputSpec
from seasift.core.types import Float32, Int64, SizeHW


class Decoder(Protocol):
    """The way from the output of one image to its objects."""

    def __call__(
        self,
        outputs: Mapping[str, Float32],
        /,
        *,
        size_hw: SizeHW,
        spec: InputSpec,
        settings: YolactDecode,
        threshold: float,
        max_objects: int,
        class_ids: Int64 | None = None,
    ) -> Instances:
        """Decode the output of one image.

        Args:
            outputs: by name, without the batch dimension.
            size_hw: height and width of the original image, px.
            spec: how the image was prepared.
            settings: the model's own thresholds.
            threshold: minimum score.
            max_objects: keep at most this many, the best.
            class_ids: find only these, in ascending order; they do not compete with the others. None: all.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class OutputKind:
    """One kind of output.

    Attributes:
        outputs: names and shapes of the graph's outputs, in order. B is the batch, C the classes, a number is itself;
            any other letter takes the first size it meets. A sum such as 4+C may hold one such letter.
        resize: the rules by which images may be fitted to its input.
        optional: outputs that only some graphs of the kind have, for masks; without them K is 0.
        decode: from these outputs to objects.
        adopted: whether other makers export such graphs; then their outputs have other names.
    """

    outputs: dict[str, str]
    resize: tuple[str, ...]
    decode: Decoder
    adopted: bool = False
    optional: dict[str, str] = field(default_factory=dict)

    def outputs_of(self, names: Collection[str]) -> dict[str, str] | None:
        """Names and shapes of the outputs of a graph that has outputs of these names; None if they are not the kind's."""
        known = {**self.outputs, **self.optional}
        if not set(self.outputs) <= set(names) <= set(known):
            return None
        return {name: known[name] for name in known if name in names}

    @property
    def has_prototypes(self) -> bool:
        """Whether masks are assembled from prototypes and coefficients, outside the graph."""
        return "prototypes" in self.outputs


def _decode_prototypes(
    outputs: Mapping[str, Float32],
    /,
    *,
    size_hw: SizeHW,
    spec: InputSpec,
    settings: YolactDecode,
    threshold: float,
    max_objects: int,
    class_ids: Int64 | None = None,
) -> Instances:
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


def _among_all(found: Instances, class_ids: Int64, classes: int) -> Instances:
    """Extend the class scores of objects to all classes: other classes have a score of 0."""
    class_scores = None
    if found.class_scores is not None:
        class_scores = np.zeros((len(found), classes), np.float32)
        class_scores[:, class_ids] = found.class_scores
    return replace(found, class_ids=class_ids[found.class_ids], class_scores=class_scores)


def _decode_detections(
    outputs: Mapping[str, Float32],
    /,
    *,
    size_hw: SizeHW,
    spec: InputSpec,
    settings: YolactDecode,
    threshold: float,
    max_objects: int,
    class_ids: Int64 | None = None,
) -> Instances:
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


_FITTED = ("letterbox", "stretch", "fit")
_PROTOTYPES = {"prototype_masks": "B K H' W'"}
_QUERIES = {"boxes": "B Q 4", "logits": "B Q C"}
_FINAL = {"boxes": "B N 4", "labels": "B N", "scores": "B N"}
_DETECTIONS = {"boxes": "B N 4", "scores": "B N", "classes": "B N"}

OUTPUTS: dict[str, OutputKind] = {
    "yolact": OutputKind(
        outputs={"boxes": "B P 4", "scores": "B P C", "coefficients": "B P K", "prototypes": "B H' W' K"},
        resize=("stretch", "trim"),
        decode=_decode_prototypes,
    ),
    "mask-rcnn": OutputKind(
        outputs={**_DETECTIONS, "masks": "B N M M"}, resize=("stretch", "fit"), decode=_decode_detections
    ),
    "faster-rcnn": OutputKind(outputs=_DETECTIONS, resize=("stretch", "fit"), decode=_decode_detections),
    "yolo-detect": OutputKind(
        outputs={"predictions": "B 4+C P"}, resize=_FITTED, decode=decode_yolo, adopted=True
    ),
    "yolo-segment": OutputKind(
        outputs={"predictions": "B 4+C+K P", **_PROTOTYPES},
        resize=("letterbox", "stretch"),
        decode=decode_yolo,
        adopted=True,
    ),
    "yolo-end2end": OutputKind(
        outputs={"predictions": "B N 6+K"},
        optional=_PROTOTYPES,
        resize=("letterbox", "stretch"),
        decode=decode_final_yolo,
        adopted=True,
    ),
    "yolov5": OutputKind(
        outputs={"predictions": "B P 5+C+K"},
        optional=_PROTOTYPES,
        resize=("letterbox", "stretch"),
        decode=decode_yolov5,
        adopted=True,
    ),
    "rf-detr": OutputKind(outputs=_QUERIES, resize=("stretch",), decode=decode_queries, adopted=True),
    "rf-detr-seg": OutputKind(
        outputs={**_QUERIES, "masks": "B Q H' W'"}, resize=("stretch",), decode=decode_queries, adopted=True
    ),
    "d-fine": OutputKind(outputs=_FINAL, resize=_FITTED, decode=decode_final, adopted=True),
    "d-fine-transformers": OutputKind(
        outputs=_QUERIES, resize=("stretch",), decode=decode_queries, adopted=True
    ),
    "torchvision-detection": OutputKind(
        outputs=_FINAL,
        optional={"masks": "B N 1 H W"},
        resize=("original", *_FITTED),
        decode=decode_final,
        adopted=True,
    ),
    "rtmdet-ins": OutputKind(
        outputs={"detections": "B N 5", "labels": "B N", "masks": "B N H W"},
        resize=("fit", "stretch"),
        decode=decode_rtmdet,
        adopted=True,
    ),
    "remote": OutputKind(
        outputs={**_FINAL, "crops": "B N 4", "bits": "B M"},
        resize=("original",),
        decode=decode_remote,
        adopted=True,
    ),
}
