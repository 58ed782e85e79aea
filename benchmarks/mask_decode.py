"""What drawing masks costs: prototypes and dynamic masks, 100 objects of true sizes, one core.

python benchmarks/mask_decode.py DATA [--split SPLIT] [--part PART]
"""

from __future__ import annotations

import argparse
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seasift.core import decode
from seasift.core.decode import YolactDecode, decode_dynamic, decode_yolact
from seasift.core.dynamic_masks import FEATURES, PARAMETERS, dynamic_logits
from seasift.core.types import Float32
from seasift.data.prepared import DataPart, open_prepared
from seasift.evaluation.truth import truth_of

OBJECTS, GRID, SIZE_HW, PROTOTYPES, REPEATS = 100, (96, 120), (384, 480), 32, 200


def boxes_of(part: DataPart) -> Float32:
    """Boxes of as many true objects, relative to their images."""
    boxes = []
    for image in part.coco.images:
        truth = truth_of(part.coco, image).single
        boxes.append(truth.boxes_xyxy / np.array([image.size_hw[::-1] * 2]))
    every = np.concatenate(boxes).astype(np.float32)
    return every[np.random.default_rng(0).choice(len(every), OBJECTS, replace=False)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--split")
    parser.add_argument("--part", default="val")
    options = parser.parse_args()
    part = open_prepared(options.data).part(split=options.split, part=options.part)
    random, boxes = np.random.default_rng(1), boxes_of(part)
    coefficients, parameters = (
        random.normal(size=(OBJECTS, count)).astype(np.float32) for count in (PROTOTYPES, PARAMETERS)
    )
    prototypes, features = (
        random.normal(size=(*GRID, count)).astype(np.float32) for count in (PROTOTYPES, FEATURES)
    )
    sides = [decode._side(cells, pixels, 1.0) for cells, pixels in zip(GRID, SIZE_HW, strict=True)]
    reaches = [decode._reach(one, *sides) for one in boxes]

    def by_prototypes() -> None:
        for mine, (rows, columns) in zip(coefficients, reaches, strict=True):
            np.einsum("hwk,k->hw", prototypes[slice(*rows), slice(*columns)], mine)

    scores = np.eye(OBJECTS, dtype=np.float32)  # a class for each, so that none is suppressed
    whole: dict[str, Any] = {
        "size_hw": SIZE_HW, "settings": YolactDecode(), "threshold": 0.5, "max_objects": OBJECTS
    }  # fmt: skip
    ways: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "prototypes": (
            by_prototypes,
            lambda: decode_yolact(boxes, scores, coefficients, prototypes, **whole),
        ),
        "dynamic": (
            lambda: list(dynamic_logits(features, parameters, boxes, reaches)),
            lambda: decode_dynamic(boxes, scores, parameters, features, **whole),
        ),
    }
    cells = np.mean([(rows[1] - rows[0]) * (columns[1] - columns[0]) for rows, columns in reaches])
    print(f"{OBJECTS} objects of {part.name}, {cells:.0f} cells each on average; least of {REPEATS}, ms\n")
    print("| masks by | logits | whole decode |\n| --- | ---: | ---: |")
    for name, both in ways.items():
        least = [min(timeit.repeat(way, number=1, repeat=REPEATS)) * 1e3 for way in both]
        print(f"| {name} | {least[0]:.2f} | {least[1]:.1f} |")


if __name__ == "__main__":
    main()
