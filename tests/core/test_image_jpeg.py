"""Markers of a JPEG: sizes and ends are those that OpenCV and Pillow see, whatever stands between them."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest

from seasift.core.errors import ImageError
from seasift.core.image import decode_image
from seasift.core.image_format import defect_of, size_of
from seasift.core.image_jpeg import EOI, MOST_SCANS, SOS, segments
from tests.core.test_image_contents import jpeg

TEM = b"\xff\x01"


def starts(data: bytes) -> list[int]:
    """Where a marker may be put in."""
    return [segment.start - 2 for segment in segments(data) if segment.marker != EOI]


def test_a_marker_without_length_hides_no_size() -> None:
    """TEM, then a comment that holds a smaller frame where a reader lands that takes TEM for one with a length."""
    data = jpeg()
    lie = b"\xff\xc0\0\x0b\x08\0\x10\0\x10\x01\x01\x11\0"
    padding = 4 + 0xFFE5 - 8  # to where "FF E5", taken for a length, would lead from byte 4
    app5 = b"\xff\xe5\xff\xff" + (bytes(padding) + lie).ljust(0xFFFD, b"\0")
    made = data[:2] + TEM + app5 + data[2:]
    assert made[2 + 2 + 0xFFE5 :].startswith(lie)
    theirs = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_COLOR)
    assert theirs is not None
    assert theirs.shape == (240, 320, 3)
    assert size_of(made, "JPEG") == (240, 320)
    assert decode_image(made, "a.jpg").shape == (240, 320, 3)


@pytest.mark.parametrize("alone", [TEM, b"\xff\xd0", b"\xff\xd7", b"\xff", b"\xff\xff"])
def test_markers_without_length_and_fill_bytes_are_passed(alone: bytes) -> None:
    data = jpeg(progressive=True)
    for index in starts(data):
        made = data[:index] + alone + data[index:]
        theirs = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_COLOR)
        assert size_of(made, "JPEG") == (240, 320)
        assert theirs is not None
        assert np.array_equal(decode_image(made, "a.jpg"), theirs[..., ::-1])


@pytest.mark.parametrize("marker", [0x02, 0xBF, 0xDE, 0xDF, 0xF0, 0xFD, 0xC8, 0xD8])
def test_markers_that_the_standard_reserves_are_refused(marker: int) -> None:
    data = jpeg()
    made = data[:2] + bytes([0xFF, marker, 0, 4, 0, 0]) + data[2:]
    with pytest.raises(ImageError, match=f"unknown marker {marker:02X}"):
        decode_image(made, "a.jpg")


def test_a_second_frame_is_refused() -> None:
    data = jpeg()
    frame = next(segment for segment in segments(data) if segment.marker == 0xC0)
    again = data[frame.start - 2 : frame.end]
    with pytest.raises(ImageError, match="second frame"):
        decode_image(data[: frame.end] + again + data[frame.end :], "a.jpg")


def with_scans(count: int) -> bytes:
    """A progressive JPEG with its last scan repeated."""
    data = jpeg(progressive=True)
    parts = [segment for segment in segments(data) if segment.marker == SOS]
    last = data[parts[-1].start - 2 : -2]
    return data[:-2] + last * (count - len(parts)) + b"\xff\xd9"


def test_scans_are_counted() -> None:
    allowed, refused = with_scans(MOST_SCANS), with_scans(MOST_SCANS + 1)
    assert defect_of(allowed, "JPEG") is None
    with pytest.raises(ImageError, match="more than 100 scans"):
        decode_image(refused, "a.jpg")


def test_mutated_headers_never_show_another_size_than_the_decoder() -> None:
    """Where OpenCV decodes what was changed, its image has the size of the header."""
    chance, sources = random.Random(24), [jpeg(), jpeg(progressive=True), jpeg(restart_marker_blocks=4)]
    agreed = 0
    for _ in range(1500):
        data = bytearray(chance.choice(sources))
        first = next(segment for segment in segments(bytes(data)) if segment.marker == SOS)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(2, first.end)] = chance.choice((0, 1, 0x10, 0xFF, 0xC0, 0xD0, 0xFE))
        size = size_of(bytes(data), "JPEG")
        if size is None or defect_of(bytes(data), "JPEG") or size[0] * size[1] > 1 << 20:
            continue
        theirs = cv2.imdecode(np.frombuffer(bytes(data), np.uint8), cv2.IMREAD_COLOR)
        if theirs is not None:
            assert theirs.shape[:2] in (size, size[::-1])
            agreed += 1
    assert agreed > 300
