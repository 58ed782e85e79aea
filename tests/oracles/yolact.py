"""Slow, obvious versions of what YOLACT computes in a few matrix steps."""

from __future__ import annotations

import math

import numpy as np


def iou(a, b) -> float:
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union > 0 else 0.0


def inside(box, crowd) -> float:
    """Share of `box` that lies in `crowd`."""
    width = max(min(box[2], crowd[2]) - max(box[0], crowd[0]), 0)
    height = max(min(box[3], crowd[3]) - max(box[1], crowd[1]), 0)
    return width * height / ((box[2] - box[0]) * (box[3] - box[1]))


def match_image(boxes, classes, crowds, priors) -> tuple[list[int], list[int]]:
    """Object and label (1 + class, 0 background, -1 neutral) of each prior of one image."""
    objects, labels, best = [], [], []
    for prior in priors:
        overlaps = [iou(box, prior) for box in boxes]
        objects.append(int(np.argmax(overlaps)) if overlaps else 0)
        best.append(max(overlaps, default=-1.0))
    open_boxes, free = set(range(len(boxes))), set(range(len(priors)))
    while open_boxes and free:
        pairs = [(-iou(boxes[b], priors[p]), b, p) for b in open_boxes for p in free]
        _, box, prior = min(pairs)
        objects[prior], best[prior] = box, 2.0
        open_boxes.remove(box)
        free.remove(prior)
    for prior, overlap, which in zip(priors, best, objects, strict=True):
        if overlap >= 0.5:
            labels.append(classes[which] + 1)
        elif overlap >= 0.4 or any(inside(prior, crowd) > 0.7 for crowd in crowds):
            labels.append(-1)
        else:
            labels.append(0)
    return objects, labels


def fast_nms(boxes, scores, *, iou_limit, top_k, keep) -> list[tuple[int, int, float]]:
    """(row, class, score), best first."""
    kept = []
    for class_id in range(scores.shape[1]):
        order = sorted(range(len(boxes)), key=lambda row: (-scores[row, class_id], row))[:top_k]
        for index, row in enumerate(order):
            # A box falls even to a better one that has fallen itself.
            if all(iou(boxes[better], boxes[row]) <= iou_limit for better in order[:index]):
                kept.append((row, class_id, float(scores[row, class_id])))
    return sorted(kept, key=lambda item: -item[2])[:keep]


def assemble_mask(coefficients, prototypes, box_norm, size_hw) -> np.ndarray:
    """One full-size bitmap, pixel by pixel."""
    height, width, _ = prototypes.shape
    x1, x2 = sorted((box_norm[0], box_norm[2]))
    y1, y2 = sorted((box_norm[1], box_norm[3]))
    small = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            in_rows = max(y1 * height - 1, 0) <= row < min(y2 * height + 1, height)
            in_columns = max(x1 * width - 1, 0) <= column < min(x2 * width + 1, width)
            if in_rows and in_columns:
                small[row, column] = 1 / (1 + math.exp(-float(prototypes[row, column] @ coefficients)))
    full = np.zeros(size_hw)
    for y in range(size_hw[0]):
        for x in range(size_hw[1]):
            full[y, x] = _bilinear(
                small, (y + 0.5) * height / size_hw[0] - 0.5, (x + 0.5) * width / size_hw[1] - 0.5
            )
    return full


def _bilinear(grid, y, x) -> float:
    y, x = max(y, 0.0), max(x, 0.0)
    top, left = min(int(y), grid.shape[0] - 1), min(int(x), grid.shape[1] - 1)
    bottom, right = min(top + 1, grid.shape[0] - 1), min(left + 1, grid.shape[1] - 1)
    dy, dx = y - top, x - left
    above = grid[top, left] * (1 - dx) + grid[top, right] * dx
    below = grid[bottom, left] * (1 - dx) + grid[bottom, right] * dx
    return above * (1 - dy) + below * dy


def losses(output, priors, boxes, classes, proto_masks, semantic_masks) -> dict[str, float]:
    """The four losses image by image, prior by prior, with the published weights.

    Args:
        output: offsets (B, P, 4), logits (B, P, 1 + C), coefficients (B, P, K), prototypes (B, h, w, K),
            semantic (B, C, h', w') as float64 arrays.
        priors: (P, 4) cx, cy, w, h.
        boxes, classes, proto_masks, semantic_masks: a list per image.
    """
    offsets, logits, coefficients, prototypes, semantic = output
    corners = np.concatenate([priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2], axis=1)
    box = label = mask = segment = 0.0
    positives = 0
    for b in range(len(offsets)):
        objects, labels = match_image(boxes[b], classes[b], [], corners)
        background = [(-_log_softmax(logits[b, p])[0], p) for p in range(len(priors)) if labels[p] == 0]
        own = [p for p in range(len(priors)) if labels[p] > 0]
        positives += len(own)
        hard = [p for _, p in sorted(background, key=lambda item: -item[0])[: 3 * len(own)]]
        for p in own + hard:
            label -= _log_softmax(logits[b, p])[labels[p]]
        for p in own:
            truth = boxes[b][objects[p]]
            box += sum(_smooth_l1(offsets[b, p, i] - t) for i, t in enumerate(_encode(truth, priors[p])))
            mask += _mask_loss(coefficients[b, p], prototypes[b], truth, proto_masks[b][objects[p]])
        for c in range(semantic.shape[1]):
            there = np.zeros(semantic.shape[2:])
            for which, own_class in enumerate(classes[b]):
                if own_class == c:
                    there = np.maximum(there, semantic_masks[b][which])
            segment += float(np.mean(_entropy(semantic[b, c], there)))
    count = max(positives, 1)
    return {
        "box": 1.5 * box / count,
        "class": label / count,
        "mask": 6.125 * mask / count,
        "semantic": segment / len(offsets),
    }


def _log_softmax(logits):
    return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()


def _smooth_l1(x) -> float:
    return 0.5 * x * x if abs(x) < 1 else abs(x) - 0.5


def _encode(box, prior):
    centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    side = (box[2] - box[0], box[3] - box[1])
    shift = [(centre[i] - prior[i]) / (0.1 * prior[2 + i]) for i in range(2)]
    return shift + [math.log(side[i] / prior[2 + i]) / 0.2 for i in range(2)]


def _entropy(logits, truth):
    return np.logaddexp(0, logits) - truth * logits


def _mask_loss(coefficients, prototypes, box, truth) -> float:
    """Cross-entropy inside the box (one cell wider), divided by the box's cells."""
    height, width, _ = prototypes.shape
    total = 0.0
    for row in range(height):
        for column in range(width):
            in_rows = box[1] * height - 1 <= row < box[3] * height + 1
            in_columns = box[0] * width - 1 <= column < box[2] * width + 1
            if in_rows and in_columns:
                total += float(_entropy(prototypes[row, column] @ coefficients, truth[row, column]))
            else:
                total += 100.0 * float(truth[row, column])  # certain and wrong, as PyTorch clamps it
    return total / ((box[2] - box[0]) * width * (box[3] - box[1]) * height)
