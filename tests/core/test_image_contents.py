"""Files that are other than their names say: RAW, damaged JPEG, TIFF with alpha or several pages, EXIF orientation."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from seasift.core.errors import ImageError
from seasift.core.image import decode_image, page_count, read_image, read_orientation
from seasift.core.types import UInt8


def scene(height: int = 240, width: int = 320) -> UInt8:
    """Smooth noise: every part differs from grey, and a JPEG of it is small."""
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    return np.asarray(
        cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX), np.uint8
    )  # type: ignore[call-overload]


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(scene()).convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


JPEGS: dict[str, dict[str, Any]] = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_blocks": 4},
    "grey": {"mode": "L"},
    "CMYK": {"mode": "CMYK"},
    "RGB": {"keep_rgb": True},
    "low quality": {"quality": 20},
    "optimised": {"optimize": True},
}


@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_has_the_pixels_that_opencv_reads(kind: str) -> None:
    data = jpeg(**JPEGS[kind])
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert theirs is not None
    assert np.array_equal(decode_image(data, "a.jpg"), theirs[..., ::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_has_the_pixels_that_opencv_reads(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    data = jpeg(exif=exif)
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert theirs is not None
    assert np.array_equal(decode_image(data, "a.jpg"), theirs[..., ::-1])
    (tmp_path / "a.jpg").write_bytes(data)
    assert read_orientation(tmp_path / "a.jpg") == orientation


def scan_of(data: bytes) -> int:
    """Where the last scan's data begin."""
    index = data.rindex(b"\xff\xda")
    return index + 2 + int(struct.unpack(">H", data[index + 2 : index + 4])[0])


DAMAGE = {
    "an end marker in the middle": lambda d, k: d[: k + 2000] + b"\xff\xd9" + d[k + 2000 :],
    "an end marker after half": lambda d, k: d[: (k + len(d)) // 2] + b"\xff\xd9",
    "a hole of zeros": lambda d, k: d[: k + 1000] + bytes(2000) + d[k + 3000 :],
    "a block left out": lambda d, k: d[: k + 1000] + d[k + 3000 :],
    "a hole of ones": lambda d, k: d[: k + 1000] + b"\xff" * 2000 + d[k + 3000 :],
    "bytes of another file": lambda d, k: (
        d[: k + 1000] + np.random.default_rng(k).bytes(2000) + d[k + 3000 :]
    ),
    "a block twice": lambda d, k: d[: k + 3000] + d[k + 1000 : k + 3000] + d[k + 3000 :],
    "a marker in the middle": lambda d, k: d[: k + 2000] + b"\xff\x51" + d[k + 2000 :],
}


@pytest.mark.parametrize("kind", ["4:2:0", "grey", "4:4:4", "CMYK"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_jpeg_that_would_be_filled_with_grey_is_an_error(kind: str, damage: str) -> None:
    whole = jpeg(**JPEGS[kind])
    data = DAMAGE[damage](whole, scan_of(whole))
    with pytest.raises(ImageError, match=r"a\.jpg.*JPEG") as caught:
        decode_image(data, "a.jpg")
    assert "\n" not in str(caught.value)


def test_a_restart_interval_that_is_lost_is_an_error() -> None:
    whole = jpeg(restart_marker_blocks=4)
    start, end = whole.index(b"\xff\xd2"), whole.index(b"\xff\xd5")
    with pytest.raises(ImageError, match="JPEG"):
        decode_image(whole[:start] + whole[end:], "a.jpg")


@pytest.mark.parametrize("extra", [b"\0" * 7, b"\0" * 700, b"\xff" * 50, b"abc"])
def test_bytes_before_the_end_marker_do_no_harm(extra: bytes) -> None:
    whole = jpeg()
    assert whole.endswith(b"\xff\xd9")
    found = decode_image(whole[:-2] + extra + b"\xff\xd9", "a.jpg")
    assert np.array_equal(found, decode_image(whole, "a.jpg"))


def tiff(image: Any, mode: str, tags: dict[int, Any] | None = None, **options: Any) -> bytes:
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in (tags or {}).items():
        directory[tag] = value
    buffer = io.BytesIO()
    Image.fromarray(image, mode).save(buffer, "TIFF", tiffinfo=directory, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate"])
@pytest.mark.parametrize("alpha", [0, 1, 128, 255])
def test_the_colours_of_a_tiff_with_alpha_are_those_stored(alpha: int, compression: str | None) -> None:
    image = np.dstack([scene(), np.full((240, 320), alpha, np.uint8)])
    assert np.array_equal(decode_image(tiff(image, "RGBA", compression=compression), "a.tif"), scene())
    grey = np.dstack([scene()[..., 0], np.full((240, 320), alpha, np.uint8)])
    found = decode_image(tiff(grey, "LA", compression=compression), "a.tif")
    assert np.array_equal(found, np.repeat(scene()[..., :1], 3, axis=2))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_tiff_with_alpha(orientation: int) -> None:
    image = np.dstack([scene(), np.full((240, 320), 90, np.uint8)])
    turned = {1: scene(), 3: np.rot90(scene(), 2), 6: np.rot90(scene(), -1), 8: np.rot90(scene())}
    assert np.array_equal(decode_image(tiff(image, "RGBA", {274: orientation}), "a.tif"), turned[orientation])


def test_pages_of_a_tiff(tmp_path: Path) -> None:
    pages = [Image.fromarray(scene() // (k + 1)) for k in range(3)]
    pages[0].save(tmp_path / "three.tif", save_all=True, append_images=pages[1:])
    (tmp_path / "scan").write_bytes((tmp_path / "three.tif").read_bytes())
    pages[0].save(tmp_path / "one.tif")
    pages[0].save(tmp_path / "one.jpg")
    expected = {"three.tif": 3, "scan": 3, "one.tif": 1, "one.jpg": 1, "none.tif": 1}
    assert {name: page_count(tmp_path / name) for name in expected} == expected
    assert page_count((tmp_path / "three.tif").read_bytes()) == 3
    assert np.array_equal(read_image(tmp_path / "three.tif"), scene())


def directory(
    entries: dict[int, tuple[int, ...]], index: int, following: int = 0, *, order: str = "<"
) -> bytes:
    """A directory of LONGs at `place`; values of more than one stand behind it."""
    head, tail = struct.pack(order + "H", len(entries)), b""
    behind = index + 2 + 12 * len(entries) + 4
    for tag, values in sorted(entries.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        where = packed if len(values) == 1 else struct.pack(order + "I", behind + len(tail))
        head += struct.pack(order + "HHI", tag, 4, len(values)) + where
        tail += packed if len(values) > 1 else b""
    return head + struct.pack(order + "I", following) + tail


THUMBNAIL: dict[int, tuple[int, ...]] = {
    256: (2,),
    257: (2,),
    258: (8,),
    259: (1,),
    262: (1,),
    273: (8,),
    278: (2,),
    279: (4,),
}


def camera_tiff(
    first: dict[int, tuple[int, ...]], inner: dict[int, tuple[int, ...]] | None, order: str = "<"
) -> bytes:
    """A TIFF whose first page is a small grey image, with a directory inside, as cameras write RAW."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    pixels, index = b"\x10\x20\x30\x40", 16
    entries = {**THUMBNAIL, **first, **({330: (0,)} if inner else {})}
    entries[273] = (8,)
    inside = index + len(directory(entries, index, order=order))
    if inner:
        entries[330] = (inside,)
    data = (
        start + struct.pack(order + "I", index) + pixels + bytes(4) + directory(entries, index, order=order)
    )
    return data + (directory(inner, inside, order=order) if inner else b"")


RAWS = {
    "DNG": camera_tiff({50706: (0x00000401,)}, {262: (32803,)}),
    "DNG, big endian": camera_tiff({50706: (0x01040000,)}, None, ">"),
    "NEF": camera_tiff({254: (1,)}, {259: (34713,), 262: (32803,)}, ">"),
    "ARW": camera_tiff({254: (1,)}, {259: (32767,)}),
    "PEF": camera_tiff({}, {259: (65535,)}),
    "colour filter array in the first page": camera_tiff({262: (32803,)}, None),
    "linear RAW inside": camera_tiff({}, {262: (34892,)}),
    "CR2": b"II*\0\x10\0\0\0CR\x02\0" + bytes(4) + directory(THUMBNAIL, 16),
    "IIQ": b"II*\0\x10\0\0\0IIII" + bytes(4) + directory(THUMBNAIL, 16),
    "ORF": b"IIRO\x08\0\0\0" + directory(THUMBNAIL, 8),
    "RW2": b"IIU\0\x08\0\0\0" + directory(THUMBNAIL, 8),
    "RAF": b"FUJIFILMCCD-RAW 0201" + bytes(80),
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\x01" + bytes(80),
    "X3F": b"FOVb" + bytes(80),
}


@pytest.mark.parametrize("name", ["a.tif", "a.nef", "a.jpg"])
@pytest.mark.parametrize("kind", RAWS)
def test_raw_is_refused_by_content(kind: str, name: str) -> None:
    with pytest.raises(ImageError, match="RAW") as caught:
        decode_image(RAWS[kind], name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_of_another_kind_is_no_raw(order: str) -> None:
    """The same layout without what makes it RAW: an overview inside, as GIS programs and scanners write."""
    found = decode_image(camera_tiff({}, {254: (1,), 256: (1,), 257: (1,)}, order), "a.tif")
    assert found[..., 0].tolist() == [[16, 32], [48, 64]]


@pytest.mark.parametrize("cut", [9, 17, 30, 60])
def test_a_torn_tiff_is_an_error_of_ours(cut: int) -> None:
    with pytest.raises(ImageError):
        decode_image(RAWS["PEF"][:cut], "a.tif")


def test_directories_in_a_circle() -> None:
    data = b"II*\0\x10\0\0\0" + b"\x10\x20\x30\x40" + bytes(4) + directory(THUMBNAIL, 16, following=16)
    assert decode_image(data, "a.tif").shape == (2, 2, 3)
