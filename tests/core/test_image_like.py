"""Everything that users call an image, right and wrong."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

import seasift
from seasift.core.image import read_image, write_image
from seasift.core.image_like import as_image

IMAGE = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3)


class OnlyAnArray:
    """As a tensor of another package."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(IMAGE, dtype=dtype, copy=copy)


def test_paths_and_arrays(tmp_path: Path) -> None:
    path = tmp_path / "größe.png"
    write_image(path, IMAGE)
    for given in (path, str(path), os.fspath(path), IMAGE, IMAGE.copy(order="F"), OnlyAnArray()):
        got = as_image(given)
        assert got.tolist() == IMAGE.tolist()
        assert got.flags.c_contiguous
    assert as_image(IMAGE) is not None
    assert as_image(IMAGE[:, ::-1]).tolist() == IMAGE[:, ::-1].tolist()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK", "1", "LA", "YCbCr"])
def test_pil_images_of_every_mode_are_as_their_conversion(mode: str) -> None:
    image = Image.fromarray(IMAGE).convert(mode)
    assert as_image(image).tolist() == np.asarray(image.convert("RGB")).tolist()


def test_a_16_bit_pil_image_is_as_its_file(tmp_path: Path) -> None:
    deep = (np.arange(30, dtype=np.uint16).reshape(6, 5) * 2113).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert as_image(image).tolist() == read_image(tmp_path / "a.png").tolist()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pil_images_are_turned_in_its_orientation(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(IMAGE).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        assert as_image(image).tolist() == np.asarray(ImageOps.exif_transpose(image)).tolist()
        assert as_image(image).tolist() == read_image(tmp_path / "a.png").tolist()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (None, "None"),
        (b"\xff\xd8\xff", "bytes"),
        (3, "int"),
        ({"a": 1}, "dict"),
        (object(), "object"),
        (IMAGE / 255, "float64 with values 0"),
        (IMAGE.astype(np.float32), "float32"),
        (np.full((6, 5, 3), np.nan), "nan"),
        (IMAGE.astype(np.int64), "int64"),
        (IMAGE.astype(np.uint16) * 256, "uint16"),
        (IMAGE > 3, "bool"),
        (IMAGE.astype(complex), "complex"),
        (IMAGE.astype(str), "<U"),
        (np.full((6, 5, 3), None), "object"),
        (IMAGE[..., 0], r"\(6, 5\)"),
        (IMAGE[..., :1], r"\(6, 5, 1\)"),
        (IMAGE[..., :2], r"\(6, 5, 2\)"),
        (np.zeros((6, 5, 4), np.uint8), r"\(6, 5, 4\)"),
        (IMAGE.transpose(2, 0, 1), r"\(3, 6, 5\)"),
        (np.zeros((6, 5, 17), np.uint8), r"\(6, 5, 17\)"),
        (IMAGE[None], r"\(1, 6, 5, 3\)"),
        (np.zeros(5, np.uint8), r"\(5,\)"),
        (np.uint8(3), r"\(\)"),
        (IMAGE[:0], r"\(0, 5, 3\)"),
        (Image.new("F", (5, 6)), "mode F"),
        (Image.new("I", (5, 6)), "mode I"),
        (Image.new("RGB", (0, 6)), "pixels"),
        ("gone.jpg", "gone.jpg"),
        ("", "folder"),
        ("a\0b", "zero"),
    ],
)
def test_anything_else_says_what_was_got(image: object, words: str) -> None:
    with pytest.raises(seasift.InputError, match=words) as caught:
        as_image(image)
    assert "\n" not in str(caught.value)


def test_a_truncated_pil_image_is_an_input_error() -> None:
    data = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(data, "JPEG")
    with pytest.raises(seasift.InputError, match="cannot be decoded"):
        as_image(Image.open(io.BytesIO(data.getvalue()[:600])))


@pytest.mark.parametrize("path", [None, 3, b"a.jpg", IMAGE, ["a.jpg"]])
def test_read_image_takes_a_path_only(path: Any) -> None:
    with pytest.raises(seasift.InputError, match=type(path).__name__):
        seasift.read_image(path)
