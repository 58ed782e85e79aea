"""Images of every kind a user may give; Pillow is the independent reader."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from seasift.core.errors import ImageError
from seasift.core.image import decode_image, encode_image, read_image, write_image
from seasift.core.image_format import other_kind

HEIGHT, WIDTH = 64, 80


def gradient(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray[Any, Any]:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], -1).astype(
        np.uint8
    )


def pillow(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    image = Image.fromarray(gradient()).convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def as_pillow_reads(data: bytes) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def opencv(suffix: str, image: np.ndarray[Any, Any]) -> bytes:
    return bytes(cv2.imencode(suffix, image)[1])


WHOLE = {
    "jpeg": pillow("JPEG", quality=95),
    "progressive jpeg": pillow("JPEG", quality=95, progressive=True),
    "png": pillow("PNG"),
    "tiff": pillow("TIFF"),
    "lzw tiff": pillow("TIFF", compression="tiff_lzw"),
    "webp": pillow("WEBP", lossless=True),
    "bmp": pillow("BMP"),
    "grey jpeg": pillow("JPEG", "L"),
    "grey png": pillow("PNG", "L"),
    "grey and alpha png": pillow("PNG", "LA"),
    "black and white png": pillow("PNG", "1"),
    "palette png": pillow("PNG", "P"),
    "alpha png": pillow("PNG", "RGBA"),
    "alpha webp": pillow("WEBP", "RGBA", lossless=True),
    "cmyk jpeg": pillow("JPEG", "CMYK", quality=95),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_reads_what_pillow_reads(kind: str) -> None:
    image = decode_image(WHOLE[kind], kind)
    assert image.dtype == np.uint8
    assert image.shape == (HEIGHT, WIDTH, 3)
    # CMYK to RGB is rounded differently, by one.
    assert np.abs(image.astype(int) - as_pillow_reads(WHOLE[kind])).max() <= ("cmyk" in kind)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = pillow(kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))
    expected = as_pillow_reads(data)
    assert expected.shape == ((WIDTH, HEIGHT, 3) if orientation > 4 else (HEIGHT, WIDTH, 3))
    np.testing.assert_array_equal(decode_image(data, "turned"), expected)


def test_alpha_is_dropped_not_blended() -> None:
    image = np.dstack([gradient(), np.zeros((HEIGHT, WIDTH), np.uint8)])
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    np.testing.assert_array_equal(decode_image(file.getvalue(), "clear"), gradient())


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_is_rounded_to_8(suffix: str, channels: int) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    image = values if channels == 1 else np.dstack([values, values[::-1], values[:, ::-1]])
    expected = np.rint(image.astype(float) / 257).astype(int)
    expected = np.dstack([expected] * 3) if channels == 1 else expected[..., ::-1]
    np.testing.assert_array_equal(decode_image(opencv(suffix, image), "deep"), expected)


def test_dark_16_bit_stays_dark() -> None:
    """The scale is the format's, not guessed from the brightest pixel."""
    assert decode_image(opencv(".png", np.full((4, 4), 257, np.uint16)), "dark").max() == 1


def test_one_pixel() -> None:
    image = np.array([[[1, 2, 3]]], np.uint8)
    np.testing.assert_array_equal(decode_image(encode_image(image, ".png"), "dot"), image)


def test_12000_by_9000(tmp_path: Path) -> None:
    row = zlib.compress(b"\0" * (1 + 12000 // 8) * 9000, 1)  # one bit a pixel: OpenCV makes all 324 MB of it
    header = np.array([12000, 9000], ">u4").tobytes() + bytes([1, 0, 0, 0, 0])
    chunks = [(b"IHDR", header), (b"IDAT", row), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")
        for name, body in chunks
    )
    (tmp_path / "mosaic.png").write_bytes(data)
    assert read_image(tmp_path / "mosaic.png").shape == (9000, 12000, 3)


@pytest.mark.parametrize(
    "name", ["with space.png", "Größe.png", "海底 ごみ.png", "emoji 🦀.png", "hash#1%20.png"]
)
def test_names_of_any_letters(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / name, gradient())
    np.testing.assert_array_equal(read_image(tmp_path / name), gradient())


def message(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        decode_image(data, "a.jpg")
    text = str(caught.value)
    assert text.startswith("a.jpg: ")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("kind", ["jpeg", "progressive jpeg", "png", "tiff", "lzw tiff", "webp", "bmp"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_is_an_error_and_not_filled_with_grey(kind: str, share: float) -> None:
    data = WHOLE[kind]
    text = message(data[: int(len(data) * share)])
    assert "truncated" in text
    if "jpeg" in kind:  # noticed by us and not only by a decoder that happens to be strict
        assert "its end marker is missing" in text or "before its first row" in text


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_missing_the_very_end_is_an_error(kind: str) -> None:
    assert "truncated" in message(WHOLE[kind][:-2])


def test_a_thumbnail_does_not_hide_a_truncated_jpeg() -> None:
    whole = WHOLE["jpeg"]
    part = b"\xff\xef" + (2 + len(whole)).to_bytes(2, "big") + whole  # a JPEG in a segment before the image
    data = whole[:2] + part + whole[2:]
    index = data.rindex(b"\xff\xda")
    assert "truncated" in message(data[: index + 200])
    assert decode_image(data, "whole").shape == (HEIGHT, WIDTH, 3)


def test_bytes_behind_the_end_of_a_jpeg_do_not_matter() -> None:
    np.testing.assert_array_equal(
        decode_image(WHOLE["jpeg"] + b"maker's notes" * 99, "x"), decode_image(WHOLE["jpeg"], "x")
    )


def test_a_changed_byte_in_a_png_is_an_error() -> None:
    data = bytearray(WHOLE["png"])
    data[len(data) // 2] ^= 0x40
    assert "damaged: the checksum of its part 'IDAT'" in message(bytes(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file (0 bytes)"),
        (b"hello, I am text", "16 bytes, starts with 'hello, I am text'"),
        ("grüße an alle da".encode(), "starts with 'grüße an alle"),
        (b"\0" * 100, "100 bytes, all zero"),
        (bytes(range(1, 60)), "starts with bytes 01 02 03"),
        (pillow("GIF"), "a GIF"),
        (pillow("PPM"), "a PPM"),
        (b"%PDF-1.7 xxxxxxxxxxx", "a PDF"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, "HEIC or AVIF"),
        (b"\0\0\0\x18ftypisom" + b"\0" * 40, "an MP4 or MOV video"),
    ],
)
def test_no_image_is_named_for_what_it_is(data: bytes, words: str) -> None:
    text = message(data)
    assert words in text
    assert "expected JPEG, PNG, TIFF, WebP or BMP" in text


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animations_are_refused(kind: str) -> None:
    first = Image.fromarray(gradient())
    data = pillow(kind, save_all=True, append_images=[first.rotate(90)])
    assert "animated" in message(data)


def test_float_pixels_are_refused() -> None:
    assert "float32" in message(opencv(".tiff", gradient().astype(np.float32) / 255))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "none.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(ImageError, match="a folder"):
        read_image(tmp_path / "folder.jpg")


def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.jpg"
    path.write_bytes(WHOLE["jpeg"])
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(path)


def test_opencv_prints_nothing(tmp_path: Path) -> None:
    """Its decoders write to file descriptor 2, so this looks at a whole process."""
    names = []
    for kind, data in WHOLE.items():
        for part, end in (("half", len(data) // 2), ("most", len(data) - 9)):
            names.append(tmp_path / f"{kind} {part}.jpg")
            names[-1].write_bytes(data[:end])
    code = (
        "import sys, pathlib\n"
        "from seasift.core.image import read_image\n"
        "from seasift.core.errors import ImageError\n"
        "for name in sys.argv[1:]:\n"
        "    try: read_image(pathlib.Path(name))\n"
        "    except ImageError: continue\n"
        "    print('read', name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout == ""


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".bmp", ".JPG"])
def test_written_images_are_read_by_others(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"out{suffix}", gradient())
    with Image.open(tmp_path / f"out{suffix}") as image:
        difference = np.abs(np.asarray(image.convert("RGB")).astype(int) - gradient())
    assert difference.max() <= (0 if suffix in (".png", ".tif", ".bmp") else 12)
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]


def test_unknown_suffix_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"'\.xyz'"):
        write_image(tmp_path / "out.xyz", gradient())
    assert not list(tmp_path.iterdir())


def test_other_kind_never_fails() -> None:
    for start in range(256):
        assert other_kind(bytes([start]) * 3)
