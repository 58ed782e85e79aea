"""How good an outline is after a box or some clicks, by simulated clicks on true masks.

    python benchmarks/clicks.py DATA [--model MODEL] [--scheme SCHEME] [--split SPLIT] [--objects N] [--grabcut]

A box is the tight box of the true mask. A click goes to the pixel of the largest wrong part that is farthest from its edge, as
in benchmarks of interactive segmentation (Sofiiuk et al. 2020, f-BRS, section 4). With --grabcut, GrabCut (Rother et al. 2004,
OpenCV's) gets the same box and clicks; without a box it gets the whole image as possible object. Objects are spread evenly
over the split; those smaller than 100 px are left out. Times are of one outline, without the network's run on the frame.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from seasift.core.image import read_image
from seasift.core.types import Bool, UInt8
from seasift.data.prepared import resolve_split
from seasift.inference.predictor import load_predictor
from seasift.labelling.outline import Box, FrameFeatures, Point, look, outline

SMALLEST = 100
CLICKS = (1, 3, 5)
Draw = Callable[[Box | None, list[Point], list[Point]], Bool]


def by_prototypes(frame: FrameFeatures) -> Draw:
    return lambda box, inside, outside: outline(frame, box=box, inside=inside, outside=outside).bitmap(
        frame.size_hw
    )


def by_grabcut(image: UInt8) -> Draw:
    def draw(box: Box | None, inside: list[Point], outside: list[Point]) -> Bool:
        mask = np.full(image.shape[:2], cv2.GC_PR_BGD if box is None else cv2.GC_BGD, np.uint8)
        if box is not None:
            x1, y1, x2, y2 = (round(side) for side in box)
            mask[y1:y2, x1:x2] = cv2.GC_PR_FGD
        for points, value in ((outside, cv2.GC_BGD), (inside, cv2.GC_FGD)):
            for x, y in points:
                cv2.circle(mask, (int(x), int(y)), 2, value, -1)
        if box is None:
            for x, y in inside:
                cv2.circle(mask, (int(x), int(y)), 25, cv2.GC_PR_FGD, 4)
        colours, models = image[..., ::-1].copy(), (np.zeros((1, 65)), np.zeros((1, 65)))
        with contextlib.suppress(cv2.error):  # no pixel of one kind
            cv2.grabCut(colours, mask, None, *models, 3, cv2.GC_INIT_WITH_MASK)
        return (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)

    return draw


def next_click(truth: Bool, drawn: Bool) -> tuple[Point, bool] | None:
    """The middle of the largest wrong part, and whether it is of the object."""
    best = None
    for wrong, of_object in ((truth & ~drawn, True), (drawn & ~truth, False)):
        count, parts, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8), connectivity=4)
        if count > 1:
            part = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
            area = int(stats[part, cv2.CC_STAT_AREA])
            if best is None or area > best[0]:
                depth = cv2.distanceTransform(np.pad((parts == part).astype(np.uint8), 1), cv2.DIST_L2, 5)[
                    1:-1, 1:-1
                ]
                y, x = np.unravel_index(int(depth.argmax()), depth.shape)
                best = (area, (float(x) + 0.5, float(y) + 0.5), of_object)
    return None if best is None else (best[1], best[2])


def iou(a: Bool, b: Bool) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def run(
    draw: Draw, truth: Bool, box: Box, name: str, found: dict[str, list[float]], seconds: list[float]
) -> None:
    for start, first in (("box", box), ("clicks", None)):
        inside: list[Point] = []
        outside: list[Point] = []
        drawn = np.zeros_like(truth)
        if first is not None:
            drawn = draw(first, inside, outside)
            found[f"{name}: box"].append(iou(truth, drawn))
        for clicks in range(1, max(CLICKS) + 1):
            point = next_click(truth, drawn)
            if point is not None:
                (inside if point[1] else outside).append(point[0])
                began = time.perf_counter()
                drawn = draw(first, inside, outside)
                seconds.append(time.perf_counter() - began)
            if clicks in CLICKS:
                found[
                    f"{name}: {'box and ' if start == 'box' else ''}{clicks} click{'s' * (clicks > 1)}"
                ].append(iou(truth, drawn))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--scheme", default="dive-free")
    parser.add_argument("--split", default="test")
    parser.add_argument("--objects", type=int, default=300)
    parser.add_argument(
        "--grabcut", action="store_true", help="outline by GrabCut, too (half a second a click)"
    )
    options = parser.parse_args()
    model = load_predictor(options.model)
    split = resolve_split(options.data, scheme=options.scheme, split=options.split)
    size_of = {image.id: image for image in split.coco.images}
    all_objects = [a for a in split.coco.annotations if a.has_mask and not a.iscrowd and a.area >= SMALLEST]
    chosen = [
        all_objects[round(i)]
        for i in np.linspace(0, len(all_objects) - 1, min(options.objects, len(all_objects)))
    ]
    found: dict[str, list[float]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    for annotation in chosen:
        entry = size_of[annotation.image_id]
        image = read_image(split.images_dir / entry.file_name)
        frame, _ = look(model, image)
        truth = annotation.mask(entry.size_hw).bitmap(entry.size_hw)
        rows, columns = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
        box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        run(by_prototypes(frame), truth, box, "seasift", found, seconds["seasift"])
        if options.grabcut:
            run(by_grabcut(image), truth, box, "grabcut", found, seconds["grabcut"])
    print(f"{len(chosen)} objects of {split.name}, model {model.name}")
    for name, values in found.items():
        print(f"{name:28} mean IoU {np.mean(values):.3f}  above .8: {np.mean(np.array(values) > 0.8):.2f}")
    for name, times in seconds.items():
        print(
            f"{name:28} {1000 * np.median(times):.1f} ms a click (median), {1000 * np.quantile(times, 0.95):.1f} ms (95%)"
        )


if __name__ == "__main__":
    main()
