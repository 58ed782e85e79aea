"""What holds a model's masks back: its coefficients, its prototypes, or the grid these lie on.

    python benchmarks/masks.py DATA [--model MODEL] [--scheme SCHEME] [--masks exact|polygons] [--split SPLIT] [--limit N]

Each true object whose box the model finds (IoU from .5, whatever the class) is outlined three times: as the model does, by the
coefficients that fit its true mask best on the model's own prototypes, and by its true mask on the prototypes' grid. The
first to the second is what better coefficients (and boxes) could bring, the second to the third what better prototypes could. Of
small objects the second flatters: their few cells are learnt by heart with as many coefficients.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from seasift.core.boxes import pairwise_iou
from seasift.core.decode import YolactDecode, decode_yolact
from seasift.core.image import read_image
from seasift.core.prepare import InputSpec
from seasift.core.types import Bool, Float32, SizeHW
from seasift.data.coco import CocoImage
from seasift.data.prepared import DataSplit, open_prepared
from seasift.evaluation.confusion import truth_of
from seasift.evaluation.stream import limited
from seasift.inference.predictor import OnnxPredictor, load_predictor

SIZES = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, np.inf), "all": (0, np.inf)}
CERTAIN = 1e-5  # probability of being wrong of a cell that lies wholly inside or outside
STEPS, RIDGE = 12, 0.01


def measure(model: OnnxPredictor, split: DataSplit) -> Float32:
    """Per object found: area in px, IoU of the box, and of the masks by model, best coefficients and grid. (N, 5)."""
    rows = [row for image in split.coco.images for row in _objects(model, split, image)]
    return np.array(rows, np.float32).reshape(-1, 5)


def _objects(model: OnnxPredictor, split: DataSplit, image: CocoImage) -> Iterator[tuple[float, ...]]:
    pixels = read_image(split.images_dir / image.file_name)
    outputs = {name: values[0] for name, values in model.run(model.prepare(pixels)[None]).items()}
    found = model.decode(outputs, size_hw=image.size_hw)
    truth = truth_of(split.coco, image).single
    if not len(found) or found.masks is None or truth.masks is None:
        return
    for box, mask, overlap in zip(
        truth.boxes_xyxy, truth.masks, pairwise_iou(truth.boxes_xyxy, found.boxes_xyxy), strict=True
    ):
        best = int(overlap.argmax())
        if overlap[best] < 0.5 or not mask.area:
            continue
        true = mask.bitmap(image.size_hw)
        spec = model.info.input_spec()
        cells = _on_grid(true, outputs["prototypes"].shape[:2], spec)
        fitted = _fit(outputs["prototypes"], cells, box, spec, image.size_hw)
        shares = cells.clip(CERTAIN, 1 - CERTAIN)
        certain = np.log(shares / (1 - shares))[..., None]
        yield (
            mask.area,
            overlap[best],
            _iou(true, found.masks[best].bitmap(image.size_hw)),
            _iou(true, _outline(outputs["prototypes"], fitted, box, spec, image.size_hw)),
            _iou(true, _outline(certain, np.ones(1, np.float32), box, spec, image.size_hw)),
        )


def _on_grid(true: Bool, grid_hw: tuple[int, ...], spec: InputSpec) -> Float32:
    """The share of each cell of the grid (H', W') that a mask of the image covers."""
    down, across = spec.visible_yx((true.shape[0], true.shape[1]))
    whole = np.zeros((round(true.shape[0] / down), round(true.shape[1] / across)), np.float32)
    whole[: true.shape[0], : true.shape[1]] = true
    return np.asarray(cv2.resize(whole, grid_hw[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _fit(prototypes: Float32, cells: Float32, box: Float32, spec: InputSpec, size_hw: SizeHW) -> Float32:
    """Coefficients (K,) that give the cells of the box their shares: logistic regression by Newton's method."""
    rows, columns = (
        slice(
            max(int(box[1 - axis] / size * visible * count) - 1, 0),
            int(np.ceil(box[3 - axis] / size * visible * count)) + 1,
        )
        for axis, size, visible, count in zip(
            (0, 1), size_hw, spec.visible_yx(size_hw), cells.shape, strict=True
        )
    )
    inputs = prototypes[rows, columns].reshape(-1, prototypes.shape[2]).astype(np.float64)
    shares = cells[rows, columns].ravel()
    fitted = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        said = 1 / (1 + np.exp(-np.clip(inputs @ fitted, -30, 30)))
        weights = np.maximum(said * (1 - said), 1e-4)
        curvature = (inputs.T * weights) @ inputs + RIDGE * np.eye(len(fitted))
        fitted -= np.linalg.solve(curvature, inputs.T @ (said - shares) + RIDGE * fitted)
    return fitted.astype(np.float32)


def _outline(
    prototypes: Float32, coefficients: Float32, box: Float32, spec: InputSpec, size_hw: SizeHW
) -> Bool:
    """The mask that the product's own decode makes of one object."""
    visible = spec.visible_yx(size_hw)
    norm = box / np.array([*size_hw[::-1]] * 2) * np.array([*visible[::-1]] * 2)
    found = decode_yolact(
        norm[None].astype(np.float32),
        np.ones((1, 1), np.float32),
        coefficients[None].astype(np.float32),
        np.ascontiguousarray(prototypes, np.float32),
        size_hw=size_hw,
        settings=YolactDecode(),
        threshold=0.5,
        max_objects=1,
        visible_yx=visible,
    )
    assert found.masks is not None
    return found.masks[0].bitmap(size_hw)


def _iou(a: Bool, b: Bool) -> float:
    return float((a & b).sum() / (a | b).sum())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--scheme")
    parser.add_argument("--masks")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, help="so many images, evenly spaced")
    options = parser.parse_args()
    split = open_prepared(options.data).split(masks=options.masks, scheme=options.scheme, split=options.split)
    split = replace(split, coco=limited(split.coco, options.limit))
    measured = measure(load_predictor(options.model), split)
    print(
        f"{options.model} on {split.name}, {len(split.coco.images)} images; mean IoU with the truth, share above .75\n"
    )
    print(
        "| size | objects | box | mask | by the best coefficients | on the grid |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    )
    for name, (least, most) in SIZES.items():
        rows = measured[(measured[:, 0] >= least) & (measured[:, 0] < most), 1:]
        cells = [f"{column.mean():.3f}, {(column > 0.75).mean():.2f}" for column in rows.T if len(rows)]
        print(f"| {name} | {len(rows)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
