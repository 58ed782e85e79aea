"""Processor time of the decoder of yolo-segment: an input of 640 px, 100 objects of 80 classes, each proposed six times.

Run it on one core: OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/decode_yolo.py
"""

from __future__ import annotations

import time

import cv2
import numpy as np

from seasift.core.decode import YolactDecode
from seasift.core.outputs import OUTPUTS
from seasift.core.prepare import InputSpec

SIDE_PX = 56
SIZES = ((640, 640), (480, 640), (1080, 1920))


def main() -> None:
    """Print the median and the lowest processor time of 200 runs for each size of image."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    raw = np.zeros((4 + 80 + 32, 8400), np.float32)
    raw[4:84] = rng.random((80, 8400)) * 0.05
    raw[84:] = rng.normal(size=(32, 8400))
    for number in range(600):
        row, column = divmod(number // 6, 10)
        raw[:4, number * 13] = np.array([40 + 62 * column, 40 + 62 * row, SIDE_PX, SIDE_PX]) + rng.normal(
            size=4
        )
        raw[4 + number // 6 % 80, number * 13] = 0.5 + 0.4 * rng.random()
    outputs = {"predictions": raw, "prototype_masks": rng.normal(size=(32, 160, 160)).astype(np.float32)}
    spec = InputSpec((640, 640), (0, 0, 0), (255, 255, 255), "letterbox", "linear", 114.0)
    for size_hw in SIZES:
        times = []
        for _ in range(200):
            start = time.thread_time()
            found = OUTPUTS["yolo-segment"].decode(
                outputs,
                size_hw=size_hw,
                spec=spec,
                settings=YolactDecode(nms_iou=0.7),
                threshold=0.25,
                max_objects=300,
            )
            times.append(1000 * (time.thread_time() - start))
        print(
            f"{size_hw}: {len(found)} objects, median {np.median(times):.2f} ms, lowest {min(times):.2f} ms"
        )


if __name__ == "__main__":
    main()
