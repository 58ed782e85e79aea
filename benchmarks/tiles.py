"""What tiles do to a model's finding and counting, on large images whose truth is known.

    python benchmarks/tiles.py DATA [--model MODEL] [--every K] [--most N]

DATA is TrashCan as `seasift data prepare` makes it; its split `official` val is used. First, images are laid side
by side, 4 in a row and 3 rows, and the model is judged on the same objects in four ways: on each image before
they were laid together (what tiles can hope for), on the mosaic as a whole, on tiles whose objects are merely put
together, and on merged tiles. Then single images are enlarged four times, where a tile sees less than an image.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.tiling import TileGrid
from seasift.core.types import UInt8
from seasift.data.coco import CocoAnnotation, CocoDataset, CocoImage
from seasift.data.prepared import DataSplit, open_prepared
from seasift.data.synthetic import lay_out, read_pieces
from seasift.evaluation.coco_metrics import evaluate
from seasift.evaluation.confusion import match, truth_of
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.inference.tiling import TiledPredictor

AP_THRESHOLD, COUNT_THRESHOLD = 0.05, 0.2
MOST = 2000
GRIDS = {"480x270": (270, 480), "480x480": (480, 480), "320x320": (320, 320)}
ENLARGED, EVERY_STILL = 4, 15


class Remembered:
    """A model that looks at no image twice, so that one tile can be used at several thresholds."""

    def __init__(self, model: OnnxPredictor) -> None:
        self.name, self.categories = model.name, model.categories
        self._model = model
        self._found: dict[int, Instances] = {}

    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        return [self._of(image, threshold) for image in images_rgb_u8]

    def _of(self, image: UInt8, threshold: float) -> Instances:
        key = hash((image.shape, image.tobytes()))
        if key not in self._found:
            (self._found[key],) = self._model.predict([image], threshold=AP_THRESHOLD)
        return self._found[key].take(self._found[key].scores > threshold)

    def forget(self) -> None:
        self._found.clear()


class Tally:
    """What one way of looking found, at the threshold of AP and at that of counting."""

    def __init__(self) -> None:
        self.found: dict[float, dict[int, Instances]] = {AP_THRESHOLD: {}, COUNT_THRESHOLD: {}}

    def row(self, name: str, truth: CocoDataset) -> str:
        figures = evaluate(truth, self.found[AP_THRESHOLD], truth.categories).masks
        counted = self.found[COUNT_THRESHOLD]
        right = sum(match(counted[image.id], truth_of(truth, image)).right for image in truth.images)
        numbers = f"{sum(map(len, counted.values())):,} | {right:,}"
        return (
            f"| {name} | {figures['AP']:.3f} | {figures['AP50']:.3f} | {figures['AR100']:.3f} | {numbers} |"
        )


def unmerged(model: Remembered, image: UInt8, grid: TileGrid, threshold: float) -> Instances:
    """Tiles whose objects are only put in their places."""
    size_hw = image.shape[0], image.shape[1]
    found = []
    for w in (window for row in grid.rows(size_hw) for window in row):
        tile = np.ascontiguousarray(image[w.y1 : w.y2, w.x1 : w.x2])
        found.append(model.predict([tile], threshold=threshold)[0].moved(w.x1, w.y1, size_hw))
    return Instances.joined(found)


def tiled(
    model: Remembered, image: UInt8, grid: TileGrid, threshold: float, *, whole: bool = False
) -> Instances:
    """Merged tiles."""
    predictor = TiledPredictor(model, grid, whole=whole)
    return predictor.predict([image], threshold=threshold, max_objects=MOST)[0]


def print_table(title: str, tallies: dict[str, Tally], truth: CocoDataset) -> None:
    single = sum(not annotation.iscrowd for annotation in truth.annotations)
    print(f"\n{title}: {len(truth.images)} with {single:,} objects\n")
    print(f"| looked at | mask AP | AP50 | AR100 | found from {COUNT_THRESHOLD} | of them right |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, tally in tallies.items():
        print(tally.row(name, truth), flush=True)


def mosaics(model: Remembered, split: DataSplit, every: int, most: int | None) -> None:
    """Images side by side."""
    laid, truth = lay_out(split)
    truth = truth.subset([image.file_name for image in truth.images[::every][:most]])
    tallies: dict[str, Tally] = {}
    for image in truth.images:
        mosaic = laid[image.id]
        loaded = read_pieces(split, mosaic)
        large = mosaic.assemble(loaded)
        model.forget()
        for threshold in (AP_THRESHOLD, COUNT_THRESHOLD):
            ways = {
                "each image by itself": mosaic.gather(model.predict(loaded, threshold=threshold)),
                "the whole": model.predict([large], threshold=threshold)[0],
            }
            for name, tile_hw in GRIDS.items():
                grid = TileGrid(tile_hw)
                ways[f"tiles of {name}, not merged"] = unmerged(model, large, grid, threshold)
                ways[f"tiles of {name}"] = tiled(model, large, grid, threshold)
            grid = TileGrid(GRIDS["480x270"])
            ways["tiles of 480x270 and the whole"] = tiled(model, large, grid, threshold, whole=True)
            for name, found in ways.items():
                tallies.setdefault(name, Tally()).found[threshold][image.id] = found
    print_table("Mosaics of 12 images", tallies, truth)


def stills(model: Remembered, split: DataSplit) -> None:
    """Single images enlarged."""
    images = [image for image in split.coco.images if image.size_hw == (270, 480)][::EVERY_STILL]
    truth = enlarged_truth(split.coco.subset([image.file_name for image in images]))
    grid = TileGrid((540, 960))
    tallies: dict[str, Tally] = {}
    for small, image in zip(images, truth.images, strict=True):
        size_wh = image.size_hw[1], image.size_hw[0]
        pixels = cv2.imread(str(split.images_dir / small.file_name))[..., ::-1]
        large = np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_CUBIC), np.uint8)
        model.forget()
        for threshold in (AP_THRESHOLD, COUNT_THRESHOLD):
            ways = {
                "the whole": model.predict([large], threshold=threshold)[0],
                "tiles of 960x540": tiled(model, large, grid, threshold),
                "tiles of 960x540 and the whole": tiled(model, large, grid, threshold, whole=True),
            }
            for name, found in ways.items():
                tallies.setdefault(name, Tally()).found[threshold][image.id] = found
    print_table(f"Images enlarged {ENLARGED} times", tallies, truth)


def enlarged_truth(coco: CocoDataset) -> CocoDataset:
    """The same objects in images of `ENLARGED` times the sides."""
    images = tuple(
        CocoImage(i.id, i.file_name, (i.size_hw[0] * ENLARGED, i.size_hw[1] * ENLARGED)) for i in coco.images
    )
    annotations = []
    for image, small in zip(images, coco.images, strict=True):
        for a in coco.annotations_of(image.id):
            bitmap = a.mask(small.size_hw).bitmap(small.size_hw)
            mask = MaskCrop.from_bitmap(np.kron(bitmap, np.ones((ENLARGED, ENLARGED), bool)))
            x, y, width, height = (value * ENLARGED for value in a.bbox_xywh)
            area = a.area * ENLARGED**2
            annotations.append(
                CocoAnnotation(
                    *(a.id, a.image_id, a.category_id, (x, y, width, height), area, a.iscrowd),
                    mask.rle(image.size_hw),
                )
            )
    return CocoDataset(coco.categories, images, tuple(annotations))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--every", type=int, default=1, help="take each K-th mosaic")
    parser.add_argument("--most", type=int, help="take at most so many mosaics")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    model = Remembered(load_predictor(given.model, threads=given.threads))
    split = open_prepared(given.data).split("instance", "exact", "official", "val")
    mosaics(model, split, given.every, given.most)
    stills(model, split)


if __name__ == "__main__":
    main()
