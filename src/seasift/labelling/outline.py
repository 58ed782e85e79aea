"""An outline from a box or clicks: the network's prototypes of a frame, fitted to what a person points at.

A frame runs through the network once. After that, each click costs a small regression in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from seasift.core.boxes import pairwise_iou
from seasift.core.errors import InputError
from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, Float32, SizeHW, UInt8
from seasift.inference.predictor import OnnxPredictor

Point = tuple[float, float]
Box = tuple[float, float, float, float]

_ANCHORS = 8  # points whose coefficients are averaged
_GROWN = 0.15  # of its sides, by which the box guessed from clicks is grown
_SURE = 3.0  # logit that a click asks for
_REACH = 0.15  # of the box's diagonal: how far a click reaches
_ALIKE = (
    1.0  # root mean square difference of prototypes, in their standard deviations, at which cells are unlike
)
_LAB = 40.0  # difference of colour in OpenCV's 8-bit Lab at which cells are unlike
_NOISE = 0.05
_SHIFTS = (0.0, *(sign * step for step in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0) for sign in (1, -1)))
_FULL = 0.85  # share of a box that few objects exceed


@dataclass(frozen=True)
class FrameFeatures:
    """What the network sees in one image.

    Attributes:
        size_hw: of the image, px.
        prototypes: (h, w, K) float32, of the part of the grid that shows the image.
        colours: (h, w, 3) float32, of the same cells, OpenCV's 8-bit Lab.
        boxes_xyxy: (P, 4) float32, the boxes of all points of the network, px of the image.
        scores: (P,) float32, the highest class score of each.
        coefficients: (P, K) float32.
    """

    size_hw: SizeHW
    prototypes: Float32
    colours: Float32
    boxes_xyxy: Float32
    scores: Float32
    coefficients: Float32

    @property
    def cell_xy(self) -> tuple[float, float]:
        """Width and height of a cell of the grid, px of the image."""
        return self.size_hw[1] / self.prototypes.shape[1], self.size_hw[0] / self.prototypes.shape[0]


def look(model: OnnxPredictor, image_rgb_u8: UInt8) -> tuple[FrameFeatures, Instances]:
    """Run the network on an image (H, W, 3) uint8 RGB.

    Returns:
        What outlines are fitted to, and the objects that the model proposes, from a score of .05.
    Raises:
        InputError: the model has no prototypes.
    """
    outputs = {name: values[0] for name, values in model.run(model.prepare(image_rgb_u8)[None]).items()}
    size_hw = (image_rgb_u8.shape[0], image_rgb_u8.shape[1])
    found = model.decode(outputs, size_hw=size_hw)
    if "prototypes" not in outputs or "coefficients" not in outputs:
        raise InputError(
            f"model {model.name}: has no prototypes to fit; expected sift or yolact. Choose another."
        )
    down, across = model.info.input_spec().visible_yx(size_hw)
    grid = outputs["prototypes"]
    rows, columns = max(1, round(grid.shape[0] * down)), max(1, round(grid.shape[1] * across))
    sides = np.array([size_hw[1] / across, size_hw[0] / down] * 2, np.float32)
    lab = cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2LAB)
    return (
        FrameFeatures(
            size_hw,
            np.ascontiguousarray(grid[:rows, :columns]),
            cv2.resize(lab, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32),
            outputs["boxes"] * sides,
            outputs["scores"].max(axis=1),
            outputs["coefficients"],
        ),
        found,
    )


def outline(
    frame: FrameFeatures,
    *,
    box: Box | None = None,
    inside: Sequence[Point] = (),
    outside: Sequence[Point] = (),
) -> MaskCrop:
    """Outline one object.

    The logit of a cell is linear in its prototypes, with the mean coefficients of the network's points whose boxes fit best.
    A drawn box moves all logits so that the mask reaches its sides. Each click then corrects the cells near it that look
    alike, by their prototypes and colours, as much as it takes to make the clicked cell right: interpolation by a Gaussian
    process with the logits as its mean.

    Args:
        frame: of `look`.
        box: around the object, px x1, y1, x2, y2; None: the box of the network's best point for the clicks.
        inside: clicks on the object, px x, y.
        outside: clicks beside it.
    Returns:
        The mask; empty if nothing of it is left.
    Raises:
        InputError: neither a box nor a click on the object.
    Source: prototypes and coefficients: Bolya et al. 2019 (YOLACT), section 3. Interpolation: Rasmussen and Williams 2006
        (Gaussian Processes for Machine Learning), equation 2.25, with a given mean.
    """
    if box is None and not inside:
        raise InputError("an outline needs a box or a click on the object; got neither. Draw one.")
    region = box if box is not None else _guessed(frame, inside, outside)
    logits = np.clip(frame.prototypes @ _coefficients(frame, region), -8, 8).astype(np.float32)
    if box is not None:
        logits += _shift(frame, region, logits)
    clicks = [(*point, 1.0) for point in inside] + [(*point, -1.0) for point in outside]
    if clicks:
        logits += _correction(frame, region, logits, clicks)
    return _mask(frame, region, logits, inside, outside)


def _guessed(frame: FrameFeatures, inside: Sequence[Point], outside: Sequence[Point]) -> Box:
    """The box of the point that is surest of an object under the clicks, grown."""
    x1, y1, x2, y2 = frame.boxes_xyxy.T
    holds = np.ones(len(x1), bool)
    for x, y in inside:
        holds &= (x1 <= x) & (x <= x2) & (y1 <= y) & (y <= y2)
    score = frame.scores.copy()
    for x, y in outside:
        score = np.where((x1 <= x) & (x <= x2) & (y1 <= y) & (y <= y2), score * 0.5, score)
    if holds.any():
        best = int(np.where(holds, score, -1).argmax())
        left, top, right, bottom = (float(side) for side in frame.boxes_xyxy[best])
    else:  # no box holds all clicks
        left, top = (float(side) for side in np.min(inside, axis=0))
        right, bottom = (float(side) for side in np.max(inside, axis=0))
    margin_x = _GROWN * (right - left) + 2 * frame.cell_xy[0]
    margin_y = _GROWN * (bottom - top) + 2 * frame.cell_xy[1]
    height, width = frame.size_hw
    return (
        max(left - margin_x, 0),
        max(top - margin_y, 0),
        min(right + margin_x, width),
        min(bottom + margin_y, height),
    )


def _coefficients(frame: FrameFeatures, region: Box) -> Float32:
    """(K,) mean coefficients of the points whose boxes fit the region best."""
    overlap = pairwise_iou(np.array([region], np.float32), frame.boxes_xyxy)[0]
    fitness = overlap**2 * np.sqrt(np.maximum(frame.scores, 1e-4))
    best = np.argsort(-fitness)[:_ANCHORS]
    if fitness[best].sum() <= 0:
        return np.zeros(frame.coefficients.shape[1], np.float32)
    return np.average(frame.coefficients[best], axis=0, weights=fitness[best]).astype(np.float32)


def _shift(frame: FrameFeatures, region: Box, logits: Float32) -> float:
    """What to add to the logits so that the mask reaches the sides of a drawn box without filling it."""
    wide, high = frame.cell_xy
    left, top = max(int(region[0] / wide), 0), max(int(region[1] / high), 0)
    right, bottom = int(np.ceil(region[2] / wide)), int(np.ceil(region[3] / high))
    cells = logits[top : max(bottom, top + 1), left : max(right, left + 1)]
    best, shift = -np.inf, 0.0
    for each in _SHIFTS:
        bitmap = cells + each > 0
        rows, columns = np.flatnonzero(bitmap.any(1)), np.flatnonzero(bitmap.any(0))
        if not len(rows):
            continue
        reached = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1) / bitmap.size
        value = reached - 0.05 * abs(each) - max(float(bitmap.mean()) - _FULL, 0)
        if value > best:
            best, shift = value, each
    return shift if best > -np.inf else _SHIFTS[-2]


def _correction(
    frame: FrameFeatures, region: Box, logits: Float32, clicks: Sequence[tuple[float, float, float]]
) -> Float32:
    """(h, w) what clicks (x, y, 1 for the object or -1) add to the logits."""
    rows, columns = logits.shape
    wide, high = frame.cell_xy
    x, y = (np.arange(columns) + 0.5) * wide, (np.arange(rows) + 0.5) * high
    reach = _REACH * max(float(np.hypot(region[2] - region[0], region[3] - region[1])), 4 * wide)
    spread = frame.prototypes.std(axis=(0, 1)) + 1e-6
    cells, kernels = [], []
    for px, py, _ in clicks:
        row, column = min(max(int(py / high), 0), rows - 1), min(max(int(px / wide), 0), columns - 1)
        away = ((x - px)[None] ** 2 + (y - py)[:, None] ** 2) / reach**2
        unlike = (((frame.prototypes - frame.prototypes[row, column]) / spread) ** 2).mean(-1) / _ALIKE**2
        colour = ((frame.colours - frame.colours[row, column]) ** 2).sum(-1) / _LAB**2
        kernels.append(np.exp(-(away + unlike + colour) / 2))
        cells.append((row, column))
    asked = np.array(
        [sign * max(_SURE - sign * logits[cell], 0) for cell, (_, _, sign) in zip(cells, clicks, strict=True)]
    )
    between = np.array([[kernel[cell] for cell in cells] for kernel in kernels])
    weights = np.linalg.solve((between + between.T) / 2 + _NOISE * np.eye(len(asked)), asked)
    return np.tensordot(weights, np.array(kernels), 1).astype(np.float32)


def _mask(
    frame: FrameFeatures, region: Box, logits: Float32, inside: Sequence[Point], outside: Sequence[Point]
) -> MaskCrop:
    height, width = frame.size_hw
    left, top = max(int(region[0]), 0), max(int(region[1]), 0)
    right, bottom = min(int(np.ceil(region[2])), width), min(int(np.ceil(region[3])), height)
    if right <= left or bottom <= top:
        return MaskCrop.from_bitmap(np.zeros((1, 1), bool))
    wide, high = frame.cell_xy
    across = ((np.arange(left, right) + 0.5) / wide - 0.5).astype(np.float32)
    down = ((np.arange(top, bottom) + 0.5) / high - 0.5).astype(np.float32)
    map_x, map_y = np.meshgrid(across, down)
    enlarged = cv2.remap(logits, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _connected(enlarged > 0, (left, top), inside, outside)


def _connected(
    bitmap: Bool, corner: tuple[int, int], inside: Sequence[Point], outside: Sequence[Point]
) -> MaskCrop:
    """The mask without parts that a click rules out, and with the clicked pixels themselves."""
    bitmap = bitmap.copy()
    rows, columns = bitmap.shape
    spots = [(int(x) - corner[0], int(y) - corner[1], True) for x, y in inside]
    spots += [(int(x) - corner[0], int(y) - corner[1], False) for x, y in outside]
    for x, y, value in spots:
        if 0 <= x < columns and 0 <= y < rows:
            bitmap[y, x] = value
    _, parts = cv2.connectedComponents(bitmap.astype(np.uint8), connectivity=4)
    wrong = {
        int(parts[y, x]) for x, y, value in spots if not value and 0 <= x < columns and 0 <= y < rows
    } - {0}
    if wrong:
        bitmap &= ~np.isin(parts, list(wrong))
    return MaskCrop.from_bitmap(bitmap, *corner)
