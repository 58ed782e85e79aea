"""Damages small videos in many ways and reads them; run as a program, so that a crash or a hang shows from outside.

Prints one JSON line a video: its name, how many frames came, what was reported, whether going on in the middle gives
frames of the same places and times, and the same images.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np

from seasift.core.errors import InputError
from seasift.video.dive import open_dive
from tests.tiny_video import save_kind

KINDS = (
    "h264-mp4",
    "h264-open-gop-mkv",
    "mpeg2-ts",
    "mjpeg-avi",
    "prores-mov",
    "h264-ts",
    "mpeg4-avi",
    "hevc-ts",
)


def mutated(whole: bytes, chance: random.Random, way: int) -> bytes:
    """The bytes cut off, with single bits turned, a part emptied, a part gone, a bad header, or a part too much."""
    data, index = bytearray(whole), chance.randrange(len(whole))
    if way == 0:
        del data[index:]
    elif way == 1:
        for _ in range(20):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif way == 2:
        data[index : index + len(data) // 6] = bytes(len(data[index : index + len(data) // 6]))
    elif way == 3:
        del data[index : index + len(data) // 5]
    elif way == 4:
        for _ in range(8):
            data[chance.randrange(min(800, len(data)))] = chance.randrange(256)
    else:
        data[index:index] = chance.randbytes(500)
    return bytes(data)


def read(path: Path) -> dict[str, object]:
    """What one video gives."""
    try:
        dive = open_dive([path])
    except InputError as error:
        return {"name": path.name, "frames": 0, "lines": [str(error)], "places": True, "same": True}
    frames = list(dive.frames())
    lines = [str(gap) for gap in dive.gaps]
    times = [frame.time_s for frame in frames]
    assert times == sorted(set(times)), "times grow"
    indices = same = True
    if len(frames) > 2:
        middle = frames[len(frames) // 2]
        rest = open_dive([path]).frames((0, middle.frame), after_time_s=middle.time_s)
        expected_rest = frames[len(frames) // 2 + 1 :]
        got_rest = list(rest)
        indices = len(got_rest) == len(expected_rest)
        for got, expected in zip(got_rest, expected_rest, strict=False):
            indices &= (got.frame, got.time_s) == (expected.frame, expected.time_s)
            same &= bool(np.array_equal(got.image_rgb_u8, expected.image_rgb_u8))
    return {"name": path.name, "frames": len(frames), "lines": lines, "places": indices, "same": same}


def main(folder: Path, count: int) -> None:
    """`count` videos with fixed seeds."""
    whole = {kind: save_kind(folder, kind, count=40) for kind in KINDS}
    for seed in range(count):
        kind = KINDS[seed % len(KINDS)]
        path = folder / f"{seed}-{kind}{whole[kind].suffix}"
        path.write_bytes(mutated(whole[kind].read_bytes(), random.Random(seed), seed // len(KINDS) % 6))
        print(json.dumps(read(path)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
