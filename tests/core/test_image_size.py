"""Sizes read from headers are those that OpenCV decodes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from seasift.core.errors import ImageError, LimitError
from seasift.core.image import decode_image, encode_image
from seasift.core.image_format import format_of, size_of


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".bmp"])
@pytest.mark.parametrize("size", [(7, 300), (257, 1), (64, 64)])
def test_the_size_of_each_format(suffix: str, size: tuple[int, int]) -> None:
    data = encode_image(np.full((*size, 3), 90, np.uint8), suffix)
    kind = format_of(data)
    assert kind
    assert size_of(data, kind) == size
    for length in range(0, min(len(data), 60)):
        size_of(data[:length], kind)


def test_lossless_and_extended_webp() -> None:
    image = np.full((30, 500, 3), 90, np.uint8)
    _, lossless = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert size_of(bytes(lossless), "WebP") == (30, 500)
    alpha = np.dstack([image, np.arange(15000, dtype=np.uint8).reshape(30, 500)])
    _, extended = cv2.imencode(".webp", alpha, [cv2.IMWRITE_WEBP_QUALITY, 50])
    assert size_of(bytes(extended), "WebP") == (30, 500)


def test_a_image_of_too_many_pixels_is_refused_and_so_is_one_of_unknown_size() -> None:
    data = encode_image(np.zeros((10, 20, 3), np.uint8), ".tif")
    assert decode_image(data, "a.tif", max_pixels=200).shape == (10, 20, 3)
    with pytest.raises(LimitError, match=r"a.tif: 20 x 10 px; expected at most 199 pixels"):
        decode_image(data, "a.tif", max_pixels=199)
    with pytest.raises(ImageError, match="does not say how large it is"):
        decode_image(b"II*\0" + bytes(100), "a.tif", max_pixels=199)
